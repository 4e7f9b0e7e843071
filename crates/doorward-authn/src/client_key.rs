//! The keys with which clients sign requests, in memory, for both ways of signing.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use doorward_core::credential::{CredentialId, Method};
use doorward_core::net::{Cidrs, ClientAddress};
use doorward_core::verified::{Grants, Identity, Validity};
use doorward_core::{Entropy, Secret, Timestamp};
use doorward_crypto::jose::KeyError;
use doorward_crypto::message_signature::{SignatureAlgorithm, SignatureVerifier};
use doorward_crypto::seal::{SealError, SealingKey};
use doorward_store::{ClientKeyId, ClientKeyMaterial, ClientKeyRecord};
use parking_lot::RwLock;
use thiserror::Error;

pub mod replay;

pub use replay::{Claim, ReplayWindow};

/// The algorithm of keys that sign in the style of AWS.
pub const SIGV4_ALGORITHM: &str = "aws4-hmac-sha256";

/// Why a stored key cannot be used. It then opens nothing.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ClientKeyError {
    /// The algorithm is not known.
    #[error("the algorithm {0:?} is not known")]
    Algorithm(String),
    /// The key is stored in a form that does not belong to its algorithm.
    #[error("the key is not of the kind that its algorithm needs")]
    Kind,
    /// The public key or the secret is refused.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The secret cannot be opened.
    #[error("the shared secret: {0}")]
    Sealed(#[from] SealError),
}

/// What verifies what a client signed. One key is for one way of signing.
pub enum Material {
    /// RFC 9421.
    Message(SignatureVerifier),
    /// AWS Signature Version 4: the secret access key.
    SigV4(Secret<Vec<u8>>),
}

/// What is known of one key.
pub struct ClientKey {
    identity: Identity,
    validity: Validity,
    cidrs: Cidrs,
    material: Material,
    replays: Arc<ReplayWindow>,
}

/// All keys of clients. Loaded once, kept up to date from the change log, shared by all
/// authenticators.
pub struct ClientKeyIndex {
    keys: RwLock<HashMap<Box<str>, Arc<ClientKey>>>,
    since_ms: AtomicI64,
}

/// Seals a shared secret for storage, bound to the key's identifier.
///
/// # Errors
/// [`SealError`] when the cryptographic library fails.
pub fn seal(
    sealing: &SealingKey,
    id: &ClientKeyId,
    secret: &Secret<Vec<u8>>,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, SealError> {
    sealing.seal(&context(id), secret.expose(), entropy)
}

fn context(id: &ClientKeyId) -> String {
    format!("client-key/{id}")
}

impl Material {
    /// Reads what a record holds.
    ///
    /// # Errors
    /// [`ClientKeyError`] when nothing can be verified with it.
    pub fn open(record: &ClientKeyRecord, sealing: &SealingKey) -> Result<Self, ClientKeyError> {
        let unseal = |sealed: &[u8]| sealing.open(&context(&record.id), sealed);
        if record.algorithm == SIGV4_ALGORITHM {
            return match &record.material {
                ClientKeyMaterial::Sealed(sealed) => Ok(Self::SigV4(unseal(sealed)?)),
                ClientKeyMaterial::Public(_) => Err(ClientKeyError::Kind),
            };
        }
        let algorithm = SignatureAlgorithm::parse(&record.algorithm)
            .ok_or_else(|| ClientKeyError::Algorithm(record.algorithm.clone()))?;
        let shared = algorithm == SignatureAlgorithm::HmacSha256;
        match &record.material {
            ClientKeyMaterial::Public(text) if !shared => Ok(Self::Message(
                SignatureVerifier::from_text(text, algorithm)?,
            )),
            ClientKeyMaterial::Sealed(sealed) if shared => {
                Ok(Self::Message(SignatureVerifier::shared(&unseal(sealed)?)?))
            }
            _ => Err(ClientKeyError::Kind),
        }
    }

    const fn method(&self) -> Method {
        match self {
            Self::Message(_) => Method::MessageSignature,
            Self::SigV4(_) => Method::SigV4,
        }
    }
}

impl ClientKey {
    fn of(
        record: &ClientKeyRecord,
        sealing: &SealingKey,
        old: Option<&Self>,
    ) -> Result<Self, ClientKeyError> {
        let material = Material::open(record, sealing)?;
        let known_revoked = old.map_or(Timestamp::MAX, |old| old.validity.revoked_at);
        let revoked_at = record.revoked_at.unwrap_or(Timestamp::MAX);
        Ok(Self {
            identity: Identity {
                method: material.method(),
                credential_id: CredentialId::new(record.id.as_str()),
                subject: record.owner.as_str().into(),
                grants: Arc::new(Grants {
                    issuer: None,
                    scopes: record.scopes.clone(),
                    roles: record
                        .roles
                        .iter()
                        .map(|role| role.as_str().into())
                        .collect(),
                }),
            },
            validity: Validity {
                not_before: record.not_before.unwrap_or(Validity::ALWAYS.not_before),
                not_after: record.expires_at.unwrap_or(Timestamp::MAX),
                // SECURITY: nothing un-revokes.
                revoked_at: revoked_at.min(known_revoked),
            },
            cidrs: record.allowed_cidrs.clone(),
            material,
            replays: old.map_or_else(Arc::default, |old| Arc::clone(&old.replays)),
        })
    }

    /// Whom it stands for.
    pub(crate) fn identity(&self) -> Identity {
        self.identity.clone()
    }

    /// When the key may be used, as seen at `now`.
    pub(crate) fn validity(&self, now: Timestamp) -> Validity {
        let mut validity = self.validity;
        // SECURITY: revoked is revoked, also where the clock is behind or was set back.
        if validity.revoked_at != Timestamp::MAX {
            validity.revoked_at = validity.revoked_at.min(now);
        }
        validity
    }

    /// Tells whether the key may be used from an address. No block means from anywhere.
    pub(crate) fn admits_address(&self, client: ClientAddress) -> bool {
        self.cidrs.is_empty() || self.cidrs.contains(client)
    }

    pub(crate) const fn material(&self) -> &Material {
        &self.material
    }

    pub(crate) fn replays(&self) -> &ReplayWindow {
        &self.replays
    }
}

impl ClientKeyIndex {
    /// An empty index that remembers requests from this moment on.
    #[must_use]
    pub fn new(since: Timestamp) -> Self {
        Self {
            keys: RwLock::default(),
            since_ms: AtomicI64::new(since.millis()),
        }
    }

    /// Takes older requests for ones that nobody has seen: for explaining them, never for serving.
    pub fn assume_unseen(&self) {
        self.since_ms.store(i64::MIN, Ordering::Relaxed);
    }

    /// Takes a record, in place of the one with the same id. The next request sees it.
    ///
    /// # Errors
    /// [`ClientKeyError`] when it cannot be used; then nobody is admitted by this id.
    pub fn insert(
        &self,
        record: &ClientKeyRecord,
        sealing: &SealingKey,
    ) -> Result<(), ClientKeyError> {
        let mut keys = self.keys.write();
        let old = keys.remove(record.id.as_str());
        let key = ClientKey::of(record, sealing, old.as_deref())?;
        keys.insert(record.id.as_str().into(), Arc::new(key));
        Ok(())
    }

    /// Forgets a key.
    pub fn remove(&self, id: &ClientKeyId) {
        self.keys.write().remove(id.as_str());
    }

    /// Forgets all keys but these.
    pub fn retain(&self, records: &[ClientKeyRecord]) {
        let kept: std::collections::HashSet<&str> =
            records.iter().map(|record| record.id.as_str()).collect();
        self.keys.write().retain(|id, _| kept.contains(&**id));
    }

    /// How many keys are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.read().len()
    }

    /// Tells whether no key is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn lookup(&self, id: &str) -> Option<Arc<ClientKey>> {
        self.keys.read().get(id).cloned()
    }

    /// Since when requests are remembered: an older one may have been seen by whoever ran before.
    pub(crate) fn since(&self) -> Timestamp {
        Timestamp::from_millis(self.since_ms.load(Ordering::Relaxed))
    }
}
