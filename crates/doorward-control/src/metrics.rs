//! What is counted, in the Prometheus text format.
//!
//! Every label value is a constant of the program or a name from the configuration, so that no
//! caller can make the page grow. The hot path writes relaxed atomics only.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use doorward_core::Timestamp;
use doorward_core::credential::Method;
use doorward_core::decision::Decision;
use doorward_core::rejection::{Check, Rejection};
use http::StatusCode;
use parking_lot::RwLock;

mod certificate;
mod codes;
mod issuer;
mod render;
mod shard;
mod text;
mod upstream;

pub use certificate::{CertificateGauge, CertificateGauges};
use codes::Codes;
pub use issuer::IssuerMetrics;
use shard::{BOUNDS_US, METHODS, Shards};
pub use upstream::{ServerGauge, UpstreamGauge, UpstreamGauges};

/// How many issuers are measured.
const MAX_ISSUERS: usize = 1000;

/// All counters and gauges of a process.
pub struct Metrics {
    shards: Shards,
    reasons: Codes,
    upstream_kinds: Codes,
    issuers: RwLock<BTreeMap<Box<str>, Arc<IssuerMetrics>>>,
    loaded: [AtomicU64; 3],
    hash_queue: AtomicU64,
    /// Milliseconds since the epoch; zero for never.
    feed_seen_at: AtomicI64,
    log_write_failures: AtomicU64,
    log_records_lost: AtomicU64,
    version: Box<str>,
    upstreams: OnceLock<Arc<dyn UpstreamGauges>>,
    certificates: OnceLock<Arc<dyn CertificateGauges>>,
}

/// What is counted of the state in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loaded {
    /// API keys.
    ApiKeys,
    /// Users.
    Users,
    /// Trusted issuers.
    Issuers,
}

/// Counts a request as in flight until it is dropped.
pub struct InFlight(Arc<Metrics>);

impl Metrics {
    /// All zero.
    #[must_use]
    pub fn new(version: &str) -> Self {
        Self {
            shards: Shards::new(),
            reasons: Codes::new(),
            upstream_kinds: Codes::new(),
            issuers: RwLock::default(),
            loaded: [const { AtomicU64::new(0) }; 3],
            hash_queue: AtomicU64::new(0),
            feed_seen_at: AtomicI64::new(0),
            log_write_failures: AtomicU64::new(0),
            log_records_lost: AtomicU64::new(0),
            version: version.into(),
            upstreams: OnceLock::new(),
            certificates: OnceLock::new(),
        }
    }

    /// Counts a decision of the gate. The decision log calls this.
    pub(crate) fn decision(&self, decision: &Decision<'_>) {
        let outcome = decision
            .rejection
            .map_or(0, |rejection| check_number(rejection.check()));
        let cell = outcome * METHODS + method_number(decision.method);
        self.shards.add(|shard| &shard.decisions, cell, 1);
        let micros = decision.latency_us;
        let bucket = BOUNDS_US.partition_point(|bound| *bound < micros);
        self.shards.add(|shard| &shard.latency, bucket, 1);
        self.shards.add(|shard| &shard.latency_sum_us, 0, micros);
        if let Some(code) = decision.rejection.map(Rejection::code) {
            let number = self.reasons.number(code);
            self.shards.add(|shard| &shard.refusals, number, 1);
        }
    }

    /// Counts a request from now until the value is dropped.
    #[must_use]
    pub fn in_flight(self: &Arc<Self>) -> InFlight {
        self.shards.add(|shard| &shard.requests, 0, 1);
        InFlight(Arc::clone(self))
    }

    /// Counts a finished response and the bytes of its body.
    pub fn response(&self, status: StatusCode, bytes: u64) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        self.shards.add(|shard| &shard.responses, class.min(4), 1);
        self.shards.add(|shard| &shard.response_bytes, 0, bytes);
    }

    /// Counts a permitted call that could not be passed on. The kind is a fixed code.
    pub fn upstream_error(&self, kind: &'static str) {
        let number = self.upstream_kinds.number(kind);
        self.shards.add(|shard| &shard.upstream_errors, number, 1);
    }

    /// Notes how many there are in memory.
    pub fn set_loaded(&self, what: Loaded, count: usize) {
        let [api_keys, users, issuers] = &self.loaded;
        let cell = match what {
            Loaded::ApiKeys => api_keys,
            Loaded::Users => users,
            Loaded::Issuers => issuers,
        };
        cell.store(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The measures of a trusted issuer, named as in the configuration: never by what a token
    /// says. Beyond 1000 issuers the page leaves the rest out.
    #[must_use]
    pub fn issuer(&self, name: &str) -> Arc<IssuerMetrics> {
        if let Some(known) = self.issuers.read().get(name) {
            return Arc::clone(known);
        }
        let mut issuers = self.issuers.write();
        if issuers.len() >= MAX_ISSUERS {
            return Arc::default();
        }
        Arc::clone(issuers.entry(name.into()).or_default())
    }

    /// Forgets the issuers that are not trusted any more.
    pub fn retain_issuers(&self, is_trusted: impl Fn(&str) -> bool) {
        self.issuers.write().retain(|name, _| is_trusted(name));
    }

    /// Shows the upstreams from now on; only the first call counts.
    pub fn show_upstreams(&self, upstreams: Arc<dyn UpstreamGauges>) {
        let _first = self.upstreams.set(upstreams);
    }

    /// Shows the certificates from now on; only the first call counts.
    pub fn show_certificates(&self, certificates: Arc<dyn CertificateGauges>) {
        let _first = self.certificates.set(certificates);
    }

    /// Notes how many password hashes wait for a thread.
    pub fn set_hash_queue(&self, waiting: usize) {
        let waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
        self.hash_queue.store(waiting, Ordering::Relaxed);
    }

    /// Notes that the change feed was read up to its end.
    pub fn feed_read(&self, at: Timestamp) {
        self.feed_seen_at.store(at.millis(), Ordering::Relaxed);
    }

    /// Counts a write of the log that failed.
    pub(crate) fn log_write_failed(&self) {
        self.log_write_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts records that were given up.
    pub(crate) fn log_records_lost(&self, count: u64) {
        self.log_records_lost.fetch_add(count, Ordering::Relaxed);
    }

    /// The page for `GET /metrics`.
    #[must_use]
    pub fn render(&self, now: Timestamp) -> String {
        render::page(self, now)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.shards.add(|shard| &shard.requests, 1, 1);
    }
}

const fn check_number(check: Check) -> usize {
    match check {
        Check::Present => 1,
        Check::Valid => 2,
        Check::Expired => 3,
        Check::Allowed => 4,
        Check::Available => 5,
    }
}

fn method_number(method: Option<Method>) -> usize {
    let position = |method| Method::ALL.iter().position(|known| *known == method);
    method.and_then(position).map_or(0, |position| position + 1)
}

#[cfg(test)]
mod tests;
