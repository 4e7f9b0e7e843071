//! What is known of each host's certificate, for the tasks, the metrics and readiness.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use doorward_control::{CertificateGauge, CertificateGauges, Check};
use doorward_core::Clock;

use super::kept::Kept;

/// What is known of one host.
#[derive(Default)]
struct Host {
    shown: ArcSwapOption<Kept>,
    obtained: AtomicU64,
    failures: AtomicU64,
}

/// What is known of all hosts.
pub(super) struct Status {
    clock: Arc<dyn Clock>,
    hosts: BTreeMap<Arc<str>, Host>,
    account_is_gone: AtomicBool,
}

impl Status {
    /// Nothing is known of these hosts yet.
    pub(super) fn of(hosts: &[Arc<str>], clock: Arc<dyn Clock>) -> Self {
        let none = |host: &Arc<str>| (Arc::clone(host), Host::default());
        Self {
            clock,
            hosts: hosts.iter().map(none).collect(),
            account_is_gone: AtomicBool::new(false),
        }
    }

    /// The certificate that a host has.
    pub(super) fn known(&self, host: &str) -> Option<Arc<Kept>> {
        self.hosts.get(host)?.shown.load_full()
    }

    /// Notes the certificate that a host has from now on.
    pub(super) fn shows(&self, host: &str, kept: Kept) {
        if let Some(host) = self.hosts.get(host) {
            host.shown.store(Some(Arc::new(kept)));
        }
    }

    /// Counts a certificate that was obtained.
    pub(super) fn obtained(&self, host: &str) {
        if let Some(host) = self.hosts.get(host) {
            host.obtained.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a failure.
    pub(super) fn failed(&self, host: &str) {
        if let Some(host) = self.hosts.get(host) {
            host.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells whether the authority said that it does not know our account.
    pub(super) fn account_is_gone(&self) -> bool {
        self.account_is_gone.load(Ordering::Acquire)
    }

    /// Notes that the authority does not know our account.
    pub(super) fn account_went(&self) {
        self.account_is_gone.store(true, Ordering::Release);
    }

    /// Notes that there is an account.
    pub(super) fn account_is_known(&self) {
        self.account_is_gone.store(false, Ordering::Release);
    }
}

impl Check for Status {
    fn name(&self) -> &'static str {
        "certificates"
    }

    fn state(&self, _: u64) -> Result<(), &'static str> {
        let now = self.clock.now();
        for host in self.hosts.values() {
            match &*host.shown.load() {
                None => return Err("a host has no certificate yet"),
                Some(shown) if shown.validity().not_after <= now => {
                    return Err("the certificate of a host has ended");
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

impl CertificateGauges for Status {
    fn certificates(&self) -> Vec<CertificateGauge> {
        let gauge = |(name, host): (&Arc<str>, &Host)| CertificateGauge {
            host: Arc::clone(name),
            ends_at: host
                .shown
                .load()
                .as_ref()
                .map(|shown| shown.validity().not_after),
            obtained: host.obtained.load(Ordering::Relaxed),
            failures: host.failures.load(Ordering::Relaxed),
        };
        self.hosts.iter().map(gauge).collect()
    }
}
