//! What browsers bring about, failing on purpose.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use super::FaultyStore;
use crate::{
    ApprovedAuthorization, Authorizations, ConsentRecord, Consents, Given, PendingAuthorization,
    Redemption, SessionRecord, Sessions, StoreError, UserName,
};

#[async_trait]
impl<S: Sessions> Sessions for FaultyStore<S> {
    async fn start(
        &self,
        session: SessionRecord,
        replaces: Option<[u8; 32]>,
    ) -> Result<bool, StoreError> {
        self.pass(self.behind.start(session, replaces)).await
    }

    async fn lookup(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError> {
        self.pass(self.behind.lookup(digest, now)).await
    }

    async fn touch(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
        idle_expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.pass(self.behind.touch(digest, now, idle_expires_at))
            .await
    }

    async fn list(
        &self,
        user: &UserName,
        now: Timestamp,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        self.pass(self.behind.list(user, now)).await
    }

    async fn end(&self, user: &UserName, sid: &str) -> Result<bool, StoreError> {
        self.pass(self.behind.end(user, sid)).await
    }

    async fn end_all(&self, user: &UserName) -> Result<u64, StoreError> {
        self.pass(self.behind.end_all(user)).await
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<u64, StoreError> {
        self.pass(self.behind.sweep(now, most)).await
    }
}

#[async_trait]
impl<S: Consents> Consents for FaultyStore<S> {
    async fn remember(&self, consent: ConsentRecord) -> Result<(), StoreError> {
        self.pass(self.behind.remember(consent)).await
    }

    async fn lookup(
        &self,
        user: &UserName,
        client_id: &str,
        resource: &str,
        now: Timestamp,
    ) -> Result<Option<ConsentRecord>, StoreError> {
        self.pass(self.behind.lookup(user, client_id, resource, now))
            .await
    }

    async fn list(
        &self,
        user: &UserName,
        now: Timestamp,
    ) -> Result<Vec<ConsentRecord>, StoreError> {
        self.pass(self.behind.list(user, now)).await
    }

    async fn withdraw(&self, user: &UserName, client_id: &str) -> Result<u64, StoreError> {
        self.pass(self.behind.withdraw(user, client_id)).await
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<u64, StoreError> {
        self.pass(self.behind.sweep(now, most)).await
    }
}

#[async_trait]
impl<S: Authorizations> Authorizations for FaultyStore<S> {
    async fn ask(&self, pending: PendingAuthorization) -> Result<bool, StoreError> {
        self.pass(self.behind.ask(pending)).await
    }

    async fn lookup_pending(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingAuthorization>, StoreError> {
        self.pass(self.behind.lookup_pending(digest, now)).await
    }

    async fn take_pending(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingAuthorization>, StoreError> {
        self.pass(self.behind.take_pending(digest, now)).await
    }

    async fn approve(
        &self,
        approved: ApprovedAuthorization,
        answers: Option<[u8; 32]>,
    ) -> Result<bool, StoreError> {
        self.pass(self.behind.approve(approved, answers)).await
    }

    async fn lookup_approved(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<ApprovedAuthorization>, StoreError> {
        self.pass(self.behind.lookup_approved(digest, now)).await
    }

    async fn redeem(
        &self,
        digest: &[u8; 32],
        gives: Given,
        now: Timestamp,
    ) -> Result<Redemption, StoreError> {
        self.pass(self.behind.redeem(digest, gives, now)).await
    }

    async fn revoke(
        &self,
        user: &UserName,
        client_id: Option<&str>,
    ) -> Result<Vec<Given>, StoreError> {
        self.pass(self.behind.revoke(user, client_id)).await
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<u64, StoreError> {
        self.pass(self.behind.sweep(now, most)).await
    }
}
