//! What readiness depends on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use doorward_core::clock::Clock;

/// Something without which calls cannot be served.
pub trait Check: Send + Sync {
    /// The name in the report: lower-case letters and `_`.
    fn name(&self) -> &'static str;

    /// Tells whether it works; at once, without I/O. `now` is in microseconds on the monotonic
    /// clock.
    ///
    /// # Errors
    /// A fixed sentence that any reader of the page may see.
    fn state(&self, now: u64) -> Result<(), &'static str>;
}

/// A check whose result is reported from elsewhere: a background task that asks the store, the
/// code that loads keys, the code that ends the process.
pub struct Probe {
    name: &'static str,
    clock: Arc<dyn Clock>,
    /// In microseconds.
    max_age: u64,
    reported_at: AtomicU64,
    failure: ArcSwap<Option<&'static str>>,
}

impl Probe {
    /// A probe that fails until it passes, and again when the last report is older than
    /// `max_age`; `None` for results that do not age.
    #[must_use]
    pub fn new(name: &'static str, clock: Arc<dyn Clock>, max_age: Option<Duration>) -> Self {
        let micros = max_age.map(|age| u64::try_from(age.as_micros()).unwrap_or(u64::MAX));
        Self {
            name,
            clock,
            max_age: micros.unwrap_or(u64::MAX),
            reported_at: AtomicU64::new(0),
            failure: ArcSwap::from_pointee(Some("not checked yet")),
        }
    }

    /// Reports that it works now.
    pub fn pass(&self) {
        self.report(None);
    }

    /// Reports that it does not work now, in a fixed sentence.
    pub fn fail(&self, sentence: &'static str) {
        self.report(Some(sentence));
    }

    fn report(&self, failure: Option<&'static str>) {
        let now = self.clock.monotonic_micros();
        self.reported_at.store(now, Ordering::Release);
        self.failure.store(Arc::new(failure));
    }
}

impl Check for Probe {
    fn name(&self) -> &'static str {
        self.name
    }

    fn state(&self, now: u64) -> Result<(), &'static str> {
        if let Some(sentence) = **self.failure.load() {
            return Err(sentence);
        }
        if now.saturating_sub(self.reported_at.load(Ordering::Acquire)) > self.max_age {
            return Err("the last check is too long ago");
        }
        Ok(())
    }
}

/// Whether all checks pass, and the report as JSON.
pub(super) fn report(checks: &[Arc<dyn Check>], now: u64) -> (bool, String) {
    let states: Vec<_> = checks
        .iter()
        .map(|check| (check.name(), check.state(now)))
        .collect();
    let is_ready = states.iter().all(|(_, state)| state.is_ok());
    let entries: serde_json::Map<_, _> = states
        .into_iter()
        .map(|(name, state)| {
            let text = state.err().unwrap_or("ok");
            (name.to_owned(), text.into())
        })
        .collect();
    let status = if is_ready { "ready" } else { "not_ready" };
    let report = serde_json::json!({ "status": status, "checks": entries });
    (is_ready, format!("{report}\n"))
}
