//! One part of the keys: the entries side by side, and where to find each by its digest.

use doorward_crypto::hash::KeyDigest;
use hashbrown::HashTable;

use super::entry::Entry;

/// How many parts there are, so that growing one part delays few requests.
pub(super) const SHARDS: usize = 64;
/// How many entries a part can hold: what is left of 32 bits.
const MOST: usize = (u32::MAX as usize + 1) / SHARDS;

/// Where an entry is, in 32 bits: the part and the place in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Spot(u32);

/// Entries in one block of memory: four bytes lead to one instead of eight, and none is
/// allocated by itself.
#[derive(Default)]
pub(super) struct Shard {
    by_digest: HashTable<u32>,
    places: Vec<Option<Entry>>,
    free: Vec<u32>,
}

impl Spot {
    /// The entry at `place` of part `shard`; nothing where that does not fit.
    pub(super) fn new(shard: usize, place: u32) -> Option<Self> {
        let place = usize::try_from(place).ok()?;
        (shard < SHARDS && place < MOST)
            .then(|| u32::try_from(place * SHARDS + shard).ok())
            .flatten()
            .map(Self)
    }

    pub(super) const fn shard(self) -> usize {
        self.0 as usize % SHARDS
    }

    #[expect(clippy::cast_possible_truncation, reason = "there are 64 shards")]
    pub(super) const fn place(self) -> u32 {
        self.0 / SHARDS as u32
    }
}

impl Shard {
    /// Makes room for `keys` more.
    pub(super) fn reserve(&mut self, keys: usize) {
        let Self {
            by_digest, places, ..
        } = self;
        by_digest.reserve(keys, |place| hash_at(places, *place));
        places.reserve(keys);
    }

    pub(super) fn find(&self, digest: &KeyDigest) -> Option<&Entry> {
        let is_it = |place: &u32| at(&self.places, *place).is_some_and(|e| e.digest() == digest);
        let place = self.by_digest.find(hash_of(digest), is_it)?;
        at(&self.places, *place)
    }

    pub(super) fn get(&self, place: u32) -> Option<&Entry> {
        at(&self.places, place)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.places.iter().flatten()
    }

    /// Stores an entry, at `place` if it is given in place of what is there, and says where. Its
    /// digest leads to it from now on. Nothing is stored when there is no room.
    pub(super) fn put(&mut self, entry: Entry, place: Option<u32>) -> Option<u32> {
        let digest = *entry.digest();
        let place = place.or_else(|| self.free.pop());
        let place = match place {
            Some(place) => {
                *self.places.get_mut(usize::try_from(place).ok()?)? = Some(entry);
                place
            }
            None if self.places.len() >= MOST => return None,
            None => {
                let place = u32::try_from(self.places.len()).ok()?;
                self.places.push(Some(entry));
                place
            }
        };
        let Self {
            by_digest, places, ..
        } = self;
        let hash = hash_of(&digest);
        let is_it = |known: &u32| at(places, *known).is_some_and(|e| *e.digest() == digest);
        match by_digest.find_mut(hash, is_it) {
            // SECURITY: one step, so that the key is never unknown in between.
            Some(known) => *known = place,
            None => {
                by_digest.insert_unique(hash, place, |place| hash_at(places, *place));
            }
        }
        Some(place)
    }

    /// Forgets the entry at a place.
    pub(super) fn remove(&mut self, place: u32) {
        let slot = usize::try_from(place)
            .ok()
            .and_then(|place| self.places.get_mut(place));
        let Some(old) = slot.and_then(Option::take) else {
            return;
        };
        // Another key may have the digest by now; only what leads to this very entry goes.
        let hash = hash_of(old.digest());
        if let Ok(found) = self.by_digest.find_entry(hash, |known| *known == place) {
            found.remove();
        }
        self.free.push(place);
    }
}

fn at(places: &[Option<Entry>], place: u32) -> Option<&Entry> {
    places.get(usize::try_from(place).ok()?)?.as_ref()
}

fn hash_at(places: &[Option<Entry>], place: u32) -> u64 {
    at(places, place).map_or(0, |entry| hash_of(entry.digest()))
}

/// The digest is a keyed hash already: nobody can choose it, so its start serves as it is.
fn hash_of(digest: &KeyDigest) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *digest.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::{MOST, SHARDS, Spot};

    #[test]
    fn a_spot_says_which_part_and_which_place() {
        let last = u32::try_from(MOST - 1).unwrap();
        for (shard, place) in [(0, 0), (1, 0), (0, 1), (SHARDS - 1, last), (17, 12345)] {
            let spot = Spot::new(shard, place).unwrap();
            assert_eq!((spot.shard(), spot.place()), (shard, place));
        }
        assert_eq!(Spot::new(SHARDS, 0), None);
        assert_eq!(Spot::new(0, last + 1), None);
    }
}
