//! Revoked tokens in memory.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use super::MemoryStore;
use crate::change::Entity;
use crate::error::StoreError;
use crate::revoked_token::{RevokedToken, RevokedTokens, SWEEP_MARGIN};

#[async_trait]
impl RevokedTokens for MemoryStore {
    async fn revoke(&self, token: RevokedToken) -> Result<(), StoreError> {
        let mut rows = self.rows();
        let id = RevokedToken::change_id(&token.issuer, &token.jti);
        let stored = rows
            .revoked_tokens
            .entry((token.issuer.clone(), token.jti.clone()))
            .or_insert_with(|| token.clone());
        stored.expires_at = stored.expires_at.max(token.expires_at);
        stored.revoked_at = stored.revoked_at.min(token.revoked_at);
        rows.note(Entity::RevokedToken, id);
        Ok(())
    }

    async fn lookup(&self, issuer: &str, jti: &str) -> Result<Option<RevokedToken>, StoreError> {
        let name = (issuer.to_owned(), jti.to_owned());
        Ok(self.rows().revoked_tokens.get(&name).cloned())
    }

    async fn list(&self) -> Result<Vec<RevokedToken>, StoreError> {
        Ok(self.rows().revoked_tokens.values().cloned().collect())
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let before = now.minus(SWEEP_MARGIN);
        let mut swept = 0;
        self.rows().revoked_tokens.retain(|_, token| {
            let keep = token.expires_at > before;
            swept += u64::from(!keep);
            keep
        });
        Ok(swept)
    }
}
