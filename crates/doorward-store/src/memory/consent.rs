//! Consents in memory.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use super::MemoryStore;
use crate::consent::{ConsentRecord, Consents};
use crate::error::StoreError;
use crate::user::UserName;

#[async_trait]
impl Consents for MemoryStore {
    async fn remember(&self, consent: ConsentRecord) -> Result<(), StoreError> {
        let mut rows = self.rows();
        let key = (
            consent.user.clone(),
            consent.client_id.clone(),
            consent.resource.clone(),
        );
        let mut consent = consent;
        if let Some(old) = rows.consents.get(&key)
            && consent.granted_at < old.expires_at
        {
            consent.scopes = consent.scopes.union(&old.scopes);
        }
        rows.consents.insert(key, consent);
        Ok(())
    }

    async fn lookup(
        &self,
        user: &UserName,
        client_id: &str,
        resource: &str,
        now: Timestamp,
    ) -> Result<Option<ConsentRecord>, StoreError> {
        let key = (user.clone(), client_id.to_owned(), resource.to_owned());
        let rows = self.rows();
        let found = rows.consents.get(&key);
        Ok(found.filter(|consent| now < consent.expires_at).cloned())
    }

    async fn list(
        &self,
        user: &UserName,
        now: Timestamp,
    ) -> Result<Vec<ConsentRecord>, StoreError> {
        let rows = self.rows();
        let live = |c: &&ConsentRecord| c.user == *user && now < c.expires_at;
        Ok(rows.consents.values().filter(live).cloned().collect())
    }

    async fn withdraw(&self, user: &UserName, client_id: &str) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let before = rows.consents.len();
        rows.consents
            .retain(|_, consent| consent.user != *user || consent.client_id != client_id);
        Ok((before - rows.consents.len()) as u64)
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let over = rows.consents.iter().filter(|(_, c)| c.expires_at <= now);
        let gone: Vec<_> = over.take(most).map(|(key, _)| key.clone()).collect();
        for key in &gone {
            rows.consents.remove(key);
        }
        Ok(gone.len() as u64)
    }
}
