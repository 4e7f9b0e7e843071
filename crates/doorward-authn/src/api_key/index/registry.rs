//! Which key is where, by its identifier, and the values that keys share.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use doorward_core::verified::Grants;
use doorward_store::KeyTerms;
use hashbrown::{DefaultHashBuilder, HashSet, HashTable};

use super::shard::Spot;
use crate::api_key::terms::{Interner, Terms};

/// How many owners are remembered during a load.
const OWNERS: usize = 8192;
/// How many distinct terms are remembered during a load.
const RECENT_TERMS: usize = 16;

/// Which key is where. Identifiers are looked up when keys change, never for a request.
#[derive(Default)]
pub(super) struct Registry {
    pub(super) by_id: HashTable<Spot>,
    pub(super) epoch: u32,
    hasher: RandomState,
    grants: Interner<Grants>,
    terms: Interner<Terms>,
    roles: HashSet<Arc<str>>,
}

/// Values that a load met a moment ago: keys of one owner share the owner's name, and equal terms
/// need not be compared again.
#[derive(Default)]
pub(super) struct Recent {
    owners: Vec<Option<Arc<str>>>,
    hasher: DefaultHashBuilder,
    terms: Vec<(Arc<KeyTerms>, Arc<Terms>)>,
}

impl Registry {
    pub(super) fn hash(&self, id: &str) -> u64 {
        self.hasher.hash_one(id)
    }

    /// Where a new key is. It was not known before.
    pub(super) fn add(
        &mut self,
        hash: u64,
        spot: Spot,
        id_hash: impl Fn(&RandomState, Spot) -> u64,
    ) {
        let Self { by_id, hasher, .. } = self;
        by_id.insert_unique(hash, spot, |spot| id_hash(hasher, *spot));
    }

    /// Makes room for `keys` more.
    pub(super) fn reserve(&mut self, keys: usize, id_hash: impl Fn(&RandomState, Spot) -> u64) {
        let Self { by_id, hasher, .. } = self;
        by_id.reserve(keys, |spot| id_hash(hasher, *spot));
    }

    /// The shared copy of terms.
    pub(super) fn terms(&mut self, terms: &Arc<KeyTerms>, recent: &mut Recent) -> Arc<Terms> {
        let known = |(lent, _): &&(Arc<KeyTerms>, _)| Arc::ptr_eq(lent, terms);
        if let Some((_, shared)) = recent.terms.iter().find(known) {
            return Arc::clone(shared);
        }
        let roles = terms.roles.iter().map(|role| self.role(role)).collect();
        let grants = self.grants.intern(Grants {
            issuer: None,
            scopes: terms.scopes.clone(),
            roles,
        });
        let shared = self.terms.intern(Terms::new(grants, terms));
        recent.remember_terms(terms, &shared);
        shared
    }

    /// Roles are few: their names are never forgotten.
    fn role(&mut self, name: &str) -> Arc<str> {
        self.roles
            .get_or_insert_with(name, |name| name.into())
            .clone()
    }
}

impl Recent {
    /// For a load of many keys.
    pub(super) fn of_many() -> Self {
        Self {
            owners: vec![None; OWNERS],
            terms: Vec::with_capacity(RECENT_TERMS),
            ..Self::default()
        }
    }

    /// One copy of an owner's name, shared with a key that came not long ago.
    pub(super) fn owner(&mut self, name: &str) -> Arc<str> {
        let hash = self.hasher.hash_one(name);
        let place = usize::try_from(hash % OWNERS as u64).unwrap_or(0);
        let Some(place) = self.owners.get_mut(place) else {
            return name.into();
        };
        match place {
            Some(known) if **known == *name => Arc::clone(known),
            place => Arc::clone(place.insert(name.into())),
        }
    }

    fn remember_terms(&mut self, lent: &Arc<KeyTerms>, shared: &Arc<Terms>) {
        if self.terms.capacity() == 0 {
            return;
        }
        if self.terms.len() == RECENT_TERMS {
            self.terms.remove(0);
        }
        // Holding what was lent keeps its address from being used again.
        self.terms.push((Arc::clone(lent), Arc::clone(shared)));
    }
}
