//! Keyed digests of API keys: what a store keeps instead of the key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use doorward_core::Secret;
use thiserror::Error;

use crate::digest::fixed;

/// The name of a pepper, stored beside every digest made with it: 1 to 32 of `A-Za-z0-9_-`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PepperId(Arc<str>);

/// Why peppers are refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PepperError {
    /// The id has no or too many characters, or one of another kind.
    #[error("a pepper's id is 1 to 32 of A-Z, a-z, 0-9, '_' and '-'")]
    Id,
    /// Two peppers have the same id.
    #[error("two peppers have the id {0:?}")]
    Duplicate(String),
}

/// A secret of 32 bytes that is kept apart from the store.
pub struct Pepper {
    id: PepperId,
    key: hmac::Key,
}

/// The pepper for new keys, and those that older keys were digested with.
pub struct Peppers {
    current: Pepper,
    retired: Vec<Pepper>,
}

/// The HMAC-SHA-256 of a whole API key under a pepper. Compared in constant time.
#[derive(Clone, Copy)]
pub struct KeyDigest([u8; 32]);

impl PepperId {
    /// Parses an id.
    ///
    /// # Errors
    /// [`PepperError::Id`] when the text is not one.
    pub fn parse(text: &str) -> Result<Self, PepperError> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if text.is_empty() || text.len() > 32 || !text.bytes().all(legal) {
            return Err(PepperError::Id);
        }
        Ok(Self(text.into()))
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Pepper {
    /// Takes a pepper.
    #[must_use]
    pub fn new(id: PepperId, secret: &Secret<[u8; 32]>) -> Self {
        Self {
            id,
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose()),
        }
    }

    fn digest(&self, key: &[u8]) -> (&PepperId, KeyDigest) {
        (
            &self.id,
            KeyDigest(fixed(hmac::sign(&self.key, key).as_ref())),
        )
    }
}

impl Peppers {
    /// Takes the pepper for new keys and the retired ones.
    ///
    /// # Errors
    /// [`PepperError::Duplicate`] when two have the same id.
    pub fn new(current: Pepper, retired: Vec<Pepper>) -> Result<Self, PepperError> {
        let mut ids: Vec<&PepperId> = retired.iter().map(|pepper| &pepper.id).collect();
        ids.push(&current.id);
        ids.sort();
        if let Some([twin, _]) = ids.array_windows().find(|[a, b]| a == b) {
            return Err(PepperError::Duplicate(twin.as_str().to_owned()));
        }
        Ok(Self { current, retired })
    }

    /// Digests a whole key, prefix and checksum included, with the current pepper.
    #[must_use]
    pub fn digest(&self, key: &[u8]) -> (&PepperId, KeyDigest) {
        self.current.digest(key)
    }

    /// The digests under which a presented key may be stored, that of the current pepper first.
    pub fn candidates<'p>(
        &'p self,
        key: &'p [u8],
    ) -> impl Iterator<Item = (&'p PepperId, KeyDigest)> {
        std::iter::once(&self.current)
            .chain(&self.retired)
            .map(|pepper| pepper.digest(key))
    }
}

impl KeyDigest {
    /// Takes a digest as it was stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest's bytes, for storing and for looking up.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for KeyDigest {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for KeyDigest {}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(..)")
    }
}
