//! The keys Doorward signs with, sealed.

use std::fmt;

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use crate::error::StoreError;

/// Where a signing key is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stage {
    /// Published, not yet used. At most one key.
    Next,
    /// Signs. At most one key.
    Active,
    /// Signs no more; still published until it expires.
    Retired,
}

impl Stage {
    /// The stage in one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }

    /// Reads the stage from its word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Next, Self::Active, Self::Retired]
            .into_iter()
            .find(|stage| stage.as_str() == text)
    }
}

/// What is stored about a signing key.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// The key's identifier in token headers; unique.
    pub kid: String,
    /// The one algorithm it signs with.
    pub algorithm: String,
    /// Where it is in its life.
    pub stage: Stage,
    /// The private key, encrypted under a key that is not in the store.
    pub sealed: Vec<u8>,
    /// The public key as JWK.
    pub public_jwk: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it began to sign.
    pub activated_at: Option<Timestamp>,
    /// When it stopped signing.
    pub retired_at: Option<Timestamp>,
    /// When its last token has expired and it can go.
    pub expires_at: Option<Timestamp>,
}

/// SECURITY: leaves out the private key, sealed or not.
impl fmt::Debug for SigningKeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeyRecord")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .field("stage", &self.stage)
            .field("created_at", &self.created_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// One step of the key schedule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SigningKeyRotation {
    /// The key that the caller saw signing.
    pub expected_active: String,
    /// The key to publish from now on; stored as [`Stage::Next`].
    pub new_next: SigningKeyRecord,
    /// The present moment.
    pub now: Timestamp,
    /// When the key that retires can go.
    pub retired_expires_at: Timestamp,
}

/// The signing keys.
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// All keys, the oldest first.
    async fn list(&self) -> Result<Vec<SigningKeyRecord>, StoreError>;

    /// Makes sure that one key signs and one is next, and returns all keys. `initial` is stored as
    /// [`Stage::Active`] only when no key is active, `next` as [`Stage::Next`] only when none is
    /// next: of many processes that start at once all get the same keys.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a `kid` to be stored is taken.
    async fn ensure(
        &self,
        initial: SigningKeyRecord,
        next: SigningKeyRecord,
    ) -> Result<Vec<SigningKeyRecord>, StoreError>;

    /// Retires the active key, activates the next one and stores a new next one, all or nothing,
    /// and returns all keys.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the expected key is not the active one any more or the new
    /// `kid` is taken, [`StoreError::NotFound`] when no key is next.
    async fn rotate(
        &self,
        rotation: SigningKeyRotation,
    ) -> Result<Vec<SigningKeyRecord>, StoreError>;

    /// Removes retired keys that have expired at `now`, and says how many.
    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError>;
}
