//! What a key was given and where it may be used, and one shared copy of each distinct value.

use std::hash::Hash;
use std::sync::Arc;

use doorward_core::net::{Cidrs, ClientAddress};
use doorward_core::verified::Grants;
use doorward_store::{Environment, KeyKind, KeyTerms};
use hashbrown::HashSet;

/// The part of a record that most keys share with many others.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Terms {
    grants: Arc<Grants>,
    kind: KeyKind,
    environment: Environment,
    cidrs: Cidrs,
}

impl Terms {
    pub(super) fn new(grants: Arc<Grants>, terms: &KeyTerms) -> Self {
        Self {
            grants,
            kind: terms.kind,
            environment: terms.environment,
            cidrs: terms.allowed_cidrs.clone(),
        }
    }

    pub(super) const fn grants(&self) -> &Arc<Grants> {
        &self.grants
    }

    pub(super) const fn kind(&self) -> KeyKind {
        self.kind
    }

    pub(super) const fn environment(&self) -> Environment {
        self.environment
    }

    /// Tells whether the key may be used from an address. No block means from anywhere.
    pub(super) fn admit_address(&self, client: ClientAddress) -> bool {
        self.cidrs.is_empty() || self.cidrs.contains(client)
    }
}

/// Keeps one shared copy of equal values, for as long as somebody uses it.
pub(super) struct Interner<T> {
    values: HashSet<Arc<T>>,
    sweep_at: usize,
}

/// The fewest values that are worth a sweep.
const MIN_SWEEP: usize = 64;

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
    pub(super) fn intern(&mut self, value: T) -> Arc<T> {
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
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Interner;

    #[test]
    fn equal_values_are_shared_and_unused_ones_go() {
        let mut interner = Interner::default();
        let kept = interner.intern(0);
        assert!(std::sync::Arc::ptr_eq(&kept, &interner.intern(0)));
        for value in 1..10_000 {
            interner.intern(value);
        }
        assert!(interner.len() <= 64 + 1, "{}", interner.len());
        assert!(std::sync::Arc::ptr_eq(&kept, &interner.intern(0)));
    }
}
