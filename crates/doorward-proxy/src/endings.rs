//! Which credentials changed or ended lately, for calls that are still going on.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many changes are remembered.
const KEPT: usize = 4096;

/// A numbered list of credentials that changed, of which the last few thousand are remembered. A
/// call notes the number of the last one before it is judged, and asks later what has come since.
/// So open calls register nowhere, and a change costs the same however many are open.
#[derive(Default)]
pub struct Endings {
    count: AtomicU64,
    recent: Mutex<VecDeque<Box<str>>>,
}

/// What is to be said of a credential.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Heard {
    /// Nothing has come up to this number.
    Nothing(u64),
    /// It has changed; or it may have, and nobody remembers.
    Changed,
}

impl Endings {
    /// Notes that a credential changed or ended, by the id that records have. Whoever is judged
    /// from now on must be judged by what it is now.
    pub fn note(&self, credential_id: &str) {
        let mut recent = self.recent();
        if recent.len() >= KEPT {
            recent.pop_front();
        }
        recent.push_back(credential_id.into());
        self.count.fetch_add(1, Ordering::Release);
    }

    /// Notes that any credential may have changed.
    pub fn note_all(&self) {
        let mut recent = self.recent();
        recent.clear();
        self.count.fetch_add(1, Ordering::Release);
    }

    /// The number of the last change.
    pub(crate) fn last(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// What has come of a credential since a number.
    pub(crate) fn since(&self, number: u64, credential_id: &str) -> Heard {
        if self.last() == number {
            return Heard::Nothing(number);
        }
        let recent = self.recent();
        let last = self.last();
        let new = usize::try_from(last.saturating_sub(number)).unwrap_or(usize::MAX);
        // SECURITY: what was forgotten may have been this one.
        let Some(seen) = recent.len().checked_sub(new) else {
            return Heard::Changed;
        };
        if recent.iter().skip(seen).any(|id| **id == *credential_id) {
            return Heard::Changed;
        }
        Heard::Nothing(last)
    }

    fn recent(&self) -> MutexGuard<'_, VecDeque<Box<str>>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r109_a_change_is_heard_once_by_those_it_concerns_and_never_missed() {
        let endings = Endings::default();
        let start = endings.last();
        assert_eq!(endings.since(start, "a"), Heard::Nothing(0));
        endings.note("b");
        assert_eq!(endings.since(start, "a"), Heard::Nothing(1));
        assert_eq!(endings.since(start, "b"), Heard::Changed);
        assert_eq!(endings.since(1, "b"), Heard::Nothing(1));
        for _ in 0..KEPT {
            endings.note("c");
        }
        assert_eq!(endings.since(1, "a"), Heard::Nothing(1 + KEPT as u64));
        assert_eq!(endings.since(0, "a"), Heard::Changed, "forgotten");
        let last = endings.last();
        endings.note_all();
        assert_eq!(endings.since(last, "a"), Heard::Changed);
        assert_eq!(endings.since(last + 1, "a"), Heard::Nothing(last + 1));
    }
}
