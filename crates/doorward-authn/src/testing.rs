//! What the tests of this crate share: a clock that stands still, requests, verdicts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use doorward_core::gate::{Authenticator, Verdict};
use doorward_core::net::ClientAddress;
use doorward_core::rejection::{Misplaced, Rejection};
use doorward_core::request::{Arrival, ManagedHeaders, Transport};
use doorward_core::{Clock, Entropy, RequestHead, Timestamp, Verified};

/// When the tests take place: seconds since the Unix epoch.
pub(crate) const START: i64 = 1_800_000_000;

/// A clock that a test moves.
#[derive(Default)]
pub(crate) struct StillClock(AtomicU64);

impl StillClock {
    pub(crate) fn advance(&self, by: Duration) {
        let micros = u64::try_from(by.as_micros()).unwrap();
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(START).plus(Duration::from_micros(self.monotonic_micros()))
    }

    fn monotonic_micros(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Randomness that is the same in every run.
pub(crate) struct Counting(pub(crate) AtomicU64);

impl Counting {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(1))
    }
}

impl Entropy for Counting {
    fn fill(&self, into: &mut [u8]) {
        for byte in into {
            // The constants of Knuth's generator: spread enough for tests.
            let last = self.0.load(Ordering::Relaxed);
            let next = last
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            self.0.store(next, Ordering::Relaxed);
            *byte = (next >> 56) as u8;
        }
    }
}

pub(crate) fn head_from(target: &str, headers: &[(&str, &str)], client: &str) -> RequestHead {
    let mut request = http::Request::get(target).header("host", "api.example");
    for (name, value) in headers {
        request = request.header(
            *name,
            http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let arrival = Arrival {
        client: ClientAddress::new(client.parse().unwrap()),
        transport: Transport::Tls,
    };
    RequestHead::canonicalise(parts, arrival, &ManagedHeaders::default()).unwrap()
}

pub(crate) fn head(target: &str, headers: &[(&str, &str)]) -> RequestHead {
    head_from(target, headers, "192.0.2.1")
}

/// Finds and verifies; `Ok(None)` when nothing was found.
pub(crate) async fn authenticate(
    method: &dyn Authenticator,
    head: &RequestHead,
    query_key: Option<&str>,
) -> Result<Option<Verified>, Rejection> {
    let Some(presented) = method.find(head, query_key).map_err(Rejection::Misplaced)? else {
        return Ok(None);
    };
    match method.verify(presented, head) {
        Verdict::Now(verdict) => verdict.map(Some),
        Verdict::Later(verdict) => verdict.await.map(Some),
    }
}

/// The code of the refusal, or the subject.
pub(crate) fn outcome(result: Result<Option<Verified>, Rejection>) -> String {
    match result {
        Ok(Some(verified)) => verified.identity().subject.to_string(),
        Ok(None) => "absent".to_owned(),
        Err(rejection) => rejection.code().to_owned(),
    }
}

pub(crate) const AMBIGUOUS: Rejection = Rejection::Misplaced(Misplaced::Ambiguous);
