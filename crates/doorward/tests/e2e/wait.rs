//! Waiting for something, never for a fixed time.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longer than anything here takes; reached only when a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer.
pub(crate) fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, ask)
}

/// As [`until`], with a deadline of its own.
pub(crate) fn within<T>(patience: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < patience, "waited in vain: {what}");
        sleep(Duration::from_millis(10));
    }
}
