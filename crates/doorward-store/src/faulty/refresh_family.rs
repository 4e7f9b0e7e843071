//! Refresh families, failing on purpose.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use super::FaultyStore;
use crate::{
    RefreshFamilies, RefreshFamilyRecord, RefreshRotation, RefreshUse, RevokedToken, StoreError,
};

#[async_trait]
impl<S: RefreshFamilies> RefreshFamilies for FaultyStore<S> {
    async fn start(&self, family: RefreshFamilyRecord) -> Result<bool, StoreError> {
        self.pass(self.behind.start(family)).await
    }

    async fn lookup(&self, id: &str) -> Result<Option<RefreshFamilyRecord>, StoreError> {
        self.pass(self.behind.lookup(id)).await
    }

    async fn rotate(&self, shown: RefreshUse) -> Result<RefreshRotation, StoreError> {
        self.pass(self.behind.rotate(shown)).await
    }

    async fn revoke(&self, id: &str, ends: RevokedToken) -> Result<bool, StoreError> {
        self.pass(self.behind.revoke(id, ends)).await
    }

    async fn list(
        &self,
        subject: &str,
        client_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<RefreshFamilyRecord>, StoreError> {
        self.pass(self.behind.list(subject, client_id, now)).await
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<u64, StoreError> {
        self.pass(self.behind.sweep(now, most)).await
    }
}
