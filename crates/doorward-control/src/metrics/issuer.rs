//! What is measured of one trusted issuer.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use doorward_core::Timestamp;

/// What is measured of one trusted issuer.
#[derive(Default)]
pub struct IssuerMetrics {
    /// Milliseconds since the epoch; zero for never.
    fetched_at: AtomicI64,
    failures: AtomicU64,
}

impl IssuerMetrics {
    /// Notes that the issuer's keys were fetched and are in use.
    pub fn fetched(&self, at: Timestamp) {
        self.fetched_at.store(at.millis(), Ordering::Relaxed);
    }

    /// Notes that the issuer's keys could not be fetched, or were not usable.
    pub fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// When the keys in use were fetched.
    pub(super) fn fetched_at(&self) -> Option<Timestamp> {
        match self.fetched_at.load(Ordering::Relaxed) {
            0 => None,
            millis => Some(Timestamp::from_millis(millis)),
        }
    }

    /// How often fetching failed.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}
