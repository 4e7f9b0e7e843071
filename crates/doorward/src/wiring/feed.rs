//! Whether what is known of revocations is fresh.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use doorward_control::Check;
use doorward_core::Clock;
use doorward_core::gate::RevocationFeed;

/// Remembers when the database was last read in full, on the clock that never steps back.
pub struct Feed {
    clock: Arc<dyn Clock>,
    read_at_us: AtomicU64,
    bound_us: u64,
}

impl Feed {
    /// A feed that was read just now and may be `bound` old.
    pub fn new(clock: Arc<dyn Clock>, bound: Duration) -> Self {
        let now = clock.monotonic_micros();
        let bound_us = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        Self {
            clock,
            read_at_us: AtomicU64::new(now),
            bound_us,
        }
    }

    /// Notes that everything written before `started_us` is known.
    pub fn read(&self, started_us: u64) {
        self.read_at_us.fetch_max(started_us, Ordering::Release);
    }
}

impl RevocationFeed for Feed {
    fn is_fresh(&self) -> bool {
        let read_at = self.read_at_us.load(Ordering::Acquire);
        self.clock.monotonic_micros().saturating_sub(read_at) <= self.bound_us
    }
}

impl Check for Feed {
    fn name(&self) -> &'static str {
        "database"
    }

    fn state(&self, _now: u64) -> Result<(), &'static str> {
        if self.is_fresh() {
            Ok(())
        } else {
            Err("the database cannot be read")
        }
    }
}
