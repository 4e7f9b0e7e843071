//! Counts calls in memory: GCRA buckets for rates, counters for quotas.
//!
//! What an attacker can do here: call from many addresses. A table never holds more than its
//! bound, never forgets a bucket that is not full again, and gives newcomers who find it full
//! shared buckets, so that nobody's count is ever reset (ADR 0012).

use std::collections::HashMap;
use std::sync::Arc;

use doorward_core::Clock;
use doorward_core::limit::{Counted, Exceeded, Limit, Limiter, Standing};
use parking_lot::Mutex;

mod key;
mod period;
mod table;

use table::{Now, Table};

/// Digests what is too long to be kept as it is, under a key that callers do not know: two texts
/// with one digest would be counted as one caller, and callers choose texts.
pub type LongKeyDigest = Arc<dyn Fn(&[u8]) -> [u8; 32] + Send + Sync>;

/// The tables of all limits. They outlive a reload, as far as the limits do.
pub struct Counts {
    clock: Arc<dyn Clock>,
    digest: LongKeyDigest,
    tables: Mutex<HashMap<Box<str>, Arc<Table>>>,
}

/// Counts by the limits of one configuration.
pub struct CallLimiter {
    clock: Arc<dyn Clock>,
    digest: LongKeyDigest,
    /// By the index of the limit.
    tables: Vec<Arc<Table>>,
}

/// How much of a quota is used, to be kept over a restart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuotaUse {
    /// [`Limit::key`].
    pub limit: Box<str>,
    /// When the day or month began, in milliseconds since the Unix epoch.
    pub since: i64,
    /// What calls have in common, as this module writes it, and how many there were.
    pub used: Vec<(Box<str>, u64)>,
}

impl Counts {
    /// Nothing counted yet. Quotas survive a restart for callers with long names only where
    /// `digest` means the same after it.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, digest: LongKeyDigest) -> Self {
        Self {
            clock,
            digest,
            tables: Mutex::default(),
        }
    }

    /// Counts by these limits from now on, each with its index as place. At most `callers` are
    /// counted one by one for each. Limits that have not changed go on where they are.
    #[must_use]
    pub fn limiter(&self, limits: &[Arc<Limit>], callers: usize) -> CallLimiter {
        let mut known = self.tables.lock();
        let now = self.now();
        let table = |limit: &Arc<Limit>| {
            let old = known.get(&limit.key);
            if let Some(old) = old.filter(|old| old.serves(limit, callers)) {
                return Arc::clone(old);
            }
            let table = Table::new(limit, callers);
            // A quota that is raised is not a new one.
            if let Some(used) = old.and_then(|old| old.used(now)) {
                table.restore(&used, now);
            }
            Arc::new(table)
        };
        let tables: Vec<_> = limits.iter().map(table).collect();
        let keys = limits.iter().map(|limit| limit.key.clone());
        *known = keys.zip(tables.iter().cloned()).collect();
        CallLimiter {
            clock: Arc::clone(&self.clock),
            digest: Arc::clone(&self.digest),
            tables,
        }
    }

    /// How much of each quota is used.
    #[must_use]
    pub fn quotas(&self) -> Vec<QuotaUse> {
        let tables: Vec<_> = self.tables.lock().values().cloned().collect();
        let now = self.now();
        tables.iter().filter_map(|table| table.used(now)).collect()
    }

    /// Goes on where another process stopped. What belongs to another day or month, or to a limit
    /// that is gone, is of no interest.
    pub fn restore(&self, quotas: &[QuotaUse]) {
        let known = self.tables.lock();
        let now = self.now();
        for quota in quotas {
            if let Some(table) = known.get(&quota.limit) {
                table.restore(quota, now);
            }
        }
    }

    fn now(&self) -> Now {
        Now::of(self.clock.as_ref())
    }
}

impl CallLimiter {
    /// The tables of a call's limits, with what it is counted under. A limit without a table
    /// cannot be: both come from one configuration.
    fn tables<'a>(
        &'a self,
        call: &'a Counted<'_>,
    ) -> impl Iterator<Item = (&'a Table, String)> + Clone {
        call.limits.iter().filter_map(|limit| {
            let table = self.tables.get(limit.index)?;
            Some((table.as_ref(), key::of(limit, call, &*self.digest)))
        })
    }
}

impl Limiter for CallLimiter {
    fn look(&self, call: &Counted<'_>) -> Result<(), Exceeded> {
        let now = Now::of(self.clock.as_ref());
        let refusals = self
            .tables(call)
            .filter_map(|(t, key)| t.look(&key, now).err());
        refusals
            .max_by_key(|exceeded| exceeded.retry_after)
            .map_or(Ok(()), Err)
    }

    fn take(&self, call: &Counted<'_>) -> Result<Vec<Standing>, Exceeded> {
        let now = Now::of(self.clock.as_ref());
        let keyed: Vec<_> = self.tables(call).collect();
        if let [(table, key)] = keyed.as_slice() {
            return table.take(key, now).map(|standing| vec![standing]);
        }
        // Nearly every call that one of several limits refuses is refused here, and counted
        // nowhere, not even for a moment.
        let refusals = keyed.iter().filter_map(|(t, key)| t.look(key, now).err());
        if let Some(exceeded) = refusals.max_by_key(|exceeded| exceeded.retry_after) {
            return Err(exceeded);
        }
        let mut standings = Vec::with_capacity(keyed.len());
        for (n, (table, key)) in keyed.iter().enumerate() {
            match table.take(key, now) {
                Ok(standing) => standings.push(standing),
                Err(exceeded) => {
                    for (table, key) in keyed.iter().take(n) {
                        table.give_back(key);
                    }
                    return Err(exceeded);
                }
            }
        }
        Ok(standings)
    }
}

#[cfg(test)]
mod tests;
