//! Whether a server is well, as far as calls and questions show.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::{Eject, FailedAnswers};

/// Whether a server is well.
pub(super) struct Health {
    eject: Eject,
    epoch: Instant,
    /// Failures of calls since the last success.
    failures: AtomicU32,
    /// Until when it is left out, in milliseconds since `epoch`; zero when it never was, or has
    /// been well since.
    out_until: AtomicU64,
    /// How often in a row it was left out, which sets for how long.
    row: AtomicU32,
    ejections: AtomicU64,
    /// The questions that it is asked have failed.
    down: AtomicBool,
}

impl Health {
    pub(super) fn new(eject: Eject) -> Self {
        Self {
            eject,
            epoch: Instant::now(),
            failures: AtomicU32::new(0),
            out_until: AtomicU64::new(0),
            row: AtomicU32::new(0),
            ejections: AtomicU64::new(0),
            down: AtomicBool::new(false),
        }
    }

    /// Tells whether calls go to it. The clock is read only for servers that were left out.
    pub(super) fn is_available(&self) -> bool {
        if self.is_down() {
            return false;
        }
        let until = self.out_until.load(Ordering::Relaxed);
        until == 0 || self.now() >= until
    }

    /// Tells whether the questions that it is asked have failed.
    pub(super) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// Takes the result of the questions.
    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    pub(super) fn ejections(&self) -> u64 {
        self.ejections.load(Ordering::Relaxed)
    }

    /// Takes the answer of a call.
    pub(super) fn answered(&self, status: StatusCode) {
        let failed = match self.eject.answers {
            FailedAnswers::None => false,
            FailedAnswers::Gateway => matches!(status.as_u16(), 502..=504),
            FailedAnswers::All => status.is_server_error(),
        };
        if failed {
            self.failed();
        } else {
            self.succeeded();
        }
    }

    fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        let until = self.out_until.load(Ordering::Relaxed);
        // It has been back for as long as a first failure costs: the next one is a first again.
        if until != 0 && self.now() >= until.saturating_add(millis(self.eject.base)) {
            self.out_until.store(0, Ordering::Relaxed);
            self.row.store(0, Ordering::Relaxed);
        }
    }

    /// Takes a failure of a call.
    pub(super) fn failed(&self) {
        let limit = self.eject.failures;
        if limit == 0 {
            return;
        }
        let failures = self.failures.fetch_add(1, Ordering::Relaxed);
        if failures.saturating_add(1) < limit {
            return;
        }
        let now = self.now();
        let until = self.out_until.load(Ordering::Relaxed);
        if until > now {
            // The calls that had begun before tell nothing new.
            return;
        }
        let row = self.row.load(Ordering::Relaxed);
        let factor = 1_u32.checked_shl(row).unwrap_or(u32::MAX);
        let out = self.eject.base.saturating_mul(factor).min(self.eject.max);
        let next = now.saturating_add(millis(out)).max(1);
        let swapped =
            self.out_until
                .compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed);
        if swapped.is_ok() {
            self.row.store((row + 1).min(31), Ordering::Relaxed);
            self.ejections.fetch_add(1, Ordering::Relaxed);
            // Back again, it has one failure left.
            self.failures.store(limit - 1, Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        millis(self.epoch.elapsed())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> Health {
        Health::new(Eject {
            failures: 3,
            base: Duration::from_secs(10),
            max: Duration::from_secs(35),
            answers: FailedAnswers::Gateway,
        })
    }

    async fn pass(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_leave_a_server_out_for_a_growing_time() {
        let health = health();
        for _ in 0..10 {
            health.failed();
            health.failed();
            health.answered(StatusCode::OK);
        }
        assert!(health.is_available(), "never three in a row");
        for _ in 0..3 {
            health.failed();
        }
        assert!(!health.is_available());
        for _ in 0..50 {
            health.failed();
        }
        assert_eq!(health.ejections(), 1, "late failures tell nothing new");
        pass(10).await;
        assert!(health.is_available());
        for (seconds, ejections) in [(20, 2), (35, 3), (35, 4)] {
            health.failed();
            assert!(!health.is_available());
            pass(seconds - 1).await;
            assert!(!health.is_available());
            pass(1).await;
            assert!(health.is_available(), "{seconds}");
            assert_eq!(health.ejections(), ejections);
        }
        pass(11).await;
        health.answered(StatusCode::OK);
        for _ in 0..3 {
            health.failed();
        }
        pass(10).await;
        assert!(health.is_available(), "well for long enough: a first time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_cannot_take_a_server_away_with_a_request_that_makes_it_stumble() {
        let health = health();
        for _ in 0..50 {
            health.answered(StatusCode::INTERNAL_SERVER_ERROR);
            health.answered(StatusCode::NOT_IMPLEMENTED);
        }
        assert!(health.is_available());
        for _ in 0..3 {
            health.answered(StatusCode::SERVICE_UNAVAILABLE);
        }
        assert!(!health.is_available());
    }
}
