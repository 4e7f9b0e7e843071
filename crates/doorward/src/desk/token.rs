//! Tokens of our own (RFC 9068): issued and revoked.

use std::time::Duration;

use anyhow::{Result, ensure};
use doorward_core::{Entropy, ScopeSet, Timestamp};
use doorward_store::{RevokedToken, RevokedTokens};
use serde_json::json;

use super::{Desk, signing_key};

/// The longest life of a token.
pub const MAX_TTL: Duration = Duration::from_secs(24 * 3600);

/// What a new token is asked to say.
pub struct NewToken {
    /// Whom it stands for.
    pub subject: String,
    /// The audience; the configured one when absent.
    pub audience: Option<String>,
    /// Scopes.
    pub scopes: ScopeSet,
    /// Roles.
    pub roles: Vec<String>,
    /// When it starts to be counted: now, but for tests and the demo's expired token.
    pub issued_at: Timestamp,
    /// How long it lives.
    pub ttl: Duration,
}

/// A token that was just issued.
pub struct IssuedToken {
    /// The token.
    pub token: String,
    /// Its id.
    pub jti: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Desk {
    /// Issues a signed access token. No row is written.
    ///
    /// # Errors
    /// When what is asked is not acceptable, or there is no signing key.
    pub async fn issue_token(&self, new: NewToken) -> Result<IssuedToken> {
        ensure!(
            !new.subject.is_empty() && new.subject.len() <= 255,
            "--sub has 1 to 255 bytes"
        );
        ensure!(
            !new.subject.contains(char::is_control),
            "--sub has no control characters"
        );
        ensure!(new.ttl <= MAX_TTL, "--ttl is at most 24h");
        let keys =
            signing_key::ensure(&self.state, self.clock.as_ref(), self.entropy.as_ref()).await?;
        let key = signing_key::unseal_active(&self.state, &keys)?;
        let mut id = [0_u8; 16];
        self.entropy.fill(&mut id);
        let jti = doorward_crypto::jose::b64::encode(id);
        let expires_at = new.issued_at.plus(new.ttl);
        let mut claims = json!({
            "iss": self.config.issuer.url,
            "sub": new.subject,
            "aud": new.audience.as_ref().unwrap_or(&self.config.issuer.audience),
            "client_id": new.subject,
            "iat": new.issued_at.secs(),
            "exp": expires_at.secs(),
            "jti": jti,
            "scope": new.scopes.to_string(),
        });
        if let (false, Some(object)) = (new.roles.is_empty(), claims.as_object_mut()) {
            object.insert("roles".to_owned(), json!(new.roles));
        }
        let token = self.record(
            "issue",
            "token",
            &jti,
            Ok(key.sign("at+jwt", &claims.to_string())?),
        )?;
        Ok(IssuedToken {
            token,
            jti,
            expires_at,
        })
    }

    /// Revokes a token by its id, or given whole. It is remembered until no token of ours that
    /// is alive now can be.
    ///
    /// # Errors
    /// When the text is neither an id nor a token.
    pub async fn revoke_token(&self, given: &str, issuer: Option<&str>) -> Result<RevokedToken> {
        let now = self.now();
        let (jti, claimed, expires_at) = match read_claims(given) {
            Some(claims) => claims,
            None => (given.to_owned(), None, now.plus(MAX_TTL)),
        };
        ensure!(
            !jti.is_empty() && jti.len() <= 256 && !jti.contains(char::is_whitespace),
            "that is neither the id of a token nor a token with an id"
        );
        let issuer = issuer
            .map(str::to_owned)
            .or(claimed)
            .unwrap_or_else(|| self.config.issuer.url.clone());
        let token = RevokedToken {
            issuer,
            jti,
            expires_at,
            revoked_at: now,
        };
        let stored = RevokedTokens::revoke(self.state.store.as_ref(), token.clone()).await;
        self.record("revoke", "token", &token.jti, stored.map_err(Into::into))?;
        Ok(token)
    }
}

/// Reads id, issuer and end of a token without judging it: the operator gave it, and revoking
/// too much is safe. An end that is missing or far away is kept as it is said.
fn read_claims(text: &str) -> Option<(String, Option<String>, Timestamp)> {
    let payload = text.split('.').nth(1)?;
    let bytes = doorward_crypto::jose::b64::decode(payload).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    let text = |name: &str| {
        claims
            .get(name)
            .and_then(|value| value.as_str())
            .map(str::to_owned)
    };
    let end = claims.get("exp").and_then(serde_json::Value::as_f64)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float saturates when it is cast"
    )]
    let end = Timestamp::from_secs(end.ceil() as i64);
    Some((text("jti")?, text("iss"), end))
}
