//! Token buckets, many of them, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// Token buckets by key. Each is one number: when it will be full again, in microseconds. A full
/// bucket is not kept.
pub(super) struct Buckets<K> {
    burst: u64,
    refill: u64,
    max: usize,
    full_at: HashMap<K, u64>,
    /// How many tokens are set aside, by key. Whoever sets aside bounds how many keys there are.
    aside: HashMap<K, u64>,
}

impl<K: Copy + Eq + Hash> Buckets<K> {
    pub(super) fn new(burst: u32, refill: Duration, max: usize) -> Self {
        let refill = u64::try_from(refill.as_micros()).unwrap_or(u64::MAX);
        Self {
            burst: u64::from(burst).saturating_mul(refill),
            refill,
            max,
            full_at: HashMap::new(),
            aside: HashMap::new(),
        }
    }

    /// How long until a token is there that is not set aside.
    pub(super) fn wait(&self, key: &K, now: u64) -> u64 {
        let full_at = self.full_at.get(key).copied().unwrap_or(now).max(now);
        let tokens = self.aside.get(key).copied().unwrap_or(0).saturating_add(1);
        (full_at - now)
            .saturating_add(self.refill.saturating_mul(tokens))
            .saturating_sub(self.burst)
    }

    pub(super) fn take(&mut self, key: K, now: u64) {
        if self.full_at.len() >= self.max && !self.full_at.contains_key(&key) {
            self.make_room(now);
        }
        let full_at = self.full_at.entry(key).or_insert(now);
        *full_at = (*full_at).max(now).saturating_add(self.refill);
    }

    /// Sets a token aside until it is put back.
    pub(super) fn set_aside(&mut self, key: K) {
        let aside = self.aside.entry(key).or_insert(0);
        *aside = aside.saturating_add(1);
    }

    /// Puts a token back that was set aside.
    pub(super) fn put_back(&mut self, key: &K) {
        if let Some(aside) = self.aside.get_mut(key) {
            *aside = aside.saturating_sub(1);
            if *aside == 0 {
                self.aside.remove(key);
            }
        }
    }

    /// Forgets what is full, and if nothing is, the fullest quarter.
    fn make_room(&mut self, now: u64) {
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() >= self.max {
            let mut moments: Vec<u64> = self.full_at.values().copied().collect();
            let (_, limit, _) = moments.select_nth_unstable(self.max / 4);
            let limit = *limit;
            self.full_at.retain(|_, full_at| *full_at > limit);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.full_at.len() + self.aside.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Buckets;

    #[test]
    fn the_tables_are_bounded_and_forget_the_least_guilty_first() {
        let mut buckets = Buckets::new(10, Duration::from_secs(1), 100);
        for _ in 0..9 {
            buckets.take(u32::MAX, 0);
        }
        for key in 0..10_000 {
            buckets.take(key, 0);
            assert!(buckets.full_at.len() <= 100);
        }
        assert!(buckets.full_at.contains_key(&u32::MAX));
        buckets.take(1, 60_000_000);
        assert!(buckets.full_at.len() <= 100);
    }

    #[test]
    fn what_is_set_aside_is_not_there_for_others() {
        let mut buckets = Buckets::new(2, Duration::from_secs(1), 100);
        buckets.set_aside(7);
        assert_eq!(buckets.wait(&7, 0), 0);
        buckets.take(7, 0);
        assert_eq!(buckets.wait(&7, 0), 1_000_000);
        buckets.put_back(&7);
        assert_eq!(buckets.wait(&7, 0), 0);
        buckets.put_back(&7);
        assert_eq!(buckets.len(), 1);
    }
}
