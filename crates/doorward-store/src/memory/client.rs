//! Clients in memory.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use super::{MemoryStore, conflict};
use crate::change::Entity;
use crate::client::{ClientId, ClientRecord, ClientSecretRecord, Clients};
use crate::error::StoreError;

#[async_trait]
impl Clients for MemoryStore {
    async fn add(&self, client: ClientRecord) -> Result<(), StoreError> {
        let mut rows = self.rows();
        if rows.clients.contains_key(&client.id) {
            return Err(conflict(Entity::Client, client.id.as_str()));
        }
        rows.note(Entity::Client, client.id.as_str());
        rows.clients.insert(client.id.clone(), client);
        Ok(())
    }

    async fn lookup(&self, id: &ClientId) -> Result<Option<ClientRecord>, StoreError> {
        Ok(self.rows().clients.get(id).cloned())
    }

    async fn list(&self) -> Result<Vec<ClientRecord>, StoreError> {
        Ok(self.rows().clients.values().cloned().collect())
    }

    async fn rotate_secret(
        &self,
        id: &ClientId,
        new: ClientSecretRecord,
        old_expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let Some(client) = rows.clients.get_mut(id) else {
            return Ok(false);
        };
        let Some(mut old) = client.secret.take() else {
            return Ok(false);
        };
        old.expires_at = Some(old_expires_at);
        client.old_secret = Some(old);
        client.secret = Some(ClientSecretRecord {
            expires_at: None,
            ..new
        });
        rows.note(Entity::Client, id.as_str());
        Ok(true)
    }

    async fn remove(&self, id: &ClientId) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let was_there = rows.clients.remove(id).is_some();
        if was_there {
            rows.note(Entity::Client, id.as_str());
        }
        Ok(was_there)
    }
}
