//! Users in memory.

use std::collections::BTreeSet;
use std::ops::Bound;

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_core::scope::ScopeSet;
use doorward_core::secret::Secret;

use super::{MemoryStore, Rows, conflict};
use crate::change::Entity;
use crate::error::StoreError;
use crate::user::{UserName, UserRecord, Users};

#[async_trait]
impl Users for MemoryStore {
    async fn create(&self, user: UserRecord) -> Result<(), StoreError> {
        self.import(vec![user]).await
    }

    async fn import(&self, users: Vec<UserRecord>) -> Result<(), StoreError> {
        let mut rows = self.rows();
        let mut seen = BTreeSet::new();
        for user in &users {
            if rows.users.contains_key(&user.name) || !seen.insert(&user.name) {
                return Err(conflict(Entity::User, user.name.as_str()));
            }
        }
        for user in users {
            rows.note(Entity::User, user.name.as_str());
            rows.users.insert(user.name.clone(), user);
        }
        Ok(())
    }

    async fn lookup(&self, name: &UserName) -> Result<Option<UserRecord>, StoreError> {
        Ok(self.rows().users.get(name).cloned())
    }

    async fn list(
        &self,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<Vec<UserRecord>, StoreError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.rows();
        Ok(rows
            .users
            .range::<UserName, _>((from, Bound::Unbounded))
            .take(limit)
            .map(|(_, user)| user.clone())
            .collect())
    }

    async fn set_password(
        &self,
        name: &UserName,
        hash: Secret<String>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.rows().edit(name, |user| {
            user.password_hash = hash;
            user.password_changed_at = at;
        }))
    }

    async fn upgrade_password(
        &self,
        name: &UserName,
        expected: Secret<String>,
        hash: Secret<String>,
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let same = |user: &UserRecord| user.password_hash.matches(expected.expose().as_bytes());
        if !rows.users.get(name).is_some_and(same) {
            return Ok(false);
        }
        Ok(rows.edit(name, |user| user.password_hash = hash))
    }

    async fn disable(
        &self,
        name: &UserName,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut rows = self.rows();
        let Some(user) = rows.users.get(name) else {
            return Ok(None);
        };
        if let Some(earlier) = user.disabled_at.filter(|earlier| *earlier <= at) {
            return Ok(Some(earlier));
        }
        rows.edit(name, |user| user.disabled_at = Some(at));
        Ok(Some(at))
    }

    async fn enable(&self, name: &UserName) -> Result<bool, StoreError> {
        Ok(self.rows().edit(name, |user| user.disabled_at = None))
    }

    async fn set_grants(
        &self,
        name: &UserName,
        scopes: Option<ScopeSet>,
        roles: Option<Vec<String>>,
    ) -> Result<bool, StoreError> {
        Ok(self.rows().edit(name, |user| {
            user.scopes = scopes.unwrap_or(std::mem::take(&mut user.scopes));
            user.roles = roles.unwrap_or(std::mem::take(&mut user.roles));
        }))
    }

    async fn remove(&self, name: &UserName) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let found = rows.users.remove(name).is_some();
        if found {
            rows.note(Entity::User, name.as_str());
        }
        Ok(found)
    }
}

impl Rows {
    /// Changes a user and notes it; false when there is no such user.
    fn edit(&mut self, name: &UserName, change: impl FnOnce(&mut UserRecord)) -> bool {
        let Some(user) = self.users.get_mut(name) else {
            return false;
        };
        change(user);
        self.note(Entity::User, name.as_str());
        true
    }
}
