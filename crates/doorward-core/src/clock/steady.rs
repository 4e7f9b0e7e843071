//! A clock that cannot be set back to revive what has expired.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Clock, Timestamp};

/// How far the wall clock may be behind the monotonic one before it is no longer believed.
pub const TOLERANCE: Duration = Duration::from_secs(5);
/// How long a wall clock that was set forward must stand so before it is what others are
/// measured by: a mistake that is corrected sooner leaves no trace.
pub const FORWARD_AFTER: Duration = Duration::from_hours(1);
/// How long a wall clock that was set back must stand so before it is believed, so that a start
/// with a clock that was ahead locks nobody out for good. A restart believes it at once.
pub const BACK_AFTER: Duration = Duration::from_hours(24);

/// Tells the time of the wall clock, or, where that was set back, the time that the monotonic
/// clock makes of the last time that was believed, less [`TOLERANCE`].
///
/// SECURITY: a clock that jumps back by an hour must not make tokens live that ended within that
/// hour.
pub struct SteadyClock<C> {
    inner: C,
    /// What must be added to the monotonic clock to get the time that is believed, in
    /// milliseconds.
    offset: AtomicI64,
    deviates: AtomicBool,
    /// The other offset that the wall clock has, and since when on the monotonic clock.
    other: Mutex<Option<(i64, u64)>>,
}

impl<C: Clock> SteadyClock<C> {
    /// Believes the wall clock as it is now.
    pub fn new(inner: C) -> Self {
        let offset = AtomicI64::new(offset_of(&inner).0);
        Self {
            inner,
            offset,
            deviates: AtomicBool::new(false),
            other: Mutex::default(),
        }
    }

    /// How far the wall clock was set back, while it is not believed.
    #[must_use]
    pub fn set_back_by(&self) -> Option<Duration> {
        let behind = self.offset.load(Ordering::Relaxed) - offset_of(&self.inner).0;
        let behind = Duration::from_millis(u64::try_from(behind).unwrap_or(0));
        (behind > TOLERANCE).then_some(behind)
    }

    fn other(&self) -> MutexGuard<'_, Option<(i64, u64)>> {
        self.other.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a wall clock that does not go with the monotonic one, and says whether it is
    /// to be believed from now on.
    fn deviate(&self, offset: i64, ahead: bool) -> bool {
        let now = self.inner.monotonic_micros();
        let mut other = self.other();
        self.deviates.store(true, Ordering::Relaxed);
        let (_, since) = match *other {
            Some(known) if known.0.abs_diff(offset) <= tolerance().unsigned_abs() => known,
            // SECURITY: a clock that moves again is waited for again, from the start.
            _ => *other.insert((offset, now)),
        };
        let wait = if ahead { FORWARD_AFTER } else { BACK_AFTER };
        let waited = Duration::from_micros(now.saturating_sub(since)) >= wait;
        if waited {
            self.offset.store(offset, Ordering::Relaxed);
            *other = None;
        }
        drop(other);
        waited
    }
}

impl<C: Clock> Clock for SteadyClock<C> {
    fn now(&self) -> Timestamp {
        let (offset, wall) = offset_of(&self.inner);
        let believed = self.offset.load(Ordering::Relaxed);
        let ahead = offset.saturating_sub(believed);
        if ahead.abs() <= tolerance() {
            if self.deviates.swap(false, Ordering::Relaxed) {
                *self.other() = None;
            }
            return wall;
        }
        if self.deviate(offset, ahead > 0) || ahead > 0 {
            return wall;
        }
        let since_wall = believed.saturating_sub(offset).saturating_sub(tolerance());
        Timestamp::from_millis(wall.millis().saturating_add(since_wall))
    }

    fn monotonic_micros(&self) -> u64 {
        self.inner.monotonic_micros()
    }
}

/// What the wall clock is ahead of the monotonic one, in milliseconds, and the wall clock.
fn offset_of(clock: &impl Clock) -> (i64, Timestamp) {
    let wall = clock.now();
    let steady = i64::try_from(clock.monotonic_micros() / 1000).unwrap_or(i64::MAX);
    (wall.millis().saturating_sub(steady), wall)
}

fn tolerance() -> i64 {
    i64::try_from(TOLERANCE.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
