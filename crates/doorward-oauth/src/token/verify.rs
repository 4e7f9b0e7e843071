//! Reads access tokens of our own back: genuine, live, not revoked (RFC 9068 section 4).

use doorward_core::Timestamp;
use doorward_crypto::jose::{Claims, Jws, Limits, Value};

use super::access::TYPE;
use crate::server::Parts;

/// An access token of ours that is live.
pub(crate) struct LiveToken {
    claims: Claims,
    expires_at: Timestamp,
}

impl LiveToken {
    /// Reads a token; none when it is anything but a live access token of ours.
    pub(crate) fn read(parts: &Parts, token: &str, now: Timestamp) -> Option<Self> {
        let jws = Jws::parse(token, Limits::default()).ok()?;
        let payload = jws.verify_with(&parts.signer.keys()).ok()?;
        // SECURITY: the same keys sign assertions and ID tokens; only the type keeps them apart.
        if payload.header().typ() != Some(TYPE) {
            return None;
        }
        let claims = Claims::from_verified(&payload).ok()?;
        let expires_at = claims.expires_at()?;
        let own = claims.issuer() == Some(parts.issuer.url());
        let live = now < expires_at && !parts.revocations.is_revoked(claims.token_id()?);
        (own && live).then_some(Self { claims, expires_at })
    }

    /// Its id.
    pub(crate) fn jti(&self) -> &str {
        self.claims.token_id().unwrap_or_default()
    }

    /// When it ends.
    pub(crate) const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// A claim that is text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.claims.object().get(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// What is known of it.
    pub(crate) const fn claims(&self) -> &Claims {
        &self.claims
    }
}
