//! Trusted issuers in memory.

use async_trait::async_trait;

use super::{MemoryStore, conflict};
use crate::change::Entity;
use crate::error::StoreError;
use crate::issuer::{IssuerRecord, Issuers};

#[async_trait]
impl Issuers for MemoryStore {
    async fn put(&self, issuer: IssuerRecord) -> Result<(), StoreError> {
        let mut rows = self.rows();
        let same =
            |other: &IssuerRecord| other.issuer == issuer.issuer && other.name != issuer.name;
        if rows.issuers.values().any(same) {
            return Err(conflict(Entity::Issuer, issuer.name));
        }
        rows.note(Entity::Issuer, issuer.name.as_str());
        rows.issuers.insert(issuer.name.clone(), issuer);
        Ok(())
    }

    async fn remove(&self, name: &str) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let found = rows.issuers.remove(name).is_some();
        if found {
            rows.note(Entity::Issuer, name);
        }
        Ok(found)
    }

    async fn list(&self) -> Result<Vec<IssuerRecord>, StoreError> {
        Ok(self.rows().issuers.values().cloned().collect())
    }

    async fn lookup(&self, name: &str) -> Result<Option<IssuerRecord>, StoreError> {
        Ok(self.rows().issuers.get(name).cloned())
    }
}
