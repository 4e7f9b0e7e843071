//! All API keys in memory, found by digest.
//!
//! One key takes about 163 bytes with its share of both tables, and 40 more where no other key
//! has its owner; `examples/key_index.rs` measures it.

use std::hash::{BuildHasher, RandomState};

use doorward_core::Timestamp;
use doorward_crypto::hash::{KeyDigest, PepperId};
use doorward_store::{ApiKeyId, ApiKeyRecord, KeyView};
use parking_lot::{Mutex, RwLock};
use std::sync::Arc;

mod entry;
mod registry;
mod reload;
mod shard;

pub(super) use entry::Entry;
pub use reload::Reload;

use entry::{Legacy, Shared};
use registry::{Recent, Registry};
use shard::{SHARDS, Shard, Spot};

/// How many re-hashes may wait for being written.
const MAX_REHASHES: usize = 10_000;

/// A key that was digested with a retired pepper, and its digest under the current one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rehash {
    /// The key.
    pub id: ApiKeyId,
    /// The digest in the store.
    pub old_digest: KeyDigest,
    /// The digest that should take its place.
    pub new_digest: KeyDigest,
    /// The pepper of the new digest.
    pub pepper: PepperId,
}

/// All keys. It is loaded once, kept up to date by whoever follows the change log, and shared by
/// all authenticators: a configuration reload touches nothing here.
pub struct KeyIndex {
    /// Locked after the registry, one at a time, and never while the registry is being asked for.
    shards: Box<[RwLock<Shard>]>,
    /// SECURITY: every change happens under this lock, so that an old record and a revocation
    /// of the same key cannot pass each other.
    registry: Mutex<Registry>,
    used: Mutex<Vec<(ApiKeyId, Timestamp)>>,
    exposed: Mutex<Vec<(ApiKeyId, Timestamp)>>,
    rehashes: Mutex<Vec<Rehash>>,
}

impl Default for KeyIndex {
    fn default() -> Self {
        let shards = std::iter::repeat_with(RwLock::default).take(SHARDS);
        Self {
            shards: shards.collect(),
            registry: Mutex::default(),
            used: Mutex::default(),
            exposed: Mutex::default(),
            rehashes: Mutex::default(),
        }
    }
}

impl KeyIndex {
    /// Takes a record, in place of the one with the same id. The next request sees it.
    ///
    /// Nothing un-revokes: a record that was read before a revocation and comes after it changes
    /// the rest and leaves the key revoked.
    pub fn insert(&self, record: &ApiKeyRecord) {
        let terms = Arc::new(record.terms());
        self.take_in(&record.view(&terms), &mut Recent::default());
    }

    /// Forgets a key. The next request sees it.
    pub fn remove(&self, id: &ApiKeyId) {
        self.forget(&mut self.registry.lock(), id.as_str());
    }

    /// Begins to load all keys again, while those known stay in force.
    #[must_use]
    pub fn reload(&self) -> Reload<'_> {
        Reload::begin(self)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.registry.lock().by_id.len()
    }

    /// Tells whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The keys used since the last call, each at most once a minute, and when.
    pub fn take_used(&self) -> Vec<(ApiKeyId, Timestamp)> {
        std::mem::take(&mut *self.used.lock())
    }

    /// The keys that came over plain HTTP since the last call, each once, and when.
    pub fn take_exposed(&self) -> Vec<(ApiKeyId, Timestamp)> {
        std::mem::take(&mut *self.exposed.lock())
    }

    /// The keys used since the last call whose digest was made with a retired pepper.
    pub fn take_rehash(&self) -> Vec<Rehash> {
        std::mem::take(&mut *self.rehashes.lock())
    }

    /// Shows the entry with a digest. Changes of the keys in its part wait meanwhile.
    pub(super) fn see<T>(&self, digest: &KeyDigest, see: impl FnOnce(&Entry) -> T) -> Option<T> {
        let shard = self.shards.get(shard_of(digest))?.read();
        shard.find(digest).map(see)
    }

    /// Notes that a live key was used. `rehash` is asked once a minute whether the key should be
    /// digested anew.
    pub(super) fn note_use(
        &self,
        digest: &KeyDigest,
        now: Timestamp,
        rehash: impl FnOnce() -> Option<(PepperId, KeyDigest)>,
    ) {
        let Some(Some(id)) = self.see(digest, |entry| entry.take_use(now)) else {
            return;
        };
        if let Some((pepper, new_digest)) = rehash() {
            let mut rehashes = self.rehashes.lock();
            if rehashes.len() < MAX_REHASHES {
                rehashes.push(Rehash {
                    id: id.clone(),
                    old_digest: *digest,
                    new_digest,
                    pepper,
                });
            }
        }
        self.used.lock().push((id, now));
    }

    pub(super) fn note_exposure(&self, digest: &KeyDigest, now: Timestamp) {
        if let Some(Some(id)) = self.see(digest, Entry::take_exposure) {
            self.exposed.lock().push((id, now));
        }
    }

    fn take_in(&self, key: &KeyView<'_>, recent: &mut Recent) {
        let mut registry = self.registry.lock();
        let hash = registry.hash(key.id.as_str());
        let known = self.spot(&registry, hash, key.id.as_str());
        let old: Option<Legacy> = known.and_then(|spot| self.at(spot, Entry::legacy));
        let subject = match &old {
            Some(old) if *old.subject == *key.owner => Arc::clone(&old.subject),
            _ => recent.owner(key.owner),
        };
        let shared = Shared {
            subject,
            terms: registry.terms(key.terms, recent),
            epoch: registry.epoch,
        };
        let entry = Entry::new(key, shared, old.as_ref());
        let same = known.filter(|_| old.is_some_and(|old| old.digest == *entry.digest()));
        let part = shard_of(entry.digest());
        let put = self.shards.get(part).and_then(|shard| {
            let place = shard.write().put(entry, same.map(Spot::place))?;
            Spot::new(part, place)
        });
        // SECURITY: a key that found no room is unknown, and no older record of it stays.
        let Some(spot) = put else {
            return self.forget(&mut registry, key.id.as_str());
        };
        match known {
            Some(old) if old == spot => {}
            Some(old) => {
                if let Some(known) = registry.by_id.find_mut(hash, |known| *known == old) {
                    *known = spot;
                }
                self.clear(old);
            }
            None => registry.add(hash, spot, |hasher, spot| self.hash_at(hasher, spot)),
        }
    }

    fn forget(&self, registry: &mut Registry, id: &str) {
        let hash = registry.hash(id);
        let is_it = |spot: &Spot| self.at(*spot, |entry| entry.id() == id) == Some(true);
        if let Ok(found) = registry.by_id.find_entry(hash, is_it) {
            self.clear(found.remove().0);
        }
    }

    fn spot(&self, registry: &Registry, hash: u64, id: &str) -> Option<Spot> {
        let is_it = |spot: &Spot| self.at(*spot, |entry| entry.id() == id) == Some(true);
        registry.by_id.find(hash, is_it).copied()
    }

    fn at<T>(&self, spot: Spot, see: impl FnOnce(&Entry) -> T) -> Option<T> {
        let shard = self.shards.get(spot.shard())?.read();
        shard.get(spot.place()).map(see)
    }

    fn clear(&self, spot: Spot) {
        if let Some(shard) = self.shards.get(spot.shard()) {
            shard.write().remove(spot.place());
        }
    }

    fn hash_at(&self, hasher: &RandomState, spot: Spot) -> u64 {
        self.at(spot, |entry| hasher.hash_one(entry.id()))
            .unwrap_or(0)
    }
}

fn shard_of(digest: &KeyDigest) -> usize {
    let [.., last] = digest.as_bytes();
    usize::from(*last) % SHARDS
}
