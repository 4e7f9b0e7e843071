//! How much memory all the bodies that are held take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the bytes of bodies that wait to be judged or passed on.
#[derive(Default)]
pub struct Room(AtomicUsize);

/// The bytes that one body takes; given back when dropped.
pub struct Place {
    room: Arc<Room>,
    bytes: usize,
}

impl Room {
    /// A place without bytes.
    #[must_use]
    pub fn place(self: &Arc<Self>) -> Place {
        Place {
            room: Arc::clone(self),
            bytes: 0,
        }
    }
}

impl Place {
    /// Takes more bytes; false when all together would take more than `limit`.
    ///
    /// Bytes are counted as they come, not as they are announced: whoever wants to fill the room
    /// has to send them.
    pub fn grow(&mut self, more: usize, limit: usize) -> bool {
        let counter = &self.room.0;
        let grown = counter.try_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            held.checked_add(more).filter(|held| *held <= limit)
        });
        if grown.is_ok() {
            self.bytes += more;
        }
        grown.is_ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use super::Room;

    #[test]
    fn g30_held_bodies_are_bounded_together() {
        let room = Arc::new(Room::default());
        let (mut one, mut two) = (room.place(), room.place());
        assert!(one.grow(60, 100) && two.grow(40, 100));
        assert!(!two.grow(1, 100));
        assert!(!two.grow(usize::MAX, usize::MAX));
        drop(one);
        assert!(two.grow(60, 100));
        drop(two);
        assert_eq!(room.0.load(Ordering::Relaxed), 0);
    }
}
