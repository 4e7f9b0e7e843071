//! The keys of one issuer that are in force.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use doorward_crypto::digest::sha256;
use doorward_crypto::jose::{Jwks, JwksError, Jws, JwsError, VerificationKey, VerifiedPayload};

use super::issuer_set::micros;

/// Makes a number that nothing else in this process has.
pub(super) fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Keys, and the number of this very set.
pub(super) struct KeySet {
    keys: Keys,
    digest: [u8; 32],
    pub(super) generation: u64,
}

/// What verifies.
pub(super) enum Keys {
    /// Keys that tokens pick by `kid`.
    Set(Jwks),
    /// The one key, whatever a token's `kid`.
    One(VerificationKey),
}

impl KeySet {
    /// Tells whether a token with this `kid` can be verified with this set or be refused for good.
    pub(super) fn knows(&self, kid: &str) -> bool {
        match &self.keys {
            Keys::Set(keys) => keys.has_kid(kid),
            Keys::One(_) => true,
        }
    }

    pub(super) fn verify(&self, token: Jws<'_>) -> Result<VerifiedPayload, JwsError> {
        match &self.keys {
            Keys::Set(keys) => token.verify_with(keys),
            Keys::One(key) => token.verify(key),
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.keys {
            Keys::Set(keys) => keys.keys().len(),
            Keys::One(_) => 1,
        }
    }

    /// The keys that can't be used, and why.
    pub(super) fn skipped(&self) -> Vec<String> {
        let Keys::Set(keys) = &self.keys else {
            return Vec::new();
        };
        let name = |skipped: &doorward_crypto::jose::jwks::Skipped| {
            let kid = skipped.kid.as_deref().unwrap_or("without kid");
            format!(
                "key {} ({}): {}",
                skipped.index,
                super::shorten(kid),
                skipped.reason
            )
        };
        keys.skipped().iter().map(name).collect()
    }
}

/// Holds the present keys. A reader never waits.
#[derive(Default)]
pub(super) struct Holder {
    current: ArcSwapOption<KeySet>,
    /// When the keys were last known to be right, in microseconds of the clock that never steps
    /// back; negative for keys from before the start.
    as_of: AtomicI64,
}

/// For keys that cannot be out of date.
const ALWAYS: i64 = i64::MAX;

impl Holder {
    /// Puts keys in force. Equal ones keep their number, so that what was verified with them
    /// stays verified.
    pub(super) fn install(&self, source: &[u8], keys: Keys, as_of: i64) {
        let digest = sha256(source);
        let same = self
            .current
            .load()
            .as_ref()
            .is_some_and(|known| known.digest == digest);
        if !same {
            let generation = unique();
            self.current.store(Some(Arc::new(KeySet {
                keys,
                digest,
                generation,
            })));
        }
        self.as_of.store(as_of, Ordering::Release);
    }

    /// The keys, unless they are older than `max_age`.
    ///
    /// SECURITY: a key that its issuer has removed long ago must not verify for ever because the
    /// issuer can't be reached.
    pub(super) fn fresh(&self, now: u64, max_age: std::time::Duration) -> Option<Arc<KeySet>> {
        let age = self.age(now)?;
        if age > max_age {
            None
        } else {
            self.current.load_full()
        }
    }

    /// The age of the keys; `None` when there are none.
    pub(super) fn age(&self, now: u64) -> Option<std::time::Duration> {
        let as_of = self.as_of.load(Ordering::Acquire);
        self.current.load().as_ref()?;
        let age = micros(now).saturating_sub(as_of).max(0);
        Some(std::time::Duration::from_micros(age.unsigned_abs()))
    }

    pub(super) fn peek(&self) -> Option<Arc<KeySet>> {
        self.current.load_full()
    }
}

/// Our own key set, set by whoever holds the signing keys. Clones share it.
#[derive(Clone, Default)]
pub struct LocalKeys(pub(super) Arc<Holder>);

impl LocalKeys {
    /// Replaces the key set, given as JSON (RFC 7517 section 5). The next request sees it.
    ///
    /// # Errors
    /// When the text is not a key set; the old one stays.
    pub fn set(&self, jwks: &[u8]) -> Result<(), JwksError> {
        let keys = Jwks::parse(jwks)?;
        self.0.install(jwks, Keys::Set(keys), ALWAYS);
        Ok(())
    }
}

/// The same holder, not equal keys.
impl PartialEq for LocalKeys {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for LocalKeys {}

impl fmt::Debug for LocalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalKeys").finish_non_exhaustive()
    }
}
