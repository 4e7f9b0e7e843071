//! Keys of clients: added, revoked.

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_authn::client_key::{Material, SIGV4_ALGORITHM, seal};
use doorward_core::net::Cidrs;
use doorward_core::{Entropy as _, ScopeSet, Secret, Timestamp};
use doorward_crypto::message_signature::SignatureAlgorithm;
use doorward_store::{ClientKeyId, ClientKeyMaterial, ClientKeyRecord, StoreError};
use zeroize::Zeroizing;

use super::Desk;

/// What a new key is asked to be.
pub struct NewClientKey {
    /// The identifier; made up when absent.
    pub id: Option<String>,
    /// What people call it.
    pub name: String,
    /// Whom it acts as.
    pub owner: String,
    /// The algorithm.
    pub algorithm: String,
    /// A public key, or a shared secret as it is written; a secret is made up when both are
    /// absent.
    pub public_key: Option<String>,
    /// The shared secret.
    pub secret: Option<Secret<String>>,
    /// Scopes.
    pub scopes: ScopeSet,
    /// Roles.
    pub roles: Vec<String>,
    /// Where it may be used from; anywhere when empty.
    pub allowed_cidrs: Cidrs,
    /// When it starts.
    pub not_before: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A key that was just added.
pub struct AddedClientKey {
    /// The record.
    pub record: ClientKeyRecord,
    /// The shared secret, where one was made up. It is not kept in the open anywhere else.
    pub secret: Option<Secret<String>>,
}

/// The shortest secret access key.
const MIN_ACCESS_KEY: usize = 20;

impl Desk {
    /// Adds a key.
    ///
    /// # Errors
    /// When it cannot be used, its identifier is taken, or the store cannot take it.
    pub async fn add_client_key(&self, new: NewClientKey) -> Result<AddedClientKey> {
        let added = self.make_client_key(new)?;
        let stored = self.state.store.client_keys().add(added.record.clone());
        let id = added.record.id.as_str();
        let stored = stored.await.map_err(|error| match error {
            StoreError::Conflict { .. } => anyhow!(
                "a key has the id {id} already, or had it before it was revoked; choose another"
            ),
            other => other.into(),
        });
        self.record("add", "client_key", id, stored)?;
        Ok(added)
    }

    fn make_client_key(&self, new: NewClientKey) -> Result<AddedClientKey> {
        for (what, text) in [("name", &new.name), ("owner", &new.owner)] {
            if text.is_empty() || text.len() > 128 || text.contains(char::is_control) {
                bail!("the {what} of a key is 1 to 128 characters without control characters");
            }
        }
        let id = match &new.id {
            Some(text) => ClientKeyId::parse(text)?,
            None => ClientKeyId::generate(self.entropy.as_ref()),
        };
        let (material, secret) = self.material(&id, &new)?;
        let record = ClientKeyRecord {
            id,
            name: new.name,
            owner: new.owner,
            algorithm: new.algorithm,
            material,
            scopes: new.scopes,
            roles: new.roles,
            allowed_cidrs: new.allowed_cidrs,
            not_before: new.not_before,
            expires_at: new.expires_at,
            revoked_at: None,
            created_at: self.now(),
        };
        // Read as the running server will read it.
        Material::open(&record, &self.state.secrets.sealing)?;
        Ok(AddedClientKey { record, secret })
    }

    /// What is stored, and the secret that was made up for it.
    fn material(
        &self,
        id: &ClientKeyId,
        new: &NewClientKey,
    ) -> Result<(ClientKeyMaterial, Option<Secret<String>>)> {
        let shared = is_shared(&new.algorithm);
        match (&new.public_key, &new.secret) {
            (Some(_), _) if shared => bail!("{} has no public key", new.algorithm),
            (Some(text), _) => return Ok((ClientKeyMaterial::Public(text.clone()), None)),
            (None, _) if !shared => bail!("{} needs --public-key", new.algorithm),
            _ => {}
        }
        let made_up = match &new.secret {
            Some(_) => None,
            None => Some(self.draw_secret(&new.algorithm)),
        };
        let text = made_up.as_ref().or(new.secret.as_ref());
        let text = text.context("there is no secret")?;
        let secret = shared_secret(text, &new.algorithm)?;
        let (sealing, entropy) = (&self.state.secrets.sealing, self.entropy.as_ref());
        let sealed = seal(sealing, id, &secret, entropy)?;
        Ok((ClientKeyMaterial::Sealed(sealed), made_up))
    }

    fn draw_secret(&self, algorithm: &str) -> Secret<String> {
        // 30 bytes are the 40 characters that a secret access key has.
        let mut bytes = Zeroizing::new([0_u8; 32]);
        self.entropy.fill(bytes.as_mut());
        let used = if algorithm == SIGV4_ALGORITHM { 30 } else { 32 };
        Secret::new(STANDARD.encode(bytes.get(..used).unwrap_or_default()))
    }

    /// Revokes a key.
    ///
    /// # Errors
    /// When it is not known, or the store fails.
    pub async fn revoke_client_key(&self, id: &str) -> Result<(ClientKeyRecord, Timestamp)> {
        let record = self.load_client_key(id).await?;
        let keys = self.state.store.client_keys();
        let revoked = keys.revoke(&record.id, self.now()).await;
        let id = record.id.as_str();
        let at = self.record("revoke", "client_key", id, revoked.map_err(Into::into))?;
        Ok((record, at.context("the key is gone")?))
    }

    /// Loads a key's record by id, or by name when only one live key has it.
    ///
    /// # Errors
    /// When no key or more than one has it.
    pub async fn load_client_key(&self, id: &str) -> Result<ClientKeyRecord> {
        let keys = self.state.store.client_keys();
        if let Ok(id) = ClientKeyId::parse(id)
            && let Some(record) = keys.lookup(&id).await?
        {
            return Ok(record);
        }
        let mut named = keys.list().await?;
        named.retain(|record| record.name == id && record.revoked_at.is_none());
        match (named.pop(), named.len()) {
            (Some(record), 0) => Ok(record),
            (Some(_), more) => bail!("{} keys are named {id:?}; give the id", more + 1),
            (None, _) => bail!("no live key is named {id:?}; see `doorward client-key list`"),
        }
    }
}

/// Tells whether an algorithm has one secret for both sides.
pub fn is_shared(algorithm: &str) -> bool {
    algorithm == SIGV4_ALGORITHM || algorithm == SignatureAlgorithm::HmacSha256.as_str()
}

/// The bytes of a shared secret as `client-key add` writes it.
///
/// # Errors
/// When it is not one.
pub fn shared_secret(text: &Secret<String>, algorithm: &str) -> Result<Secret<Vec<u8>>> {
    let text = text.expose().trim();
    if algorithm == SIGV4_ALGORITHM {
        if text.len() < MIN_ACCESS_KEY || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            bail!("a secret access key is at least {MIN_ACCESS_KEY} printable characters");
        }
        return Ok(Secret::new(text.as_bytes().to_vec()));
    }
    let bytes = STANDARD.decode(text);
    let bytes = bytes.map_err(|_| anyhow!("the shared secret is not base64"))?;
    Ok(Secret::new(bytes))
}
