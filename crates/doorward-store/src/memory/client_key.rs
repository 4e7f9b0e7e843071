//! Keys of clients in memory.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use super::{MemoryStore, conflict};
use crate::change::Entity;
use crate::client_key::{ClientKeyId, ClientKeyRecord, ClientKeys};
use crate::error::StoreError;

#[async_trait]
impl ClientKeys for MemoryStore {
    async fn add(&self, key: ClientKeyRecord) -> Result<(), StoreError> {
        let mut rows = self.rows();
        if rows.client_keys.contains_key(&key.id) {
            return Err(conflict(Entity::ClientKey, key.id.as_str()));
        }
        rows.note(Entity::ClientKey, key.id.as_str());
        rows.client_keys.insert(key.id.clone(), key);
        Ok(())
    }

    async fn lookup(&self, id: &ClientKeyId) -> Result<Option<ClientKeyRecord>, StoreError> {
        Ok(self.rows().client_keys.get(id).cloned())
    }

    async fn list(&self) -> Result<Vec<ClientKeyRecord>, StoreError> {
        Ok(self.rows().client_keys.values().cloned().collect())
    }

    async fn revoke(
        &self,
        id: &ClientKeyId,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut rows = self.rows();
        let Some(key) = rows.client_keys.get_mut(id) else {
            return Ok(None);
        };
        let old = key.revoked_at;
        let since = old.map_or(at, |old| old.min(at));
        key.revoked_at = Some(since);
        if old != Some(since) {
            rows.note(Entity::ClientKey, id.as_str());
        }
        Ok(Some(since))
    }
}
