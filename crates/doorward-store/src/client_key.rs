//! Keys with which clients sign requests: the public half, or the shared secret, sealed.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_core::entropy::Entropy;
use doorward_core::net::Cidrs;
use doorward_core::scope::ScopeSet;
use thiserror::Error;

use crate::error::StoreError;

const ID_PREFIX: &str = "ck_";
const ID_RANDOM: usize = 16;
const ID_MAX: usize = 64;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a signed request names its key by (`keyid`, or the access key of AWS): 1 to 64 of
/// `A-Za-z0-9._-`. Cloning it copies a pointer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientKeyId(Arc<str>);

/// A text that is not the identifier of a client's key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the identifier of a client's key is 1 to {ID_MAX} of A-Z, a-z, 0-9, '.', '_' and '-'")]
pub struct NotAClientKeyId;

impl ClientKeyId {
    /// Parses an identifier.
    ///
    /// # Errors
    /// [`NotAClientKeyId`] when the length or a character is wrong.
    pub fn parse(text: &str) -> Result<Self, NotAClientKeyId> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > ID_MAX || !text.bytes().all(legal) {
            return Err(NotAClientKeyId);
        }
        Ok(Self(text.into()))
    }

    /// Draws a fresh identifier (95 bits): `ck_` and 16 characters.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut text = ID_PREFIX.to_owned();
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

impl fmt::Display for ClientKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The part of a key that verifies.
#[derive(Clone, PartialEq, Eq)]
pub enum ClientKeyMaterial {
    /// A public key: PEM or JWK.
    Public(String),
    /// A shared secret, encrypted under a key that is not in the store.
    Sealed(Vec<u8>),
}

/// What is stored about a client's key.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientKeyRecord {
    /// The identifier that requests name; unique, also among revoked keys.
    pub id: ClientKeyId,
    /// What people call it; not unique.
    pub name: String,
    /// The subject it acts as.
    pub owner: String,
    /// The one algorithm it is for.
    pub algorithm: String,
    /// What verifies.
    pub material: ClientKeyMaterial,
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
    /// When it was added.
    pub created_at: Timestamp,
}

/// SECURITY: leaves out the material, sealed or not.
impl fmt::Debug for ClientKeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientKeyRecord")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("algorithm", &self.algorithm)
            .field("expires_at", &self.expires_at)
            .field("revoked_at", &self.revoked_at)
            .finish_non_exhaustive()
    }
}

/// The keys of clients.
#[async_trait]
pub trait ClientKeys: Send + Sync {
    /// Stores a key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the identifier is taken, also by a revoked key.
    async fn add(&self, key: ClientKeyRecord) -> Result<(), StoreError>;

    /// Finds a key by its identifier.
    async fn lookup(&self, id: &ClientKeyId) -> Result<Option<ClientKeyRecord>, StoreError>;

    /// All keys in the order of their identifiers' bytes, revoked ones included.
    async fn list(&self) -> Result<Vec<ClientKeyRecord>, StoreError>;

    /// Revokes a key for ever, and returns since when it is revoked: `at`, or an earlier moment.
    /// `None` when there is no such key.
    async fn revoke(
        &self,
        id: &ClientKeyId,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::ClientKeyId;

    #[test]
    fn identifiers_stand_unquoted_wherever_a_key_is_named() {
        for good in [
            "ck_5gT1xQ8b2LmN4pRs",
            "AKIAIOSFODNN7EXAMPLE",
            "a.b-c_d",
            &"x".repeat(64),
        ] {
            assert_eq!(ClientKeyId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a/b", "a b", "a\"", "é", "a\n", &"x".repeat(65)] {
            assert!(ClientKeyId::parse(bad).is_err(), "{bad:?}");
        }
    }
}
