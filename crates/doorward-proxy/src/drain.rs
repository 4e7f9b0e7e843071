//! The end of service: finish what has begun, up to a deadline.

use std::time::Duration;

use tokio::sync::watch;

/// Tells listeners and connections when to stop, and how long they may take.
#[derive(Clone)]
pub struct Drain {
    signal: watch::Receiver<bool>,
    deadline: Duration,
}

impl Drain {
    /// Takes a signal that turns `true` once, and the time from then until what is left is cut.
    /// A sender that is dropped means the same as `true`.
    #[must_use]
    pub const fn new(signal: watch::Receiver<bool>, deadline: Duration) -> Self {
        Self { signal, deadline }
    }

    /// The time from the signal until what is left is cut.
    pub(crate) const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Tells, at the cost of one look, whether the signal may have come.
    pub(crate) fn may_have_begun(&self) -> bool {
        self.signal.has_changed().unwrap_or(true)
    }

    /// Waits for the signal.
    pub(crate) async fn begun(mut self) {
        // A dropped sender is an error here, and as good a reason to stop.
        let _begun = self.signal.wait_for(|begun| *begun).await;
    }
}
