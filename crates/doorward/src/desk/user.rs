//! Users: added, changed, imported.

use anyhow::{Context, Result, bail, ensure};
use doorward_core::{Entropy, ScopeSet, Secret};
use doorward_crypto::hash::htpasswd::Htpasswd;
use doorward_crypto::hash::{Argon2Params, hash_argon2id};
use doorward_store::{UserName, UserRecord};
use serde_json::json;

use super::Desk;
use super::audit::Change;

/// The shortest password that a person may choose (NIST SP 800-63B-4 for a sole factor).
const MIN_PASSWORD_CHARS: usize = 15;

impl Desk {
    /// Adds a user.
    ///
    /// # Errors
    /// When the name or password is not acceptable, or the name is taken.
    pub async fn add_user(
        &self,
        name: &str,
        password: &Secret<String>,
        scopes: ScopeSet,
        roles: Vec<String>,
    ) -> Result<UserName> {
        let name = UserName::parse(name)?;
        self.refuse_client_id(&name).await?;
        let now = self.now();
        let record = UserRecord {
            name: name.clone(),
            password_hash: self.hash_password(password)?,
            scopes,
            roles,
            disabled_at: None,
            created_at: now,
            password_changed_at: now,
        };
        let stored = self.state.store.users().create(record).await;
        self.record("create", "user", name.as_str(), stored.map_err(Into::into))?;
        Ok(name)
    }

    /// Changes a password.
    ///
    /// # Errors
    /// When the user is unknown or the password is not acceptable.
    pub async fn set_password(&self, name: &str, password: &Secret<String>) -> Result<UserName> {
        let name = UserName::parse(name)?;
        let hash = self.hash_password(password)?;
        let users = self.state.store.users();
        let known = users.set_password(&name, hash, self.now()).await;
        let known = self.record("passwd", "user", name.as_str(), known.map_err(Into::into))?;
        ensure!(known, "no user is named {name}; see `doorward user list`");
        Ok(name)
    }

    /// Replaces scopes or roles, where they are given; returns what is stored now.
    ///
    /// # Errors
    /// When the user is unknown.
    pub async fn set_grants(
        &self,
        name: &str,
        scopes: Option<ScopeSet>,
        roles: Option<Vec<String>>,
    ) -> Result<UserRecord> {
        let name = UserName::parse(name)?;
        let unknown = || format!("no user is named {name}; see `doorward user list`");
        let mut detail = serde_json::Map::new();
        detail.extend(
            scopes
                .iter()
                .map(|s| ("scopes".to_owned(), json!(s.to_string()))),
        );
        detail.extend(roles.iter().map(|roles| ("roles".to_owned(), json!(roles))));
        let change = Change {
            action: "set",
            entity: "user",
            id: name.as_str(),
            detail: Some(detail.into()),
        };
        let users = self.state.store.users();
        let known = users.set_grants(&name, scopes, roles).await;
        let known = known.map_err(Into::into).and_then(|known| {
            ensure!(known, unknown());
            Ok(())
        });
        self.record_change(&change, known)?;
        users.lookup(&name).await?.with_context(unknown)
    }

    /// Imports an htpasswd file: all of it or nothing. Returns the names.
    ///
    /// # Errors
    /// Every line that cannot be used, or the name that is taken.
    pub async fn import_users(
        &self,
        text: &str,
        scopes: &ScopeSet,
        roles: &[String],
    ) -> Result<Vec<UserName>> {
        let file = Htpasswd::parse(text).map_err(|mistakes| {
            let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("nothing was imported:\n{}", lines.join("\n"))
        })?;
        let now = self.now();
        let mut records = Vec::new();
        for (name, hash) in file.iter() {
            records.push(UserRecord {
                name: UserName::parse(name)?,
                password_hash: hash.clone(),
                scopes: scopes.clone(),
                roles: roles.to_vec(),
                disabled_at: None,
                created_at: now,
                password_changed_at: now,
            });
        }
        let names: Vec<UserName> = records.iter().map(|record| record.name.clone()).collect();
        for record in &records {
            self.refuse_client_id(&record.name).await?;
        }
        let imported = self.state.store.users().import(records).await;
        let imported = imported.context("nothing was imported");
        let list: Vec<_> = names.iter().map(UserName::as_str).collect();
        self.record("import", "user", &list.join(" "), imported)?;
        Ok(names)
    }

    /// Makes up a password of 130 bits.
    pub fn make_password(&self) -> Secret<String> {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let mut bytes = zeroize::Zeroizing::new([0_u8; 26]);
        self.entropy.fill(bytes.as_mut());
        let letter = |byte: &u8| {
            ALPHABET
                .get(usize::from(byte & 31))
                .copied()
                .map_or('a', char::from)
        };
        Secret::new(bytes.iter().map(letter).collect())
    }

    fn hash_password(&self, password: &Secret<String>) -> Result<Secret<String>> {
        let text = password.expose();
        if text.chars().count() < MIN_PASSWORD_CHARS {
            bail!(
                "a password has at least {MIN_PASSWORD_CHARS} characters; --generate makes one up"
            );
        }
        let basic = &self.config.basic;
        let params = Argon2Params::new(basic.memory_kib, basic.passes, basic.lanes)?;
        Ok(Secret::new(hash_argon2id(
            text.as_bytes(),
            params,
            self.entropy.as_ref(),
        )?))
    }
}
