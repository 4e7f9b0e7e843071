//! Tokens that ended before their time.

use std::time::Duration;

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use crate::error::StoreError;

/// How long a revocation is kept after its token has expired.
///
/// SECURITY: a token is accepted a little past its expiry (leeway), and a clock that ran ahead may
/// be set back. A revocation that was swept at the very moment of expiry would then revive it.
pub const SWEEP_MARGIN: Duration = Duration::from_hours(24);

/// One revoked token.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RevokedToken {
    /// The token's `iss`.
    pub issuer: String,
    /// The token's `jti`.
    pub jti: String,
    /// When the token expires by itself.
    pub expires_at: Timestamp,
    /// Since when it is revoked.
    pub revoked_at: Timestamp,
}

impl RevokedToken {
    /// The name of a revoked token in the change log: the issuer's length in bytes, a colon, the
    /// issuer and the `jti`. No two tokens share it, whatever characters they hold.
    #[must_use]
    pub fn change_id(issuer: &str, jti: &str) -> String {
        format!("{}:{issuer}{jti}", issuer.len())
    }

    /// Reads issuer and `jti` from the name in the change log.
    #[must_use]
    pub fn parse_change_id(id: &str) -> Option<(&str, &str)> {
        let (length, rest) = id.split_once(':')?;
        rest.split_at_checked(length.parse().ok()?)
    }
}

/// The revoked tokens.
#[async_trait]
pub trait RevokedTokens: Send + Sync {
    /// Revokes a token for good. When it is revoked already, the earlier revocation and the later
    /// expiry stay.
    async fn revoke(&self, token: RevokedToken) -> Result<(), StoreError>;

    /// Finds a revoked token.
    async fn lookup(&self, issuer: &str, jti: &str) -> Result<Option<RevokedToken>, StoreError>;

    /// All revoked tokens that were not swept, in the order of issuer and `jti`.
    async fn list(&self) -> Result<Vec<RevokedToken>, StoreError>;

    /// Removes those whose token expired [`SWEEP_MARGIN`] before `now` or earlier, and says how
    /// many.
    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::RevokedToken;

    #[test]
    fn change_id_is_unambiguous() {
        for (issuer, jti) in [
            ("https://a.example", "1"),
            ("a:b\n", ":"),
            ("", ""),
            ("é", "é"),
        ] {
            let id = RevokedToken::change_id(issuer, jti);
            assert_eq!(RevokedToken::parse_change_id(&id), Some((issuer, jti)));
        }
        assert_ne!(
            RevokedToken::change_id("ab", "c"),
            RevokedToken::change_id("a", "bc")
        );
        for bad in ["", "x", "9:ab", "-1:ab", "1:é"] {
            assert_eq!(RevokedToken::parse_change_id(bad), None, "{bad}");
        }
    }
}
