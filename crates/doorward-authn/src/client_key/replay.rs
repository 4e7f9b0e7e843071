//! Which signed requests of one key were seen, within bounds of time and number.

use std::collections::HashSet;
use std::time::Duration;

use doorward_crypto::digest::sha256;
use parking_lot::Mutex;

/// The requests of one key that were admitted lately.
///
/// Two sets take turns: every request is remembered for at least as long as was asked for, and
/// for at most twice as long. One key cannot use up the memory of another.
#[derive(Default)]
pub struct ReplayWindow(Mutex<Turns>);

#[derive(Default)]
struct Turns {
    began_us: u64,
    current: HashSet<[u8; 16]>,
    previous: HashSet<[u8; 16]>,
}

/// What came of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim {
    /// It was not seen before; now it was.
    Fresh,
    /// It was seen before.
    Replayed,
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
    /// Claims what makes a request unique. `now_us` is on a clock that never steps back.
    pub fn claim(&self, unique: &[u8], now_us: u64, bounds: Bounds) -> Claim {
        let [head, _] = *sha256(unique).as_chunks::<16>().0 else {
            return Claim::Full;
        };
        let mut turns = self.0.lock();
        turns.turn(now_us, bounds.keep);
        if turns.current.contains(&head) || turns.previous.contains(&head) {
            return Claim::Replayed;
        }
        if turns.current.len() + turns.previous.len() >= bounds.most {
            return Claim::Full;
        }
        turns.current.insert(head);
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
        self.previous = std::mem::take(&mut self.current);
        if age > keep_us.saturating_mul(2) {
            self.previous.clear();
        }
        self.began_us = now_us;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Bounds, Claim, ReplayWindow};

    const BOUNDS: Bounds = Bounds {
        keep: Duration::from_secs(10),
        most: 100,
    };
    const SECOND: u64 = 1_000_000;

    #[test]
    fn r030_a_request_is_remembered_for_at_least_as_long_as_asked() {
        for start in 0..40 {
            let window = ReplayWindow::default();
            let first = start * SECOND / 2;
            assert_eq!(window.claim(b"one", first, BOUNDS), Claim::Fresh);
            for later in 0..=20 {
                let now = first + later * SECOND / 2;
                window.claim(&later.to_be_bytes(), now, BOUNDS);
                assert_eq!(window.claim(b"one", now, BOUNDS), Claim::Replayed);
            }
            let gone = first + 20 * SECOND + 2;
            assert_eq!(
                window.claim(b"one", gone + 10 * SECOND, BOUNDS),
                Claim::Fresh
            );
        }
    }

    #[test]
    fn r030_a_full_window_refuses_and_recovers() {
        let window = ReplayWindow::default();
        for n in 0..100_u64 {
            assert_eq!(window.claim(&n.to_be_bytes(), 0, BOUNDS), Claim::Fresh);
        }
        assert_eq!(window.claim(b"more", 0, BOUNDS), Claim::Full);
        assert_eq!(
            window.claim(&7_u64.to_be_bytes(), 0, BOUNDS),
            Claim::Replayed
        );
        assert_eq!(window.claim(b"more", 21 * SECOND, BOUNDS), Claim::Fresh);
    }
}
