//! Loading all keys, at the start and when the change log has a gap.

use std::sync::Arc;

use doorward_store::{ApiKeyRecord, KeyView, KeyVisitor};

use super::KeyIndex;
use super::registry::Recent;
use super::shard::SHARDS;

/// A hint is not believed beyond this many keys: the tables grow by themselves where it is
/// exceeded.
const MOST_EXPECTED: usize = 1 << 22;
/// Fewer keys need no room made for them.
const FEW: usize = 4096;

/// A reload in progress: hand it every record, then [`Reload::finish`] it. Dropping it half-way
/// removes nothing.
pub struct Reload<'i> {
    index: &'i KeyIndex,
    epoch: u32,
    /// Nothing was known when it began, so nothing can be gone.
    first: bool,
    recent: Recent,
}

impl<'i> Reload<'i> {
    pub(super) fn begin(index: &'i KeyIndex) -> Self {
        let mut registry = index.registry.lock();
        registry.epoch = registry.epoch.wrapping_add(1);
        Self {
            index,
            epoch: registry.epoch,
            first: registry.by_id.is_empty(),
            recent: Recent::of_many(),
        }
    }

    /// Takes a record as [`KeyIndex::insert`] does.
    pub fn insert(&mut self, record: &ApiKeyRecord) {
        self.visit(&record.view(&Arc::new(record.terms())));
    }

    /// Removes the keys that are known and were neither handed in nor changed since the reload
    /// began, and says how many.
    pub fn finish(self) -> usize {
        if self.first {
            return 0;
        }
        let mut registry = self.index.registry.lock();
        let mut gone = Vec::new();
        for shard in &self.index.shards {
            let shard = shard.read();
            let old = shard.entries().filter(|entry| entry.epoch() < self.epoch);
            gone.extend(old.map(|entry| entry.id().to_owned()));
        }
        for id in &gone {
            self.index.forget(&mut registry, id);
        }
        gone.len()
    }
}

impl KeyVisitor for Reload<'_> {
    fn expect(&mut self, keys: usize) {
        if !self.first || keys < FEW {
            return;
        }
        let index = self.index;
        let keys = keys.min(MOST_EXPECTED);
        let mut registry = index.registry.lock();
        registry.reserve(keys, |hasher, spot| index.hash_at(hasher, spot));
        // Digests are spread evenly, but not exactly so.
        let each = keys / SHARDS;
        for shard in &index.shards {
            shard.write().reserve(each + each / 16 + 64);
        }
    }

    fn visit(&mut self, key: &KeyView<'_>) {
        self.index.take_in(key, &mut self.recent);
    }
}
