//! The issuers whose tokens are accepted, and their keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use doorward_core::{Clock, Timestamp};
use thiserror::Error;
use tokio::task::JoinHandle;

use super::cache::Stamp;
use super::issuer::{IssuerConfig, Origin};
use super::jwks_client::{Fetch, LastGood};
use super::key_set::{KeySet, unique};
use super::refresh::IssuerKeys;

/// When keys are fetched again. The defaults are fit for production.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RefreshPolicy {
    /// Keys are fetched this long after the last time. 5 minutes.
    pub period: Duration,
    /// An issuer may ask for a longer period (`max-age`), up to this one. A key that its issuer
    /// removes stops verifying within this time. 1 hour.
    pub longest_period: Duration,
    /// An unknown `kid` causes at most one fetch in this time. 10 seconds.
    pub cool_down: Duration,
    /// How many requests may wait for one fetch. 64.
    pub max_waiting: usize,
    /// How long a request may wait for a fetch. 2 seconds.
    pub max_wait: Duration,
    /// Keys that could not be fetched again for this long are not used any more. 24 hours.
    pub max_staleness: Duration,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        Self {
            period: Duration::from_mins(5),
            longest_period: Duration::from_hours(1),
            cool_down: Duration::from_secs(10),
            max_waiting: 64,
            max_wait: Duration::from_secs(2),
            max_staleness: Duration::from_hours(24),
        }
    }
}

/// What an [`IssuerSet`] works with.
pub struct IssuerSetParts {
    /// Fetches.
    pub fetch: Arc<dyn Fetch>,
    /// Keeps the last good key sets.
    pub last_good: Arc<dyn LastGood>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// When to fetch.
    pub policy: RefreshPolicy,
}

/// Two rules for one issuer: which one counts must not be guessed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("the issuer {0:?} is configured twice: keep one")]
pub struct TwoIssuers(pub String);

/// How an issuer's keys are, for the operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuerStatus {
    /// The `iss`.
    pub issuer: Arc<str>,
    /// How many keys can verify.
    pub keys: usize,
    /// How long ago the keys were last known to be right; `None` without keys.
    pub age: Option<Duration>,
    /// Why the last attempt to get the keys failed.
    pub last_error: Option<String>,
    /// The keys that can't be used, and why.
    pub skipped: Vec<String>,
}

/// All issuers. Made once, configured again on every reload, shared by all authenticators.
pub struct IssuerSet {
    parts: Arc<IssuerSetParts>,
    issuers: ArcSwap<HashMap<Arc<str>, Arc<Issuer>>>,
}

/// One issuer: its rules and its keys.
pub(super) struct Issuer {
    pub(super) config: IssuerConfig,
    pub(super) keys: Arc<IssuerKeys>,
    rules: u64,
}

impl Issuer {
    pub(super) const fn stamp(&self, keys: &KeySet) -> Stamp {
        Stamp {
            rules: self.rules,
            keys: keys.generation,
        }
    }
}

impl IssuerSet {
    /// A set without issuers.
    #[must_use]
    pub fn new(parts: IssuerSetParts) -> Self {
        Self {
            parts: Arc::new(parts),
            issuers: ArcSwap::default(),
        }
    }

    /// Puts these issuers in force, and no others. Keys that are known and still come from the
    /// same place stay known; new ones are looked for on disk, which may block.
    ///
    /// # Errors
    /// [`TwoIssuers`]; then nothing changes.
    pub fn configure(&self, configs: Vec<IssuerConfig>) -> Result<(), TwoIssuers> {
        let old = self.issuers.load_full();
        let mut new = HashMap::with_capacity(configs.len());
        for config in configs {
            let name = config.issuer.clone();
            let issuer = self.issuer(config, old.get(&name));
            if new.insert(name.clone(), issuer).is_some() {
                return Err(TwoIssuers(name.to_string()));
            }
        }
        self.issuers.store(Arc::new(new));
        Ok(())
    }

    /// Starts to get the keys that are due. To be called every second; it never waits. The
    /// handles need not be kept.
    pub fn tick(&self) -> Vec<JoinHandle<()>> {
        let issuers = self.issuers.load();
        issuers
            .values()
            .filter_map(|issuer| issuer.keys.tick(&self.parts))
            .collect()
    }

    /// How the issuers' keys are, in the order of the issuers.
    #[must_use]
    pub fn status(&self) -> Vec<IssuerStatus> {
        let issuers = self.issuers.load();
        let mut all: Vec<_> = issuers
            .values()
            .map(|issuer| issuer.keys.status(&self.parts))
            .collect();
        all.sort_by(|a, b| a.issuer.cmp(&b.issuer));
        all
    }

    /// SECURITY: found by the exact text, and only among the configured ones: a token cannot
    /// make us fetch anything from anywhere else.
    pub(super) fn lookup(&self, issuer: &str) -> Option<Arc<Issuer>> {
        self.issuers.load().get(issuer).cloned()
    }

    /// The keys of an issuer that may be used now.
    pub(super) fn keys(&self, issuer: &Issuer) -> Option<Arc<KeySet>> {
        let now = self.parts.clock.monotonic_micros();
        issuer
            .keys
            .holder()
            .fresh(now, self.parts.policy.max_staleness)
    }

    pub(super) const fn parts(&self) -> &Arc<IssuerSetParts> {
        &self.parts
    }

    fn issuer(&self, config: IssuerConfig, old: Option<&Arc<Issuer>>) -> Arc<Issuer> {
        let keys = match old {
            Some(old) if old.config == config => return old.clone(),
            Some(old) if old.config.origin == config.origin => old.keys.clone(),
            _ => self.new_keys(&config),
        };
        Arc::new(Issuer {
            config,
            keys,
            rules: unique(),
        })
    }

    fn new_keys(&self, config: &IssuerConfig) -> Arc<IssuerKeys> {
        let keys = IssuerKeys::new(config.issuer.clone(), config.origin.clone());
        if matches!(config.origin, Origin::Discovery | Origin::Url(_)) {
            keys.recall(&self.parts);
        }
        Arc::new(keys)
    }
}

impl IssuerSetParts {
    /// The moment on the monotonic clock at which keys fetched at `at` were right; `None` when
    /// that is too long ago or yet to come.
    pub(super) fn as_of(&self, at: Timestamp) -> Option<i64> {
        let now = self.clock.now();
        let age = now.since(at);
        let known = at <= now && age <= self.policy.max_staleness;
        let age = i64::try_from(age.as_micros()).ok().filter(|_| known)?;
        Some(micros(self.clock.monotonic_micros()).saturating_sub(age))
    }
}

/// A moment of the monotonic clock as a signed number.
pub(super) fn micros(moment: u64) -> i64 {
    i64::try_from(moment).unwrap_or(i64::MAX)
}
