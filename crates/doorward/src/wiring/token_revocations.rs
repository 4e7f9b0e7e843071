//! Revocations of our own tokens, for the authorization server.

use std::sync::Weak;

use async_trait::async_trait;
use doorward_core::Timestamp;
use doorward_oauth::Revocations;
use doorward_store::{RevokedToken, RevokedTokens};

use super::memory::Memory;

/// Revokes in the database, and knows what the gate knows.
pub(super) struct TokenRevocations {
    pub(super) memory: Weak<Memory>,
    pub(super) issuer: String,
}

#[async_trait]
impl Revocations for TokenRevocations {
    fn is_revoked(&self, jti: &str) -> bool {
        let memory = self.memory.upgrade();
        memory.is_none_or(|memory| memory.revocations.is_revoked(&self.issuer, jti))
    }

    async fn revoke(&self, jti: &str, expires_at: Timestamp) -> Result<(), String> {
        let memory = self.memory.upgrade().ok_or("the server is stopping")?;
        let token = RevokedToken {
            issuer: self.issuer.clone(),
            jti: jti.to_owned(),
            expires_at,
            revoked_at: memory.clock.now(),
        };
        let stored = RevokedTokens::revoke(memory.state.store.as_ref(), token).await;
        stored.map_err(|error| error.to_string())?;
        // The gate knows it before the client does.
        memory
            .catch_up()
            .await
            .map_err(|error| format!("{error:#}"))
    }
}
