//! The active signing key, in memory.

use std::sync::Arc;

use anyhow::Result;
use arc_swap::ArcSwap;
use doorward_core::Timestamp;
use doorward_crypto::jose::Jwks;
use doorward_crypto::jose::sign::SigningKey;
use doorward_store::SigningKeyRecord;

use crate::desk::signing_key;
use crate::state::State;

/// What we sign with, and what others verify with.
pub struct Signing {
    /// The key that signs.
    pub key: SigningKey,
    /// The public keys.
    pub public: Vec<serde_json::Value>,
    /// The same, to verify with.
    pub keys: Arc<Jwks>,
}

/// Holds the present signing key; replaced when keys rotate.
pub struct Signer(ArcSwap<Signing>);

impl Signer {
    /// Opens the active key.
    ///
    /// # Errors
    /// When it cannot be unsealed.
    pub fn open(state: &State, keys: &[SigningKeyRecord], now: Timestamp) -> Result<Self> {
        Ok(Self(ArcSwap::from_pointee(unseal(state, keys, now)?)))
    }

    /// Takes over the keys of the store.
    ///
    /// # Errors
    /// When the active key cannot be unsealed; the old one stays.
    pub fn replace(&self, state: &State, keys: &[SigningKeyRecord], now: Timestamp) -> Result<()> {
        self.0.store(Arc::new(unseal(state, keys, now)?));
        Ok(())
    }

    /// The present key.
    pub fn current(&self) -> Arc<Signing> {
        self.0.load_full()
    }
}

fn unseal(state: &State, keys: &[SigningKeyRecord], now: Timestamp) -> Result<Signing> {
    let key = signing_key::unseal_active(state, keys)?;
    let public = signing_key::public_keys(keys, now)?;
    let set = serde_json::json!({ "keys": public }).to_string();
    Ok(Signing {
        key,
        keys: Arc::new(Jwks::parse(set.as_bytes())?),
        public,
    })
}
