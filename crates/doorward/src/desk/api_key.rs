//! API keys: created, rotated, revoked.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use doorward_core::net::Cidrs;
use doorward_core::{ScopeSet, Secret, Timestamp};
use doorward_crypto::api_key::{ApiKeyText, KeyPrefix};
use doorward_store::{
    ApiKeyAmended, ApiKeyAmendment, ApiKeyId, ApiKeyRecord, ApiKeyRotation, Environment, KeyKind,
};
use serde_json::{Map, Value, json};

use super::Desk;
use super::audit::Change;

/// What a new key is asked to be.
pub struct NewKey {
    /// What people call it.
    pub name: String,
    /// Whom it acts as.
    pub owner: String,
    /// The kind.
    pub kind: KeyKind,
    /// The environment.
    pub environment: Environment,
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

/// A key that was just made. Its text is not kept anywhere else.
pub struct CreatedKey {
    /// The record.
    pub record: ApiKeyRecord,
    /// The key.
    pub text: Secret<String>,
}

impl Desk {
    /// Creates a key.
    ///
    /// # Errors
    /// When the store cannot take it.
    pub async fn create_key(&self, new: NewKey) -> Result<CreatedKey> {
        let created = self.make_key(new)?;
        let keys = self.state.store.api_keys();
        let stored = keys.create(created.record.clone()).await;
        let id = created.record.id.as_str();
        self.record("create", "api_key", id, stored.map_err(Into::into))?;
        Ok(created)
    }

    fn make_key(&self, new: NewKey) -> Result<CreatedKey> {
        check_text("name", &new.name)?;
        check_text("owner", &new.owner)?;
        let prefix = KeyPrefix::parse(&self.config.api_key.prefix)?;
        let text = ApiKeyText::generate(&prefix, new.kind, new.environment, self.entropy.as_ref());
        let (pepper, digest) = self
            .state
            .secrets
            .peppers
            .digest(text.secret().expose().as_bytes());
        let record = ApiKeyRecord {
            id: ApiKeyId::generate(self.entropy.as_ref()),
            name: new.name,
            owner: new.owner,
            kind: new.kind,
            environment: new.environment,
            digest: *digest.as_bytes(),
            pepper_id: pepper.as_str().to_owned(),
            hint: text.hint().to_owned(),
            scopes: new.scopes,
            roles: new.roles,
            allowed_cidrs: new.allowed_cidrs,
            not_before: new.not_before,
            expires_at: new.expires_at,
            revoked_at: None,
            created_at: self.now(),
            last_used_at: None,
            exposed_at: None,
            replaced_by: None,
        };
        Ok(CreatedKey {
            record,
            text: text.secret().clone(),
        })
    }

    /// Changes a key; returns what is stored now.
    ///
    /// # Errors
    /// When the key is unknown, revoked or replaced, or would end before it starts.
    pub async fn amend_key(&self, id: &str, amendment: ApiKeyAmendment) -> Result<ApiKeyRecord> {
        let before = self.load_key(id).await?;
        if let Some(name) = &amendment.name {
            check_text("name", name)?;
        }
        if let (Some(start), Some(Some(end))) = (before.not_before, amendment.expires_at)
            && end <= start
        {
            bail!("the key would end ({end}) before it starts ({start}): give a later --expires");
        }
        let change = Change {
            action: "set",
            entity: "api_key",
            id: before.id.as_str(),
            detail: Some(detail(&amendment)),
        };
        let amended = self.state.store.api_keys().amend(&before.id, amendment);
        let amended = amended
            .await
            .map_err(Into::into)
            .and_then(|done| match done {
                ApiKeyAmended::Amended(record) => Ok(*record),
                ApiKeyAmended::Revoked { at } => Err(anyhow!(
                    "{} was revoked {at}; create a new key instead",
                    before.id
                )),
                ApiKeyAmended::Replaced { by } => Err(anyhow!(
                    "{} was replaced by {by}; change that one",
                    before.id
                )),
            });
        self.record_change(&change, amended)
    }

    /// Replaces a key by one with the same rights. The old one ends after the overlap, or at its
    /// own end if that is earlier.
    ///
    /// # Errors
    /// When the key is unknown, revoked or replaced already.
    pub async fn rotate_key(
        &self,
        id: &str,
        overlap: Duration,
        expires_at: Option<Timestamp>,
    ) -> Result<(CreatedKey, Timestamp)> {
        let old = self.load_key(id).await?;
        let created = self.make_key(NewKey {
            name: old.name,
            owner: old.owner,
            kind: old.kind,
            environment: old.environment,
            scopes: old.scopes,
            roles: old.roles,
            allowed_cidrs: old.allowed_cidrs,
            not_before: None,
            expires_at,
        })?;
        let end = self.now().plus(overlap);
        let keys = self.state.store.api_keys();
        let rotated = keys.rotate(&old.id, created.record.clone(), end).await;
        let ended = rotated
            .map_err(Into::into)
            .and_then(|rotation| match rotation {
                ApiKeyRotation::Rotated { old_expires_at } => Ok(old_expires_at),
                ApiKeyRotation::Revoked { at } => Err(anyhow!(
                    "{} was revoked {at}; create a new key instead",
                    old.id
                )),
                ApiKeyRotation::Replaced { by } => Err(anyhow!(
                    "{} was replaced by {by} already; rotate that one",
                    old.id
                )),
            });
        let old_ends = self.record("rotate", "api_key", old.id.as_str(), ended)?;
        Ok((created, old_ends))
    }

    /// Revokes a key; returns its record and when it was first revoked.
    ///
    /// # Errors
    /// When the key is unknown.
    pub async fn revoke_key(&self, id: &str) -> Result<(ApiKeyRecord, Timestamp)> {
        let record = self.load_key(id).await?;
        let keys = self.state.store.api_keys();
        let revoked = keys.revoke(&record.id, self.now()).await;
        let id = record.id.as_str();
        let at = self.record("revoke", "api_key", id, revoked.map_err(Into::into))?;
        Ok((record, at.context("the key is gone")?))
    }

    /// Loads a key's record by id, or by name when only one has it.
    ///
    /// # Errors
    /// When no key or more than one has it.
    pub async fn load_key(&self, id: &str) -> Result<ApiKeyRecord> {
        if let Ok(id) = ApiKeyId::parse(id) {
            let found = self.state.store.api_keys().lookup(&id).await?;
            return found
                .with_context(|| format!("no key has the id {id}; see `doorward key list`"));
        }
        let mut named: Vec<ApiKeyRecord> = Vec::new();
        self.state
            .store
            .api_keys()
            .for_each(&mut |record| {
                if record.name == id && record.revoked_at.is_none() && record.replaced_by.is_none()
                {
                    named.push(record);
                }
            })
            .await?;
        match (named.pop(), named.len()) {
            (Some(record), 0) => Ok(record),
            (Some(_), more) => bail!("{} keys are named {id:?}; give the id", more + 1),
            (None, _) => bail!("no live key is named {id:?}; see `doorward key list`"),
        }
    }
}

fn check_text(what: &str, text: &str) -> Result<()> {
    if text.is_empty() || text.len() > 128 || text.contains(char::is_control) {
        bail!("the {what} of a key is 1 to 128 characters without control characters");
    }
    Ok(())
}

/// What a key is changed to, for the audit log.
fn detail(amendment: &ApiKeyAmendment) -> Value {
    let cidrs = amendment.allowed_cidrs.as_ref();
    let end = |end: Option<Timestamp>| end.map_or("never".to_owned(), |end| end.to_string());
    let told = [
        ("name", amendment.name.as_ref().map(|name| json!(name))),
        (
            "scopes",
            amendment.scopes.as_ref().map(|s| json!(s.to_string())),
        ),
        ("roles", amendment.roles.as_ref().map(|roles| json!(roles))),
        (
            "cidrs",
            cidrs.map(|cidrs| cidrs.iter().map(ToString::to_string).collect()),
        ),
        ("expires_at", amendment.expires_at.map(|at| json!(end(at)))),
    ];
    let told = told.into_iter();
    let given: Map<_, _> = told
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    Value::Object(given)
}
