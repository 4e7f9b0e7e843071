//! The counts of one limit: bounded, and never forgotten before their time.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use doorward_core::limit::{Exceeded, Limit, Span, Standing};
use doorward_core::{Clock, Timestamp};
use parking_lot::{Mutex, MutexGuard};

use super::QuotaUse;
use super::period::Period;

/// How many parts a table has, each with a lock of its own.
const SHARDS: usize = 16;
/// How many buckets newcomers share in a part that is full.
const SHARED: usize = 1024;
/// How many counts are not worth looking through.
const FEW: usize = 64;

/// The moment of a call.
#[derive(Clone, Copy)]
pub(super) struct Now {
    nanos: u64,
    wall: Timestamp,
}

impl Now {
    pub(super) fn of(clock: &dyn Clock) -> Self {
        Self {
            nanos: clock.monotonic_micros().saturating_mul(1000),
            wall: clock.now(),
        }
    }
}

/// The counts of one limit.
///
/// A count is one number. Of a rate it is the moment when the bucket is full again (GCRA), in
/// nanoseconds of the clock that never steps back; a bucket that is full is not kept. Of a quota it
/// is the number of calls in the day or month.
pub(super) struct Table {
    limit: Arc<Limit>,
    callers: usize,
    /// How long one call takes to come back, in nanoseconds.
    refill: u64,
    /// How long a whole bucket takes.
    depth: u64,
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
}

#[derive(Default)]
struct Shard {
    counts: HashMap<Box<str>, u64>,
    /// The buckets that newcomers share; empty until the part was full once.
    shared: Vec<u64>,
    /// At how many counts they are looked through for what is full.
    look_at: usize,
    /// The moment before which nothing that was looked through is full.
    nothing_before: u64,
    /// Which day or month it is, by its beginning.
    since: i64,
}

impl Table {
    pub(super) fn new(limit: &Arc<Limit>, callers: usize) -> Self {
        let span = match limit.span {
            Span::Every(span) => u64::try_from(span.as_nanos()).unwrap_or(u64::MAX),
            Span::Day | Span::Month => 0,
        };
        let refill = span.div_ceil(limit.calls.max(1));
        Self {
            limit: Arc::clone(limit),
            callers,
            refill,
            depth: refill.saturating_mul(limit.burst),
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// Tells whether this is the table of a limit.
    pub(super) fn serves(&self, limit: &Limit, callers: usize) -> bool {
        let same = Limit {
            name: limit.name.clone(),
            key: limit.key.clone(),
            by: limit.by.clone(),
            index: self.limit.index,
            ..*limit
        };
        *self.limit == same && self.callers == callers
    }

    /// What is left for the next call.
    pub(super) fn look(&self, key: &str, now: Now) -> Result<Standing, Exceeded> {
        let hash = self.hasher.hash_one(key);
        let shard = self.shard(hash, now);
        self.judge(shard.count(key, hash), now)
    }

    /// Counts a call.
    pub(super) fn take(&self, key: &str, now: Now) -> Result<Standing, Exceeded> {
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard(hash, now);
        let standing = self.judge(shard.count(key, hash), now)?;
        let rate = !self.limit.is_quota();
        let dead = if rate { now.nanos } else { 0 };
        let most = self.callers.div_ceil(SHARDS);
        let count = shard.place(key, hash, (most, dead));
        *count = if rate {
            (*count).max(now.nanos).saturating_add(self.refill)
        } else {
            count.saturating_add(1)
        };
        Ok(standing)
    }

    /// Takes a call back that another limit refused.
    pub(super) fn give_back(&self, key: &str) {
        let hash = self.hasher.hash_one(key);
        let unit = if self.limit.is_quota() {
            1
        } else {
            self.refill
        };
        let mut shard = self.lock(hash);
        if let Some(count) = shard.find(key, hash) {
            *count = count.saturating_sub(unit);
        }
    }

    /// What the count says to one more call: what is left after it, or how long to wait.
    fn judge(&self, count: u64, now: Now) -> Result<Standing, Exceeded> {
        let standing = |left, reset| Standing {
            limit: Arc::clone(&self.limit),
            left,
            reset,
        };
        let Some(period) = Period::of(self.limit.span, now.wall) else {
            let debt = count.saturating_sub(now.nanos);
            let after = debt.saturating_add(self.refill);
            let wait = after.saturating_sub(self.depth);
            if wait > 0 {
                return Err(Exceeded {
                    standing: standing(0, Duration::from_nanos(debt)),
                    retry_after: Duration::from_nanos(wait),
                });
            }
            let left = (self.depth - after) / self.refill.max(1);
            return Ok(standing(left, Duration::from_nanos(after)));
        };
        let reset = Timestamp::from_millis(period.until).since(now.wall);
        if count >= self.limit.calls {
            return Err(Exceeded {
                standing: standing(0, reset),
                retry_after: reset,
            });
        }
        Ok(standing(self.limit.calls - count - 1, reset))
    }

    /// How much of a quota is used; none for a rate.
    pub(super) fn used(&self, now: Now) -> Option<QuotaUse> {
        let period = Period::of(self.limit.span, now.wall)?;
        let mut used = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            if shard.since == period.since {
                used.extend(
                    shard
                        .counts
                        .iter()
                        .map(|(key, count)| (key.clone(), *count)),
                );
            }
        }
        Some(QuotaUse {
            limit: self.limit.key.clone(),
            since: period.since,
            used,
        })
    }

    /// Takes over what was used, unless it was used in another day or month.
    pub(super) fn restore(&self, quota: &QuotaUse, now: Now) {
        if Period::of(self.limit.span, now.wall).is_none_or(|period| period.since != quota.since) {
            return;
        }
        let most = self.callers.div_ceil(SHARDS);
        for (key, used) in &quota.used {
            let hash = self.hasher.hash_one(&**key);
            let mut shard = self.shard(hash, now);
            let count = shard.place(key, hash, (most, 0));
            *count = (*count).max(*used);
        }
    }

    fn lock(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // The upper bits; the map inside uses the lower ones.
        let number = usize::try_from(hash >> 60).unwrap_or(0);
        #[expect(
            clippy::indexing_slicing,
            reason = "there are 16 parts, and four bits name one"
        )]
        self.shards[number].lock()
    }

    /// The part of a key, in the present day or month. A clock that steps back begins no new one.
    fn shard(&self, hash: u64, now: Now) -> MutexGuard<'_, Shard> {
        let mut shard = self.lock(hash);
        if let Some(period) = Period::of(self.limit.span, now.wall)
            && period.since > shard.since
        {
            *shard = Shard {
                since: period.since,
                ..Shard::default()
            };
        }
        shard
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|s| s.lock().counts.len()).sum()
    }
}

impl Shard {
    /// The count of a key, its own or the one it shares.
    fn count(&self, key: &str, hash: u64) -> u64 {
        let own = self.counts.get(key).copied();
        own.unwrap_or_else(|| self.shared.get(seat(hash)).copied().unwrap_or(0))
    }

    fn find(&mut self, key: &str, hash: u64) -> Option<&mut u64> {
        match self.counts.get_mut(key) {
            Some(own) => Some(own),
            None => self.shared.get_mut(seat(hash)),
        }
    }

    /// The place of a key's count: its own where there is room, or one that it shares. Counts that
    /// are not above `dead` tell nothing any more. SECURITY: nothing else is ever removed, or who
    /// fills the table would reset the counts of others, or their own.
    fn place(&mut self, key: &str, hash: u64, (most, dead): (usize, u64)) -> &mut u64 {
        if !self.counts.contains_key(key) {
            self.make_room(most, dead);
        }
        let shared = self.shared.get(seat(hash)).copied().unwrap_or(0);
        if self.counts.len() >= most && !self.counts.contains_key(key) {
            if self.shared.is_empty() {
                self.shared.resize(SHARED, 0);
            }
            #[expect(clippy::indexing_slicing, reason = "a seat is below their number")]
            return &mut self.shared[seat(hash)];
        }
        // Who shared a bucket takes its count along.
        self.counts.entry(key.into()).or_insert(shared)
    }

    fn make_room(&mut self, most: usize, dead: u64) {
        let many = self.counts.len() >= self.look_at.clamp(FEW.min(most), most);
        if !many || dead == 0 || dead < self.nothing_before {
            return;
        }
        let mut earliest = u64::MAX;
        self.counts.retain(|_, count| {
            let live = *count > dead;
            if live {
                earliest = earliest.min(*count);
            }
            live
        });
        self.nothing_before = if self.counts.len() >= most {
            earliest
        } else {
            0
        };
        self.look_at = self.counts.len().saturating_mul(2);
    }
}

/// The bucket that a key shares.
fn seat(hash: u64) -> usize {
    usize::try_from(hash >> 20).unwrap_or(0) % SHARED
}
