//! Prints what the record of one decision costs the thread that decides.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use doorward_control::{DecisionLog, Metrics, OnFailure, Settings, Target};
use doorward_core::clock::{Clock, Timestamp};
use doorward_core::credential::{CredentialId, Method};
use doorward_core::decision::{Decision, DecisionIds, Journal};
use doorward_core::entropy::Entropy;
use doorward_core::front::Front;
use doorward_core::net::ClientAddress;

const RECORDS: usize = 400_000;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_123)
    }
    fn monotonic_micros(&self) -> u64 {
        0
    }
}

impl Entropy for Fixed {
    fn fill(&self, into: &mut [u8]) {
        into.fill(7);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    for (name, target) in [
        ("off", Target::Off),
        ("file", Target::File("/dev/null".into())),
    ] {
        let metrics = Arc::new(Metrics::new("example"));
        let log = DecisionLog::start(Settings {
            target,
            on_failure: OnFailure::Serve,
            clock: Arc::new(Fixed),
            metrics: Arc::clone(&metrics),
        })?;
        let ids = DecisionIds::new(&Fixed);
        let credential = CredentialId::new("key_0123456789");
        let start = Instant::now();
        for _ in 0..RECORDS {
            let decision = Decision {
                at: Fixed.now(),
                id: ids.next(),
                rejection: None,
                method: Some(Method::ApiKey),
                credential_id: Some(&credential),
                subject: Some("alice@example.com"),
                route: Some("api.example.com/orders/{id}"),
                rule: Some("GET api.example.com/orders/{id}"),
                http_method: "GET",
                host: Some("api.example.com"),
                path: "/orders/81723",
                client: ClientAddress::new([192, 0, 2, 17].into()),
                front: Front::Proxy,
                latency_us: 31,
            };
            log.record(&decision)?;
        }
        let nanos = start.elapsed().as_nanos() / RECORDS as u128;
        log.close(Duration::from_secs(10));
        println!("{name:>5}: {nanos} ns per record");
        let page = metrics.render(Fixed.now());
        for line in page
            .lines()
            .filter(|line| line.contains("log_records_lost_total "))
        {
            println!("       {line}");
        }
    }
    Ok(())
}
