//! API keys: the record of a key, never the key.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
pub use doorward_core::api_key::{Environment, KeyKind};
use doorward_core::clock::Timestamp;
use doorward_core::entropy::Entropy;
use doorward_core::net::Cidrs;
use doorward_core::scope::ScopeSet;
use thiserror::Error;

use crate::error::StoreError;
use crate::key_view::KeyVisitor;

const ID_PREFIX: &str = "key_";
const ID_RANDOM: usize = 16;
const ID_MAX: usize = 30;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The public identifier of an API key: `key_` and 16 (at most 26) characters of `0-9A-Za-z`.
/// Ordered by its bytes. Cloning it copies a pointer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ApiKeyId(Arc<str>);

/// The text of an [`ApiKeyId`], borrowed: it was checked and takes no memory of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ApiKeyIdRef<'t>(&'t str);

/// A text that is not the identifier of an API key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the identifier of an API key is key_ and 16 to 26 letters and digits")]
pub struct NotAnApiKeyId;

impl ApiKeyId {
    /// Parses an identifier.
    ///
    /// # Errors
    /// [`NotAnApiKeyId`] when the prefix, the length or a character is wrong.
    pub fn parse(text: &str) -> Result<Self, NotAnApiKeyId> {
        ApiKeyIdRef::parse(text).map(|id| Self(id.as_str().into()))
    }

    /// The identifier, borrowed.
    #[must_use]
    pub fn borrow(&self) -> ApiKeyIdRef<'_> {
        ApiKeyIdRef(&self.0)
    }

    /// Draws a fresh identifier (95 bits).
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut text = String::with_capacity(ID_MAX);
        text.push_str(ID_PREFIX);
        while text.len() < ID_PREFIX.len() + ID_RANDOM {
            let mut byte = [0_u8; 1];
            entropy.fill(&mut byte);
            // Bytes of 248 and more are dropped so that all 62 characters are equally likely.
            if byte[0] < 248
                && let Some(character) = BASE62.get(usize::from(byte[0] % 62))
            {
                text.push(char::from(*character));
            }
        }
        Self(text.into())
    }

    /// The identifier's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'t> ApiKeyIdRef<'t> {
    /// Parses an identifier.
    ///
    /// # Errors
    /// [`NotAnApiKeyId`] when the prefix, the length or a character is wrong.
    pub fn parse(text: &'t str) -> Result<Self, NotAnApiKeyId> {
        let random = text.strip_prefix(ID_PREFIX).ok_or(NotAnApiKeyId)?;
        if random.len() < ID_RANDOM
            || text.len() > ID_MAX
            || !random.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            return Err(NotAnApiKeyId);
        }
        Ok(Self(text))
    }

    /// The identifier's text.
    #[must_use]
    pub const fn as_str(self) -> &'t str {
        self.0
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is stored about an API key.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeyRecord {
    /// The public identifier.
    pub id: ApiKeyId,
    /// What people call it; not unique.
    pub name: String,
    /// The subject the key acts as.
    pub owner: String,
    /// The kind of key.
    pub kind: KeyKind,
    /// Where it is good.
    pub environment: Environment,
    /// The keyed digest of the whole key; unique.
    pub digest: [u8; 32],
    /// Which pepper made the digest.
    pub pepper_id: String,
    /// The first characters of the key, for people to recognise it.
    pub hint: String,
    /// What it may be used for.
    pub scopes: ScopeSet,
    /// The roles it has.
    pub roles: Vec<String>,
    /// Where it may be used from; empty means from anywhere.
    pub allowed_cidrs: Cidrs,
    /// When it starts to be good.
    pub not_before: Option<Timestamp>,
    /// When it stops being good.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last seen in use, a little late.
    pub last_used_at: Option<Timestamp>,
    /// When it was seen where it should not be.
    pub exposed_at: Option<Timestamp>,
    /// The key that takes its place after a rotation.
    pub replaced_by: Option<ApiKeyId>,
}

/// SECURITY: leaves out the digest and shows what the operator may know.
impl fmt::Debug for ApiKeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeyRecord")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("owner", &self.owner)
            .field("kind", &self.kind)
            .field("environment", &self.environment)
            .field("scopes", &self.scopes)
            .field("roles", &self.roles)
            .field("expires_at", &self.expires_at)
            .field("revoked_at", &self.revoked_at)
            .field("replaced_by", &self.replaced_by)
            .finish_non_exhaustive()
    }
}

/// What came of a rotation.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub enum ApiKeyRotation {
    /// The successor is stored; the old key ends at the given moment.
    Rotated {
        /// The earlier of the old key's own expiry and the one asked for.
        old_expires_at: Timestamp,
    },
    /// Refused: the old key is revoked.
    Revoked {
        /// Since when.
        at: Timestamp,
    },
    /// Refused: another rotation came first.
    Replaced {
        /// The key that took its place.
        by: ApiKeyId,
    },
}

/// What is changed about a key; what is `None` stays.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ApiKeyAmendment {
    /// What people call it.
    pub name: Option<String>,
    /// What it may be used for.
    pub scopes: Option<ScopeSet>,
    /// The roles it has.
    pub roles: Option<Vec<String>>,
    /// Where it may be used from; empty means from anywhere.
    pub allowed_cidrs: Option<Cidrs>,
    /// When it stops being good; the inner `None` means never.
    pub expires_at: Option<Option<Timestamp>>,
}

/// What came of a change of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub enum ApiKeyAmended {
    /// It is changed, and this is what is stored now.
    Amended(Box<ApiKeyRecord>),
    /// Refused: the key is revoked.
    Revoked {
        /// Since when.
        at: Timestamp,
    },
    /// Refused: another key has taken its place.
    Replaced {
        /// That key.
        by: ApiKeyId,
    },
}

/// The API keys.
#[async_trait]
pub trait ApiKeys: Send + Sync {
    /// Stores a new key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when its identifier or its digest is taken.
    async fn create(&self, key: ApiKeyRecord) -> Result<(), StoreError>;

    /// Finds a key by its identifier.
    async fn lookup(&self, id: &ApiKeyId) -> Result<Option<ApiKeyRecord>, StoreError>;

    /// Finds a key by its digest.
    async fn lookup_digest(&self, digest: &[u8; 32]) -> Result<Option<ApiKeyRecord>, StoreError>;

    /// The keys after `after` in the order of their identifiers, at most `limit`.
    async fn list(
        &self,
        after: Option<&ApiKeyId>,
        limit: usize,
    ) -> Result<Vec<ApiKeyRecord>, StoreError>;

    /// Hands every key to `visit`, in no particular order, without holding all in memory.
    ///
    /// A reader that wants to stay up to date reads [`crate::ChangeFeed::head`] first and follows
    /// the changes since then. On an error some keys were visited and others not.
    async fn for_each(
        &self,
        visit: &mut (dyn FnMut(ApiKeyRecord) + Send),
    ) -> Result<(), StoreError>;

    /// Lends every key to `visitor` as [`ApiKeys::for_each`] hands it out, but only what a gate
    /// needs of it. What people wrote beside a key is not read.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with the key's identifier when a key does not parse. On an error
    /// some keys were visited and others not.
    async fn visit_all(&self, visitor: &mut dyn KeyVisitor) -> Result<(), StoreError>;

    /// Revokes a key for good and returns since when it is revoked; `None` when there is no such
    /// key. The earliest moment stays, so repeating it changes nothing, and nothing un-revokes.
    async fn revoke(&self, id: &ApiKeyId, at: Timestamp) -> Result<Option<Timestamp>, StoreError>;

    /// Stores `successor` and lets `old` end, both or neither. A key is rotated once; of many
    /// callers at once one gets [`ApiKeyRotation::Rotated`].
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when `old` is not there, [`StoreError::Conflict`] when the
    /// successor's identifier or digest is taken.
    async fn rotate(
        &self,
        old: &ApiKeyId,
        successor: ApiKeyRecord,
        old_expires_at: Timestamp,
    ) -> Result<ApiKeyRotation, StoreError>;

    /// Changes a key, all that is given or nothing. A key that is revoked or replaced is left as
    /// it is, so that nothing brings it back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such key.
    async fn amend(
        &self,
        id: &ApiKeyId,
        amendment: ApiKeyAmendment,
    ) -> Result<ApiKeyAmended, StoreError>;

    /// Replaces the digest of a key when it is still `expected_digest`; false when it is not, or
    /// when there is no such key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another key has the new digest.
    async fn rehash(
        &self,
        id: &ApiKeyId,
        expected_digest: &[u8; 32],
        new_digest: &[u8; 32],
        new_pepper_id: &str,
    ) -> Result<bool, StoreError>;

    /// Notes when keys were last used, all in one transaction. Moves forward only, skips keys that
    /// are gone and writes no change.
    async fn touch(&self, uses: &[(ApiKeyId, Timestamp)]) -> Result<(), StoreError>;

    /// Notes that a key was seen where it should not be and returns since when that is known;
    /// `None` when there is no such key. The earliest moment stays.
    async fn mark_exposed(
        &self,
        id: &ApiKeyId,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError>;
}

#[cfg(test)]
mod tests {
    use doorward_core::entropy::Entropy;

    use super::{ApiKeyId, NotAnApiKeyId};
    use crate::conformance::sample;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, into: &mut [u8]) {
            into.fill_with(|| self.0.fetch_add(7, std::sync::atomic::Ordering::Relaxed));
        }
    }

    #[test]
    fn k01_identifiers_hold_nothing_but_letters_and_digits() {
        for good in ["key_0123456789abcdef", "key_0123456789ABCDEFGHIJKLMNOP"] {
            assert_eq!(ApiKeyId::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "key_",
            "key_0123456789abcde",
            "key_0123456789abcdefghijklmnopq",
            "KEY_0123456789abcdef",
            "key_0123456789abcde'",
            "key_0123456789abcde\0",
            "key_0123456789abcdeé",
            " key_0123456789abcdef",
        ] {
            assert_eq!(ApiKeyId::parse(bad), Err(NotAnApiKeyId), "{bad:?}");
        }
    }

    #[test]
    fn generated_identifiers_parse_and_differ() {
        let entropy = Counting(std::sync::atomic::AtomicU8::new(3));
        let (one, two) = (ApiKeyId::generate(&entropy), ApiKeyId::generate(&entropy));
        assert_ne!(one, two);
        assert_eq!(ApiKeyId::parse(one.as_str()), Ok(one));
    }

    #[test]
    fn r021_debug_shows_no_digest() {
        let key = sample::api_key(1);
        assert!(!format!("{key:?}").contains("digest"));
    }
}
