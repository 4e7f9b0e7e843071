//! The keys that sign our tokens: made at the first start, sealed, rotated.

use std::time::Duration;

use anyhow::{Context, Result};
use doorward_core::{Clock, Entropy, Timestamp};
use doorward_crypto::jose::sign::SigningKey;
use doorward_crypto::seal::SealingKey;
use doorward_store::{SigningKeyRecord, SigningKeyRotation, SigningKeys, Stage};

use crate::state::State;

/// How long a retired key is still published: longer than any token lives.
pub const RETIRED_FOR: Duration = Duration::from_secs(48 * 3600);

/// Loads the signing keys, making them at the first start.
///
/// # Errors
/// When the store cannot give or take them.
pub async fn ensure(
    state: &State,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Vec<SigningKeyRecord>> {
    let keys = state.store.signing_keys();
    let known = keys.list().await?;
    if known.iter().any(|key| key.stage == Stage::Active) {
        return Ok(known);
    }
    let now = clock.now();
    let sealing = &state.secrets.sealing;
    let initial = make(sealing, entropy, Stage::Active, now)?;
    let next = make(sealing, entropy, Stage::Next, now)?;
    Ok(keys.ensure(initial, next).await?)
}

/// Retires the active key, activates the next one and makes another next one.
///
/// # Errors
/// When another process rotated at the same time, or the store fails.
pub async fn rotate(
    state: &State,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Vec<SigningKeyRecord>> {
    let known = ensure(state, clock, entropy).await?;
    let active = active(&known)?;
    let now = clock.now();
    let rotation = SigningKeyRotation {
        expected_active: active.kid.clone(),
        new_next: make(&state.secrets.sealing, entropy, Stage::Next, now)?,
        now,
        retired_expires_at: now.plus(RETIRED_FOR),
    };
    Ok(SigningKeys::rotate(state.store.as_ref(), rotation).await?)
}

/// Unseals the active key.
///
/// # Errors
/// When there is none, or the secrets file is not the one it was sealed with.
pub fn unseal_active(state: &State, keys: &[SigningKeyRecord]) -> Result<SigningKey> {
    let active = active(keys)?;
    SigningKey::unseal(&state.secrets.sealing, &active.kid, &active.sealed).with_context(|| {
        format!(
            "cannot open the signing key {}; is {} the file that belongs to this database?",
            active.kid,
            crate::state::secrets::path(&state.dir).display()
        )
    })
}

/// The public keys: every one that may still verify a token, and the next one.
///
/// # Errors
/// When a stored key is not JSON.
pub fn public_keys(keys: &[SigningKeyRecord], now: Timestamp) -> Result<Vec<serde_json::Value>> {
    let live = keys
        .iter()
        .filter(|key| key.expires_at.is_none_or(|end| now < end));
    live.map(|key| Ok(serde_json::from_str(&key.public_jwk)?))
        .collect()
}

/// The key that signs.
///
/// # Errors
/// When there is none.
pub fn active(keys: &[SigningKeyRecord]) -> Result<&SigningKeyRecord> {
    keys.iter()
        .find(|key| key.stage == Stage::Active)
        .context("there is no active signing key")
}

fn make(
    sealing: &SealingKey,
    entropy: &dyn Entropy,
    stage: Stage,
    now: Timestamp,
) -> Result<SigningKeyRecord> {
    let key = SigningKey::generate(entropy)?;
    Ok(SigningKeyRecord {
        kid: key.kid().to_owned(),
        algorithm: "ES256".to_owned(),
        stage,
        sealed: key.seal(sealing, entropy)?,
        public_jwk: key.public_jwk().to_string(),
        created_at: now,
        activated_at: (stage == Stage::Active).then_some(now),
        retired_at: None,
        expires_at: None,
    })
}
