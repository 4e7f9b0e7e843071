//! How many connections are open, in all and per address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits::Limits;

/// Counts open connections.
#[derive(Default)]
pub(crate) struct Slots {
    open: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// The right to one connection; given back when dropped.
pub(crate) struct Slot {
    slots: Arc<Slots>,
    counted: Option<IpAddr>,
}

impl Slots {
    /// The number of open connections.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Takes a slot; `None` when the address, or everybody together, has too many.
    pub(crate) fn take(
        self: &Arc<Self>,
        address: IpAddr,
        exempt: bool,
        limits: &Limits,
    ) -> Option<Slot> {
        let mut slot = Slot {
            slots: Arc::clone(self),
            counted: None,
        };
        if self.open.fetch_add(1, Ordering::Relaxed) >= limits.connections {
            return None;
        }
        (exempt || slot.count(address, limits)).then_some(slot)
    }
}

impl Slot {
    /// Counts the slot, which was exempt, for an address; tells whether it may have one more.
    pub(crate) fn count(&mut self, address: IpAddr, limits: &Limits) -> bool {
        let key = block(address);
        let mut by_address = self
            .slots
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(key).or_insert(0);
        if *count >= limits.connections_per_address {
            return false;
        }
        *count += 1;
        self.counted = Some(key);
        true
    }
}

/// One caller of IPv6 holds a whole /64.
fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.open.fetch_sub(1, Ordering::Relaxed);
        if let Some(key) = self.counted {
            let mut by_address = self
                .slots
                .by_address
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = by_address.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    by_address.remove(&key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g32_connections_are_capped_in_all_and_per_address() {
        let limits = Limits {
            connections: 3,
            connections_per_address: 1,
            ..Limits::default()
        };
        let slots = Arc::new(Slots::default());
        let take = |text: &str, exempt| slots.take(text.parse().unwrap(), exempt, &limits);
        let first = take("192.0.2.1", false);
        assert!(first.is_some());
        assert!(take("192.0.2.1", false).is_none());
        assert!(take("::ffff:192.0.2.1", false).is_none());
        let others = (take("2001:db8::1", false), take("192.0.2.1", true));
        assert!(others.0.is_some() && others.1.is_some());
        assert!(take("192.0.2.9", false).is_none(), "in all");
        drop(others);
        assert!(take("2001:db8::2", false).is_some());
        drop(first);
        assert_eq!(slots.open(), 0);
        assert!(slots.by_address.lock().unwrap().is_empty());
    }
}
