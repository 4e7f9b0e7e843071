//! Tokens of our own (RFC 9068): issued and revoked.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use doorward_core::{Entropy, ScopeSet, Timestamp};
use doorward_store::{Issuers, RevokedToken, RevokedTokens};
use serde_json::json;

use super::{Desk, signing_key};

/// The longest life of a token.
pub const MAX_TTL: Duration = Duration::from_secs(24 * 3600);

/// How long the revocation of another issuer's token is kept at least: its life is not ours to
/// bound.
const FOREIGN_TTL: Duration = Duration::from_secs(366 * 86_400);
/// How much randomness is in the ids of our tokens.
const JTI_BYTES: usize = 16;
/// The longest id of another issuer's token, in bytes.
const MAX_FOREIGN_ID: usize = 256;

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
        let mut id = [0_u8; JTI_BYTES];
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

    /// Revokes a token by its id, or given whole. It is remembered until the token has ended.
    ///
    /// # Errors
    /// When the text is neither an id nor a token of the issuer, or nobody trusts the issuer.
    pub async fn revoke_token(&self, given: &str, issuer: Option<&str>) -> Result<RevokedToken> {
        let token = self.parse_revocation(given, issuer)?;
        ensure!(
            self.trusts(&token.issuer).await?,
            "{} is not a trusted issuer, so nothing was revoked; see `doorward issuer list`",
            token.issuer
        );
        let stored = RevokedTokens::revoke(self.state.store.as_ref(), token.clone()).await;
        self.record("revoke", "token", &token.jti, stored.map_err(Into::into))?;
        Ok(token)
    }

    fn parse_revocation(&self, given: &str, issuer: Option<&str>) -> Result<RevokedToken> {
        let (own, now) = (self.config.issuer.url.as_str(), self.now());
        let whole = read_whole(given)?;
        if let (
            Some(Whole {
                issuer: Some(claimed),
                ..
            }),
            Some(said),
        ) = (&whole, issuer)
        {
            ensure!(
                claimed == said,
                "the token is of {claimed}, not of {said}; leave --issuer out"
            );
        }
        let (jti, claimed, end) = match whole {
            Some(whole) => (whole.jti, whole.issuer, Some(whole.expires_at)),
            None => (given.to_owned(), None, None),
        };
        let issuer = issuer.map(str::to_owned).or(claimed);
        let issuer = issuer.unwrap_or_else(|| own.to_owned());
        check_id(&jti, issuer == own)?;
        // SECURITY: nobody has verified the `exp` that a whole token says, so it can make the
        // memory longer and never shorter.
        let kept = if issuer == own { MAX_TTL } else { FOREIGN_TTL };
        let least = now.plus(kept);
        Ok(RevokedToken {
            issuer,
            jti,
            expires_at: end.map_or(least, |end| end.max(least)),
            revoked_at: now,
        })
    }

    async fn trusts(&self, issuer: &str) -> Result<bool> {
        let stored = Issuers::list(self.state.store.as_ref()).await?;
        let of_file = self.config.trusted_issuers.iter();
        Ok(self.config.issuer.url == issuer
            || of_file.chain(&stored).any(|known| known.issuer == issuer))
    }
}

/// Refuses what cannot be the id of a token: ours are 16 bytes in base64url, those of others any
/// short text (RFC 7519 section 4.1.7).
fn check_id(jti: &str, ours: bool) -> Result<()> {
    if ours {
        // Of a token that a grant gave, the grant's name comes first, and a dot.
        let parts: Vec<&str> = jti.split('.').collect();
        let drawn = |part: &&str| {
            doorward_crypto::jose::b64::decode(part).is_ok_and(|bytes| bytes.len() == JTI_BYTES)
        };
        ensure!(
            parts.len() <= 2 && parts.iter().all(drawn),
            "{} cannot be the id of a token of ours, which is 22 letters, digits, - and _; give \
             the `jti` or the whole token, or name another issuer with --issuer",
            shortened(jti)
        );
    } else {
        let good = !jti.is_empty() && jti.len() <= MAX_FOREIGN_ID;
        let odd = |c: char| c.is_whitespace() || c.is_control();
        ensure!(
            good && !jti.contains(odd),
            "{} cannot be the id of a token: give its `jti` or the whole token",
            shortened(jti)
        );
    }
    Ok(())
}

/// The start of what was given, which may be a secret that was pasted by mistake.
fn shortened(text: &str) -> String {
    let start: String = text.chars().take(6).collect();
    format!("{start:?}...")
}

/// What a whole token says of itself.
struct Whole {
    jti: String,
    issuer: Option<String>,
    expires_at: Timestamp,
}

/// Reads id, issuer and end of a token without judging it: the operator gave it, and revoking
/// too much is safe. None when the text is no token.
///
/// # Errors
/// When it is a token without an id, or with no end.
fn read_whole(text: &str) -> Result<Option<Whole>> {
    let parts: Vec<&str> = text.split('.').collect();
    let [header, payload, _] = parts.as_slice() else {
        return Ok(None);
    };
    let object = |part: &str| -> Option<serde_json::Map<String, serde_json::Value>> {
        serde_json::from_slice(&doorward_crypto::jose::b64::decode(part).ok()?).ok()
    };
    if object(header).is_none() {
        return Ok(None);
    }
    let claims = object(payload).context("the token is damaged: its claims cannot be read")?;
    let text = |name: &str| claims.get(name).and_then(|value| value.as_str());
    let jti = text("jti").context(
        "the token has no `jti`, so it cannot be revoked alone; it ends at its `exp`, or when \
         its issuer is not trusted any more",
    )?;
    let end = claims.get("exp").and_then(serde_json::Value::as_f64);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float saturates when it is cast"
    )]
    let end = end
        .context("the token has no `exp`, so it is never accepted")?
        .ceil() as i64;
    Ok(Some(Whole {
        jti: jti.to_owned(),
        issuer: text("iss").map(str::to_owned),
        expires_at: Timestamp::from_secs(end),
    }))
}
