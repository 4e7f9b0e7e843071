//! One shared copy of each distinct value.

use std::hash::Hash;
use std::sync::Arc;

use hashbrown::HashSet;

/// The fewest values that are worth a sweep.
const MIN_SWEEP: usize = 64;

/// Keeps one shared copy of equal values, for as long as somebody uses it.
pub(crate) struct Interner<T> {
    values: HashSet<Arc<T>>,
    sweep_at: usize,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self {
            values: HashSet::new(),
            sweep_at: MIN_SWEEP,
        }
    }
}

impl<T: Eq + Hash> Interner<T> {
    /// The shared copy of a value.
    pub(crate) fn intern(&mut self, value: T) -> Arc<T> {
        if let Some(known) = self.values.get(&value) {
            return known.clone();
        }
        if self.values.len() >= self.sweep_at {
            self.values.retain(|value| Arc::strong_count(value) > 1);
            self.sweep_at = (self.values.len() * 2).max(MIN_SWEEP);
        }
        let value = Arc::new(value);
        self.values.insert(value.clone());
        value
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{Interner, MIN_SWEEP};

    #[test]
    fn equal_values_are_shared_and_unused_ones_go() {
        let mut interner = Interner::default();
        let kept = interner.intern(0);
        assert!(std::sync::Arc::ptr_eq(&kept, &interner.intern(0)));
        for value in 1..10_000 {
            interner.intern(value);
        }
        assert!(interner.len() <= MIN_SWEEP + 1, "{}", interner.len());
        assert!(std::sync::Arc::ptr_eq(&kept, &interner.intern(0)));
    }
}
