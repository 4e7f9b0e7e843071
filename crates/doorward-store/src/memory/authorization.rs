//! Authorizations in memory.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use super::MemoryStore;
use crate::authorization::{
    ApprovedAuthorization, Authorizations, Given, PendingAuthorization, Redemption,
};
use crate::error::StoreError;
use crate::user::UserName;

/// A code and, once it was redeemed, what it gave.
pub(super) struct Code {
    approved: ApprovedAuthorization,
    gave: Option<Given>,
}

#[async_trait]
impl Authorizations for MemoryStore {
    async fn ask(&self, pending: PendingAuthorization) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        if rows.pending.contains_key(&pending.digest) {
            return Ok(false);
        }
        rows.pending.insert(pending.digest, pending);
        Ok(true)
    }

    async fn lookup_pending(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingAuthorization>, StoreError> {
        let rows = self.rows();
        let found = rows.pending.get(digest);
        Ok(found.filter(|pending| now < pending.expires_at).cloned())
    }

    async fn take_pending(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingAuthorization>, StoreError> {
        let found = self.rows().pending.remove(digest);
        Ok(found.filter(|pending| now < pending.expires_at))
    }

    async fn approve(
        &self,
        approved: ApprovedAuthorization,
        answers: Option<[u8; 32]>,
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let waits = answers.is_none_or(|digest| rows.pending.contains_key(&digest));
        if !waits || rows.codes.contains_key(&approved.digest) {
            return Ok(false);
        }
        if let Some(digest) = answers {
            rows.pending.remove(&digest);
        }
        let gave = None;
        rows.codes.insert(approved.digest, Code { approved, gave });
        Ok(true)
    }

    async fn lookup_approved(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<ApprovedAuthorization>, StoreError> {
        let rows = self.rows();
        let found = rows.codes.get(digest).map(|code| &code.approved);
        Ok(found.filter(|code| now < code.kept_until).cloned())
    }

    async fn redeem(
        &self,
        digest: &[u8; 32],
        gives: Given,
        now: Timestamp,
    ) -> Result<Redemption, StoreError> {
        let mut rows = self.rows();
        let Some(code) = rows.codes.get_mut(digest) else {
            return Ok(Redemption::Unknown);
        };
        if let Some(gave) = &code.gave {
            return Ok(Redemption::Replayed(gave.clone()));
        }
        if code.approved.expires_at <= now {
            return Ok(Redemption::Unknown);
        }
        code.approved.kept_until = code.approved.kept_until.max(gives.expires_at);
        code.gave = Some(gives);
        Ok(Redemption::Redeemed(Box::new(code.approved.clone())))
    }

    async fn revoke(
        &self,
        user: &UserName,
        client_id: Option<&str>,
    ) -> Result<Vec<Given>, StoreError> {
        let mut rows = self.rows();
        let named = |code: &Code| {
            code.approved.user == *user && client_id.is_none_or(|id| code.approved.client_id == id)
        };
        let mut given: Vec<_> = rows
            .codes
            .extract_if(|_, code| named(code))
            .filter_map(|(_, code)| code.gave)
            .collect();
        given.sort_by(|a, b| a.jti.cmp(&b.jti));
        Ok(given)
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let over = rows.pending.values().filter(|p| p.expires_at <= now);
        let asked: Vec<_> = over.take(most).map(|pending| pending.digest).collect();
        for digest in &asked {
            rows.pending.remove(digest);
        }
        let over = |code: &&Code| code.approved.kept_until <= now;
        let codes: Vec<_> = rows
            .codes
            .values()
            .filter(over)
            .take(most)
            .map(|code| code.approved.digest)
            .collect();
        for digest in &codes {
            rows.codes.remove(digest);
        }
        Ok((asked.len() + codes.len()) as u64)
    }
}
