//! All API keys in memory, found by digest.
//!
//! One key takes less than 250 bytes with its owner and its share of both tables; `examples/key_index.rs`
//! measures it.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

use doorward_core::Timestamp;
use doorward_core::credential::{CredentialId, Method};
use doorward_core::verified::{Grants, Identity, Validity};
use doorward_crypto::hash::{KeyDigest, PepperId};
use doorward_store::{ApiKeyId, ApiKeyRecord};
use hashbrown::{HashSet, HashTable};
use parking_lot::{Mutex, RwLock};

use super::restrictions::{Interner, Restrictions};

/// How many parts the table of digests has, so that growing one part delays few requests.
const SHARDS: usize = 64;
/// How often a key's use is handed out for writing, in milliseconds.
const USE_INTERVAL: u64 = 60_000;
/// How many re-hashes may wait for being written.
const MAX_REHASHES: usize = 10_000;

/// What is known of one key.
pub(super) struct Entry {
    digest: KeyDigest,
    identity: Identity,
    validity: Validity,
    restrictions: Arc<Restrictions>,
    last_used: AtomicI64,
    epoch: AtomicU32,
    exposed: AtomicBool,
}

/// A key that was found, and the pepper its digest was made with.
pub(super) struct Hit<'p> {
    pub(super) entry: Arc<Entry>,
    pub(super) pepper: &'p PepperId,
}

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
    by_digest: Box<[RwLock<HashTable<Arc<Entry>>>]>,
    /// SECURITY: every change happens under this lock, so that an old record and a revocation
    /// of the same key cannot pass each other.
    registry: Mutex<Registry>,
    used: Mutex<Vec<Arc<Entry>>>,
    exposed: Mutex<Vec<(Arc<Entry>, Timestamp)>>,
    rehashes: Mutex<Vec<Rehash>>,
}

#[derive(Default)]
struct Registry {
    by_id: HashTable<Arc<Entry>>,
    hasher: RandomState,
    grants: Interner<Grants>,
    restrictions: Interner<Restrictions>,
    roles: HashSet<Arc<str>>,
    epoch: u32,
}

/// A reload in progress: hand it every record, then [`Reload::finish`] it. Dropping it half-way
/// removes nothing.
pub struct Reload<'i> {
    index: &'i KeyIndex,
    epoch: u32,
}

impl Entry {
    pub(super) fn identity(&self) -> Identity {
        self.identity.clone()
    }

    /// When the key may be used, as seen at `now`.
    pub(super) fn validity(&self, now: Timestamp) -> Validity {
        let mut validity = self.validity;
        // SECURITY: revoked is revoked, also where the clock is behind or was set back.
        if validity.revoked_at != Timestamp::MAX {
            validity.revoked_at = validity.revoked_at.min(now);
        }
        validity
    }

    pub(super) fn restrictions(&self) -> &Restrictions {
        &self.restrictions
    }

    /// Records come from the store, so their ids parse.
    fn id(&self) -> Option<ApiKeyId> {
        ApiKeyId::parse(self.identity.credential_id.as_str()).ok()
    }
}

impl Default for KeyIndex {
    fn default() -> Self {
        let shards = std::iter::repeat_with(RwLock::default).take(SHARDS);
        Self {
            by_digest: shards.collect(),
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
        let mut registry = self.registry.lock();
        let epoch = registry.epoch;
        let old = registry.take(record.id.as_str());
        let entry = Arc::new(registry.entry(record, old.as_deref(), epoch));
        let hasher = registry.hasher.clone();
        let hash = hasher.hash_one(entry.identity.credential_id.as_str());
        registry.by_id.insert_unique(hash, entry.clone(), |entry| {
            hasher.hash_one(entry.identity.credential_id.as_str())
        });
        let same_digest = old.as_ref().is_some_and(|old| old.digest == entry.digest);
        if let Some(shard) = self.shard(&entry.digest) {
            let mut shard = shard.write();
            let hash = hash_of(&entry.digest);
            match shard.find_mut(hash, |known| known.digest == entry.digest) {
                // SECURITY: the old entry is replaced in one step, so that the key is never
                // unknown in between.
                Some(known) => *known = entry,
                None => {
                    shard.insert_unique(hash, entry, |entry| hash_of(&entry.digest));
                }
            }
        }
        if let Some(old) = old.filter(|_| !same_digest) {
            self.forget_digest(&old);
        }
    }

    /// Forgets a key. The next request sees it.
    pub fn remove(&self, id: &ApiKeyId) {
        let mut registry = self.registry.lock();
        if let Some(old) = registry.take(id.as_str()) {
            self.forget_digest(&old);
        }
    }

    /// Begins to load all keys again, while those known stay in force.
    #[must_use]
    pub fn reload(&self) -> Reload<'_> {
        let mut registry = self.registry.lock();
        registry.epoch = registry.epoch.wrapping_add(1);
        Reload {
            index: self,
            epoch: registry.epoch,
        }
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
        let used = std::mem::take(&mut *self.used.lock());
        used.iter()
            .filter_map(|entry| {
                let at = Timestamp::from_millis(entry.last_used.load(Ordering::Relaxed));
                Some((entry.id()?, at))
            })
            .collect()
    }

    /// The keys that came over plain HTTP since the last call, each once, and when.
    pub fn take_exposed(&self) -> Vec<(ApiKeyId, Timestamp)> {
        let exposed = std::mem::take(&mut *self.exposed.lock());
        exposed
            .iter()
            .filter_map(|(entry, at)| Some((entry.id()?, *at)))
            .collect()
    }

    /// The keys used since the last call whose digest was made with a retired pepper.
    pub fn take_rehash(&self) -> Vec<Rehash> {
        std::mem::take(&mut *self.rehashes.lock())
    }

    pub(super) fn lookup(&self, digest: &KeyDigest) -> Option<Arc<Entry>> {
        let shard = self.shard(digest)?.read();
        shard
            .find(hash_of(digest), |entry| entry.digest == *digest)
            .cloned()
    }

    /// Notes that a live key was used. `rehash` is asked once a minute whether the key should be
    /// digested anew.
    pub(super) fn note_use(
        &self,
        entry: Arc<Entry>,
        now: Timestamp,
        rehash: impl FnOnce() -> Option<(PepperId, KeyDigest)>,
    ) {
        let validity = entry.validity(now);
        let live = validity.not_before <= now && now < validity.not_after.min(validity.revoked_at);
        let last = entry.last_used.load(Ordering::Relaxed);
        let turn = || {
            let order = Ordering::Relaxed;
            entry
                .last_used
                .compare_exchange(last, now.millis(), order, order)
        };
        if !live || now.millis().abs_diff(last) < USE_INTERVAL || turn().is_err() {
            return;
        }
        if let (Some((pepper, new_digest)), Some(id)) = (rehash(), entry.id()) {
            let old_digest = entry.digest;
            let mut rehashes = self.rehashes.lock();
            if rehashes.len() < MAX_REHASHES {
                rehashes.push(Rehash {
                    id,
                    old_digest,
                    new_digest,
                    pepper,
                });
            }
        }
        self.used.lock().push(entry);
    }

    pub(super) fn note_exposure(&self, entry: Arc<Entry>, now: Timestamp) {
        if !entry.exposed.swap(true, Ordering::Relaxed) {
            self.exposed.lock().push((entry, now));
        }
    }

    fn forget_digest(&self, old: &Arc<Entry>) {
        if let Some(shard) = self.shard(&old.digest) {
            let mut shard = shard.write();
            // Another key may have the digest by now; only the very entry goes.
            if let Ok(found) =
                shard.find_entry(hash_of(&old.digest), |entry| Arc::ptr_eq(entry, old))
            {
                found.remove();
            }
        }
    }

    fn shard(&self, digest: &KeyDigest) -> Option<&RwLock<HashTable<Arc<Entry>>>> {
        let [.., last] = digest.as_bytes();
        self.by_digest.get(usize::from(*last) % SHARDS)
    }
}

impl Reload<'_> {
    /// Takes a record as [`KeyIndex::insert`] does.
    pub fn insert(&self, record: &ApiKeyRecord) {
        self.index.insert(record);
    }

    /// Removes the keys that are known and were neither handed in nor changed since the reload
    /// began, and says how many.
    pub fn finish(self) -> usize {
        let mut registry = self.index.registry.lock();
        let gone: Vec<Arc<Entry>> = registry
            .by_id
            .iter()
            .filter(|entry| entry.epoch.load(Ordering::Relaxed) < self.epoch)
            .cloned()
            .collect();
        for entry in &gone {
            registry.take(entry.identity.credential_id.as_str());
            self.index.forget_digest(entry);
        }
        gone.len()
    }
}

impl Registry {
    fn take(&mut self, id: &str) -> Option<Arc<Entry>> {
        let hash = self.hasher.hash_one(id);
        let found = self
            .by_id
            .find_entry(hash, |entry| entry.identity.credential_id.as_str() == id);
        found.ok().map(|found| found.remove().0)
    }

    fn entry(&mut self, record: &ApiKeyRecord, old: Option<&Entry>, epoch: u32) -> Entry {
        let roles = record.roles.iter().map(|role| self.role(role)).collect();
        let grants = self.grants.intern(Grants {
            issuer: None,
            scopes: record.scopes.clone(),
            roles,
        });
        let revoked_at = record.revoked_at.unwrap_or(Timestamp::MAX);
        let known_revoked = old.map_or(Timestamp::MAX, |old| old.validity.revoked_at);
        let stored_use = record.last_used_at.map_or(i64::MIN, Timestamp::millis);
        let known_use = old.map_or(i64::MIN, |old| old.last_used.load(Ordering::Relaxed));
        let was_exposed = old.is_some_and(|old| old.exposed.load(Ordering::Relaxed));
        Entry {
            digest: KeyDigest::from_bytes(record.digest),
            identity: Identity {
                method: Method::ApiKey,
                credential_id: CredentialId::new(record.id.as_str()),
                subject: record.owner.as_str().into(),
                grants,
            },
            validity: Validity {
                not_before: record.not_before.unwrap_or(Validity::ALWAYS.not_before),
                not_after: record.expires_at.unwrap_or(Timestamp::MAX),
                revoked_at: revoked_at.min(known_revoked),
            },
            restrictions: self.restrictions.intern(Restrictions::of(record)),
            last_used: AtomicI64::new(stored_use.max(known_use)),
            epoch: AtomicU32::new(epoch),
            exposed: AtomicBool::new(record.exposed_at.is_some() || was_exposed),
        }
    }

    /// Roles are few: their names are never forgotten.
    fn role(&mut self, name: &str) -> Arc<str> {
        self.roles
            .get_or_insert_with(name, |name| name.into())
            .clone()
    }
}

/// The digest is a keyed hash already: nobody can choose it, so its start serves as it is.
fn hash_of(digest: &KeyDigest) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *digest.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}
