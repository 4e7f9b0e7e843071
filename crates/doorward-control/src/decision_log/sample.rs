//! Decisions and a clock for tests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use doorward_core::clock::{Clock, Timestamp};
use doorward_core::decision::{Decision, DecisionIds};
use doorward_core::entropy::Entropy;
use doorward_core::front::Front;
use doorward_core::net::ClientAddress;

/// A clock that stands still until it is advanced.
#[derive(Default)]
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0
            .fetch_add(u64::try_from(by.as_micros()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(self.monotonic_micros() / 1000).unwrap())
    }

    fn monotonic_micros(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Number(u64);

impl Entropy for Number {
    fn fill(&self, into: &mut [u8]) {
        into.copy_from_slice(&self.0.to_le_bytes());
    }
}

/// An allowed call with an id of its own.
pub(crate) fn decision(number: u64) -> Decision<'static> {
    Decision {
        at: Timestamp::from_secs(1),
        id: DecisionIds::new(&Number(number)).next(),
        rejection: None,
        method: None,
        credential_id: None,
        subject: Some("alice"),
        route: Some("/orders/{id}"),
        rule: Some("GET /orders/{id}"),
        http_method: "GET",
        host: Some("api.example"),
        path: "/orders/7",
        client: ClientAddress::new([192, 0, 2, 1].into()),
        front: Front::Proxy,
        latency_us: 12,
    }
}
