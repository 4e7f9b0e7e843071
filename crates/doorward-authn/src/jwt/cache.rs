//! The cache of verified tokens: what is remembered is that these bytes were genuine.

use std::sync::Arc;

use doorward_core::verified::{Identity, Validity};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// A token that was verified.
#[derive(Clone)]
pub(super) struct Remembered {
    pub(super) identity: Identity,
    pub(super) validity: Validity,
    pub(super) stamp: Stamp,
    /// The certificate over which it must come, by its thumbprint.
    pub(super) bound_to: Option<[u8; 32]>,
    /// How long the token is, in bytes.
    pub(super) len: usize,
}

/// The rules and the keys that a token was verified with. SECURITY: no two have the same numbers
/// within a process, so a token does not outlive a removed key or a tightened rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    pub(super) rules: u64,
    pub(super) keys: u64,
}

/// Verified tokens by the SHA-256 of all their bytes. Bounded, shared by all authenticators.
/// Refusals are never remembered, decisions neither.
pub struct TokenCache(Cache<[u8; 32], Arc<Remembered>, ByLength>);

/// A token counts once for every KiB begun: what is remembered of it grows with its length.
#[derive(Clone)]
struct ByLength;

impl Weighter<[u8; 32], Arc<Remembered>> for ByLength {
    fn weight(&self, _: &[u8; 32], token: &Arc<Remembered>) -> u64 {
        u64::try_from(token.len.div_ceil(1024).max(1)).unwrap_or(u64::MAX)
    }
}

impl TokenCache {
    /// A cache of at most `tokens` tokens of 1 KiB, or fewer longer ones; 20,000 are a good
    /// number. Zero turns it off.
    #[must_use]
    pub fn new(tokens: usize) -> Self {
        let capacity = u64::try_from(tokens).unwrap_or(u64::MAX);
        Self(Cache::with_weighter(tokens, capacity, ByLength))
    }

    /// How many tokens are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether no token is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn lookup(&self, digest: &[u8; 32]) -> Option<Arc<Remembered>> {
        self.0.get(digest)
    }

    pub(super) fn insert(&self, digest: [u8; 32], token: Remembered) {
        self.0.insert(digest, Arc::new(token));
    }

    pub(super) fn remove(&self, digest: &[u8; 32]) {
        self.0.remove(digest);
    }
}

impl Default for TokenCache {
    fn default() -> Self {
        Self::new(20_000)
    }
}
