//! API keys in memory.

use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use super::{MemoryStore, Rows, conflict};
use crate::api_key::{
    ApiKeyAmended, ApiKeyAmendment, ApiKeyId, ApiKeyRecord, ApiKeyRotation, ApiKeys,
};
use crate::change::Entity;
use crate::error::StoreError;
use crate::key_view::KeyVisitor;

#[async_trait]
impl ApiKeys for MemoryStore {
    async fn create(&self, key: ApiKeyRecord) -> Result<(), StoreError> {
        let mut rows = self.rows();
        rows.check_new(&key)?;
        rows.insert(key);
        Ok(())
    }

    async fn lookup(&self, id: &ApiKeyId) -> Result<Option<ApiKeyRecord>, StoreError> {
        Ok(self.rows().api_keys.get(id).cloned())
    }

    async fn lookup_digest(&self, digest: &[u8; 32]) -> Result<Option<ApiKeyRecord>, StoreError> {
        let rows = self.rows();
        Ok(rows
            .digests
            .get(digest)
            .and_then(|id| rows.api_keys.get(id))
            .cloned())
    }

    async fn list(
        &self,
        after: Option<&ApiKeyId>,
        limit: usize,
    ) -> Result<Vec<ApiKeyRecord>, StoreError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.rows();
        Ok(rows
            .api_keys
            .range::<ApiKeyId, _>((from, Bound::Unbounded))
            .take(limit)
            .map(|(_, key)| key.clone())
            .collect())
    }

    async fn for_each(
        &self,
        visit: &mut (dyn FnMut(ApiKeyRecord) + Send),
    ) -> Result<(), StoreError> {
        // The lock is not held while visiting: the visitor may ask the store.
        let keys: Vec<_> = self.rows().api_keys.values().cloned().collect();
        keys.into_iter().for_each(visit);
        Ok(())
    }

    async fn visit_all(&self, visitor: &mut dyn KeyVisitor) -> Result<(), StoreError> {
        let keys: Vec<_> = self.rows().api_keys.values().cloned().collect();
        visitor.expect(keys.len());
        for key in keys {
            visitor.visit(&key.view(&Arc::new(key.terms())));
        }
        Ok(())
    }

    async fn revoke(&self, id: &ApiKeyId, at: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.rows().set_earliest(id, at, |key| &mut key.revoked_at))
    }

    async fn rotate(
        &self,
        old: &ApiKeyId,
        mut successor: ApiKeyRecord,
        old_expires_at: Timestamp,
    ) -> Result<ApiKeyRotation, StoreError> {
        let mut rows = self.rows();
        let Some(key) = rows.api_keys.get(old) else {
            return Err(StoreError::NotFound {
                entity: Entity::ApiKey,
                id: old.to_string(),
            });
        };
        if let Some(at) = key.revoked_at {
            return Ok(ApiKeyRotation::Revoked { at });
        }
        if let Some(by) = key.replaced_by.clone() {
            return Ok(ApiKeyRotation::Replaced { by });
        }
        rows.check_new(&successor)?;
        let mut ends = old_expires_at;
        if let Some(key) = rows.api_keys.get_mut(old) {
            ends = key.expires_at.map_or(ends, |own| own.min(ends));
            key.expires_at = Some(ends);
            key.replaced_by = Some(successor.id.clone());
        }
        rows.note(Entity::ApiKey, old.as_str());
        successor.replaced_by = None;
        rows.insert(successor);
        Ok(ApiKeyRotation::Rotated {
            old_expires_at: ends,
        })
    }

    async fn amend(
        &self,
        id: &ApiKeyId,
        amendment: ApiKeyAmendment,
    ) -> Result<ApiKeyAmended, StoreError> {
        let mut rows = self.rows();
        let Some(key) = rows.api_keys.get_mut(id) else {
            return Err(StoreError::NotFound {
                entity: Entity::ApiKey,
                id: id.to_string(),
            });
        };
        if let Some(at) = key.revoked_at {
            return Ok(ApiKeyAmended::Revoked { at });
        }
        if let Some(by) = key.replaced_by.clone() {
            return Ok(ApiKeyAmended::Replaced { by });
        }
        key.name = amendment.name.unwrap_or(std::mem::take(&mut key.name));
        key.scopes = amendment.scopes.unwrap_or(std::mem::take(&mut key.scopes));
        key.roles = amendment.roles.unwrap_or(std::mem::take(&mut key.roles));
        key.expires_at = amendment.expires_at.unwrap_or(key.expires_at);
        if let Some(cidrs) = amendment.allowed_cidrs {
            key.allowed_cidrs = cidrs;
        }
        let stored = Box::new(key.clone());
        rows.note(Entity::ApiKey, id.as_str());
        Ok(ApiKeyAmended::Amended(stored))
    }

    async fn rehash(
        &self,
        id: &ApiKeyId,
        expected_digest: &[u8; 32],
        new_digest: &[u8; 32],
        new_pepper_id: &str,
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        if rows
            .api_keys
            .get(id)
            .is_none_or(|key| key.digest != *expected_digest)
        {
            return Ok(false);
        }
        if rows
            .digests
            .get(new_digest)
            .is_some_and(|other| other != id)
        {
            return Err(conflict(Entity::ApiKey, id.as_str()));
        }
        rows.digests.remove(expected_digest);
        rows.digests.insert(*new_digest, id.clone());
        if let Some(key) = rows.api_keys.get_mut(id) {
            key.digest = *new_digest;
            new_pepper_id.clone_into(&mut key.pepper_id);
        }
        rows.note(Entity::ApiKey, id.as_str());
        Ok(true)
    }

    async fn touch(&self, uses: &[(ApiKeyId, Timestamp)]) -> Result<(), StoreError> {
        let mut rows = self.rows();
        for (id, at) in uses {
            if let Some(key) = rows.api_keys.get_mut(id) {
                key.last_used_at = key.last_used_at.max(Some(*at));
            }
        }
        Ok(())
    }

    async fn mark_exposed(
        &self,
        id: &ApiKeyId,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.rows().set_earliest(id, at, |key| &mut key.exposed_at))
    }
}

impl Rows {
    fn check_new(&self, key: &ApiKeyRecord) -> Result<(), StoreError> {
        if self.api_keys.contains_key(&key.id) || self.digests.contains_key(&key.digest) {
            return Err(conflict(Entity::ApiKey, key.id.as_str()));
        }
        Ok(())
    }

    fn insert(&mut self, key: ApiKeyRecord) {
        self.note(Entity::ApiKey, key.id.as_str());
        self.digests.insert(key.digest, key.id.clone());
        self.api_keys.insert(key.id.clone(), key);
    }

    /// Sets a moment of a key unless an earlier one is set, and returns the one that stands.
    fn set_earliest(
        &mut self,
        id: &ApiKeyId,
        at: Timestamp,
        moment: fn(&mut ApiKeyRecord) -> &mut Option<Timestamp>,
    ) -> Option<Timestamp> {
        let slot = moment(self.api_keys.get_mut(id)?);
        match *slot {
            Some(earlier) if earlier <= at => Some(earlier),
            _ => {
                *slot = Some(at);
                self.note(Entity::ApiKey, id.as_str());
                Some(at)
            }
        }
    }
}
