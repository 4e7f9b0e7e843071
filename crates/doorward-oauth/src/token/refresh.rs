//! Refresh tokens (RFC 6749 section 1.5, RFC 9700 section 4.14): `dwrt_FAMILY.NUMBER.MAC`.
//!
//! A token is its family's name, its number and a MAC over both, so that a forged one touches no
//! row, no token is stored, and a retry can be given the same successor.

use std::sync::Arc;
use std::time::Duration;

use doorward_core::{Entropy, ScopeSet, Secret, Timestamp};
use doorward_crypto::digest::ProcessKey;
use doorward_crypto::jose::b64;
use doorward_store::{RefreshFamilies, RefreshFamilyRecord, RefreshUse, RevokedToken};

use crate::error::OAuthError;

/// What every refresh token begins with.
const PREFIX: &str = "dwrt_";
/// The longest text that is looked at, in bytes.
const MAX_LEN: usize = 160;
/// What the MAC is for.
const DOMAIN: &str = "refresh-token";

/// How long refresh tokens live.
#[derive(Clone, Copy, Debug)]
pub struct RefreshLife {
    /// Without being used.
    pub idle: Duration,
    /// Whatever happens.
    pub absolute: Duration,
    /// How long a rotated token gets the same successor again.
    pub grace: Duration,
}

/// Makes refresh tokens and reads them back.
pub struct RefreshTokens {
    /// The families.
    pub families: Arc<dyn RefreshFamilies>,
    /// Makes the MACs. It must be the same after a restart, and not be in the store.
    pub key: ProcessKey,
    /// How long they live.
    pub life: RefreshLife,
    /// Ourselves: whose access tokens end with a family.
    pub issuer: String,
    /// The longest life of an access token.
    pub access_token_ttl: Duration,
}

/// A refresh token that we made. Whether it is live is another question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// The family.
    pub family: String,
    /// The number in it.
    pub generation: i64,
}

/// What a new family is for.
pub struct NewFamily<'a> {
    /// Its name: the grant's.
    pub grant_id: &'a str,
    /// The client that it is bound to.
    pub client_id: &'a str,
    /// Whom its tokens stand for.
    pub subject: &'a str,
    /// The browser's session.
    pub sid: Option<&'a str>,
    /// The most that it gives.
    pub scopes: &'a ScopeSet,
    /// The resources.
    pub audiences: &'a [String],
    /// The key that its tokens are bound to.
    pub dpop_jkt: Option<&'a str>,
    /// When the user proved who they are.
    pub auth_time: Option<Timestamp>,
    /// How well.
    pub acr: Option<&'a str>,
}

impl RefreshTokens {
    /// Draws the name of a new grant: 128 bits.
    #[must_use]
    pub fn grant_id(entropy: &dyn Entropy) -> String {
        let mut id = [0_u8; 16];
        entropy.fill(&mut id);
        b64::encode(id)
    }

    /// Begins a family, and gives its first token.
    ///
    /// # Errors
    /// [`OAuthError::unavailable`] when it cannot be stored.
    pub async fn start(
        &self,
        new: NewFamily<'_>,
        now: Timestamp,
    ) -> Result<Secret<String>, OAuthError> {
        let expires_at = now.plus(self.life.absolute);
        let record = RefreshFamilyRecord {
            id: new.grant_id.to_owned(),
            client_id: new.client_id.to_owned(),
            subject: new.subject.to_owned(),
            sid: new.sid.map(str::to_owned),
            scopes: new.scopes.clone(),
            audiences: new.audiences.to_vec(),
            dpop_jkt: new.dpop_jkt.map(str::to_owned),
            auth_time: new.auth_time,
            acr: new.acr.map(str::to_owned),
            generation: 1,
            rotated_at: now,
            idle_until: now.plus(self.life.idle).min(expires_at),
            expires_at,
            revoked_at: None,
            created_at: now,
        };
        let first = self.text(&record.id, record.generation);
        match self.families.start(record).await {
            Ok(true) => Ok(first),
            Ok(false) => Err(OAuthError::unavailable("the name of the grant is taken")),
            Err(error) => Err(OAuthError::unavailable(error.to_string())),
        }
    }

    /// The token of a number.
    #[must_use]
    pub fn text(&self, family: &str, generation: i64) -> Secret<String> {
        let head = format!("{family}.{generation}");
        let mac = b64::encode(self.key.digest(DOMAIN, head.as_bytes()));
        Secret::new(format!("{PREFIX}{head}.{mac}"))
    }

    /// Reads a token that was shown; none when we did not make it. There is one spelling of each.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<Shown> {
        if text.len() > MAX_LEN {
            return None;
        }
        let mut parts = text.strip_prefix(PREFIX)?.split('.');
        let (family, number) = (parts.next()?, parts.next()?);
        let generation: i64 = number.parse().ok()?;
        // SECURITY: compared whole and in constant time, so `01`, `+1` and a cut MAC are others.
        let own = self.text(family, generation);
        own.matches(text.as_bytes()).then(|| Shown {
            family: family.to_owned(),
            generation,
        })
    }

    /// What using a token asks of the store.
    #[must_use]
    pub fn usage(&self, shown: &Shown, now: Timestamp) -> RefreshUse {
        RefreshUse {
            id: shown.family.clone(),
            generation: shown.generation,
            now,
            grace: self.life.grace,
            idle_until: now.plus(self.life.idle),
            ends: self.ends(&shown.family, now),
        }
    }

    /// What ends all access tokens of a family.
    #[must_use]
    pub fn ends(&self, family: &str, now: Timestamp) -> RevokedToken {
        RevokedToken {
            issuer: self.issuer.clone(),
            jti: family.to_owned(),
            expires_at: now.plus(self.access_token_ttl),
            revoked_at: now,
        }
    }
}
