//! Which signed requests of one key were seen, within bounds of time and number.

use std::collections::HashSet;
use std::time::Duration;

use doorward_core::Timestamp;
use doorward_crypto::digest::sha256;
use parking_lot::Mutex;

/// The requests of one key that were admitted lately.
///
/// Two sets take turns: every request is remembered for at least as long as was asked for, and
/// for at most twice as long. One key cannot use up the memory of another. What was signed at the
/// same time as something that is forgotten, or before, is never fresh again, so that nothing
/// becomes new when signatures are suddenly good for longer.
#[derive(Default)]
pub struct ReplayWindow(Mutex<Turns>);

#[derive(Default)]
struct Turns {
    began_us: u64,
    current: Remembered,
    previous: Remembered,
    /// When the latest of the forgotten requests was signed.
    forgotten: Option<Timestamp>,
}

#[derive(Default)]
struct Remembered {
    requests: HashSet<[u8; 16]>,
    /// When the latest of them was signed.
    latest: Option<Timestamp>,
}

/// What came of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim {
    /// It was not seen before; now it was.
    Fresh,
    /// It was seen before.
    Replayed,
    /// It is older than what is remembered, and may have been seen.
    Forgotten,
    /// Too many are remembered to remember one more.
    Full,
}

/// How long and how many a window remembers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// The shortest time that a request is remembered.
    pub keep: Duration,
    /// The most requests that are remembered.
    pub most: usize,
}

impl ReplayWindow {
    /// Claims what makes a request unique, and when it was signed. `now_us` is on a clock that
    /// never steps back.
    pub fn claim(
        &self,
        (unique, signed): (&[u8], Timestamp),
        now_us: u64,
        bounds: Bounds,
    ) -> Claim {
        let [head, _] = *sha256(unique).as_chunks::<16>().0 else {
            return Claim::Full;
        };
        let mut turns = self.0.lock();
        turns.turn(now_us, bounds.keep);
        let (current, previous) = (&turns.current.requests, &turns.previous.requests);
        if current.contains(&head) || previous.contains(&head) {
            return Claim::Replayed;
        }
        if turns.forgotten.is_some_and(|latest| signed <= latest) {
            return Claim::Forgotten;
        }
        if current.len() + previous.len() >= bounds.most {
            return Claim::Full;
        }
        turns.current.requests.insert(head);
        turns.current.latest = turns.current.latest.max(Some(signed));
        Claim::Fresh
    }
}

impl Turns {
    fn turn(&mut self, now_us: u64, keep: Duration) {
        let keep_us = u64::try_from(keep.as_micros()).unwrap_or(u64::MAX);
        let age = now_us.saturating_sub(self.began_us);
        if age <= keep_us {
            return;
        }
        let current = std::mem::take(&mut self.current);
        self.forget(current);
        if age > keep_us.saturating_mul(2) {
            self.forget(Remembered::default());
        }
        self.began_us = now_us;
    }

    /// Puts a set in the place of the older one.
    fn forget(&mut self, next: Remembered) {
        let gone = std::mem::replace(&mut self.previous, next);
        self.forgotten = self.forgotten.max(gone.latest);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use doorward_core::Timestamp;

    use super::{Bounds, Claim, ReplayWindow};

    const BOUNDS: Bounds = Bounds {
        keep: Duration::from_secs(10),
        most: 100,
    };
    const SECOND: u64 = 1_000_000;

    /// Claims a request that was signed at this moment.
    fn claim(window: &ReplayWindow, unique: &[u8], now_us: u64) -> Claim {
        let signed = Timestamp::from_millis(i64::try_from(now_us / 1000).unwrap());
        window.claim((unique, signed), now_us, BOUNDS)
    }

    #[test]
    fn r030_a_request_is_remembered_for_at_least_as_long_as_asked() {
        for start in 0..40 {
            let window = ReplayWindow::default();
            let first = start * SECOND / 2;
            assert_eq!(claim(&window, b"one", first), Claim::Fresh);
            for later in 0..=20 {
                let now = first + later * SECOND / 2;
                claim(&window, &later.to_be_bytes(), now);
                assert_eq!(claim(&window, b"one", now), Claim::Replayed);
            }
            let gone = first + 20 * SECOND + 2;
            assert_eq!(claim(&window, b"one", gone + 10 * SECOND), Claim::Fresh);
        }
    }

    #[test]
    fn r030_a_full_window_refuses_and_recovers() {
        let window = ReplayWindow::default();
        for n in 0..100_u64 {
            assert_eq!(claim(&window, &n.to_be_bytes(), 0), Claim::Fresh);
        }
        assert_eq!(claim(&window, b"more", 0), Claim::Full);
        assert_eq!(claim(&window, &7_u64.to_be_bytes(), 0), Claim::Replayed);
        assert_eq!(claim(&window, b"more", 21 * SECOND), Claim::Fresh);
    }

    /// A reload can make signatures good for longer than was remembered until then.
    #[test]
    fn r030_what_was_forgotten_is_never_fresh_again() {
        let long = Bounds {
            keep: Duration::from_secs(1000),
            ..BOUNDS
        };
        let at = |second: i64| Timestamp::from_secs(second);
        let window = ReplayWindow::default();
        assert_eq!(window.claim((b"one", at(3)), 0, BOUNDS), Claim::Fresh);
        for now in [11, 22, 33] {
            let other = format!("at {now}");
            let claimed = (other.as_bytes(), at(now));
            let now_us = u64::try_from(now).unwrap() * SECOND;
            assert_eq!(window.claim(claimed, now_us, BOUNDS), Claim::Fresh);
        }
        let now_us = 34 * SECOND;
        assert_eq!(
            window.claim((b"one", at(3)), now_us, long),
            Claim::Forgotten
        );
        assert_eq!(
            window.claim((b"at 33", at(33)), now_us, long),
            Claim::Replayed
        );
        // Nothing that is forgotten was signed so late.
        assert_eq!(window.claim((b"new", at(30)), now_us, long), Claim::Fresh);
    }
}
