//! Signed access tokens of any number of issuers (RFC 6750, RFC 7519, RFC 9068, RFC 8725).

use std::sync::Arc;

use doorward_core::challenge::Challenge;
use doorward_core::credential::{Method, Place, Presented};
use doorward_core::gate::{Authenticator, Verdict};
use doorward_core::rejection::{Misplaced, Reason, Rejection};
use doorward_core::verified::{Identity, Validity};
use doorward_core::{Clock, RequestHead, Timestamp, Verified};
use doorward_crypto::digest::sha256;
use doorward_crypto::jose::{Jws, JwsError, Limits};
use memchr::memchr;

use crate::bearer;
use crate::mtls::binding;
use crate::query::QueryWatch;

pub mod cache;
mod claims;
pub mod issuer;
pub mod issuer_set;
pub mod jwks_client;
pub mod key_set;
mod refresh;
pub mod revocation;
#[cfg(test)]
pub(crate) mod tests;

pub use cache::TokenCache;
pub use issuer::{IssuerConfig, IssuerConfigError};
pub use issuer_set::{IssuerSet, IssuerSetParts, IssuerStatus, RefreshPolicy, TwoIssuers};
pub use jwks_client::{Fetch, FetchError, Fetched, LastGood};
pub use key_set::LocalKeys;
pub use revocation::Revocations;

/// The reasons about claims, for explaining a recorded decision.
pub const CLAIM_REASONS: &[&Reason] = claims::REASONS;

use cache::Remembered;
use issuer_set::Issuer;
use refresh::NoKeys;

/// How much of a text that others chose goes into records, in bytes.
const MAX_DETAIL: usize = 200;

/// What a [`JwtAuthenticator`] is made of; all of it outlives a configuration.
pub struct JwtParts {
    /// The issuers and their keys.
    pub issuers: Arc<IssuerSet>,
    /// The tokens that were verified.
    pub cache: Arc<TokenCache>,
    /// The tokens that were revoked.
    pub revocations: Arc<Revocations>,
    /// How long tokens may be.
    pub limits: Limits,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// Authenticates callers by signed tokens.
pub struct JwtAuthenticator {
    parts: JwtParts,
    query: QueryWatch,
}

/// How far a token got.
enum Attempt {
    /// Judged.
    Judged(Result<Genuine, Rejection>),
    /// The issuer's keys are not known, or not the one that the token names.
    KeysWanted(Arc<Issuer>, Option<String>),
}

/// A genuine token, and the certificate over which it must come.
struct Genuine {
    verified: Verified,
    bound_to: Option<[u8; 32]>,
}

impl JwtAuthenticator {
    /// Makes the method.
    #[must_use]
    pub fn new(parts: JwtParts) -> Self {
        Self {
            parts,
            query: QueryWatch::for_tokens(),
        }
    }

    fn attempt(&self, token: &str) -> Attempt {
        if token.len() > self.parts.limits.token_bytes {
            return Attempt::Judged(Err(refuse(&JwsError::TooLarge)));
        }
        let digest = sha256(token.as_bytes());
        let now = self.parts.clock.now();
        if let Some(verified) = self.recall(&digest, now) {
            return Attempt::Judged(Ok(verified));
        }
        self.judge(token, &digest, now)
            .unwrap_or_else(|rejection| Attempt::Judged(Err(rejection)))
    }

    /// What was verified before, with rules and keys that are still in force.
    fn recall(&self, digest: &[u8; 32], now: Timestamp) -> Option<Genuine> {
        let remembered = self.parts.cache.lookup(digest)?;
        let issuer = remembered.identity.grants.issuer.as_deref()?;
        let issuer = self.parts.issuers.lookup(issuer);
        let stamp = issuer.and_then(|issuer| {
            let keys = self.parts.issuers.keys(&issuer)?;
            Some(issuer.stamp(&keys))
        });
        if stamp != Some(remembered.stamp) {
            self.parts.cache.remove(digest);
            return None;
        }
        let verified = self.assert(remembered.identity.clone(), remembered.validity, now);
        let validity = verified.validity();
        if now >= validity.not_after.min(validity.revoked_at) {
            self.parts.cache.remove(digest);
        }
        Some(Genuine {
            verified,
            bound_to: remembered.bound_to,
        })
    }

    fn judge(&self, token: &str, digest: &[u8; 32], now: Timestamp) -> Result<Attempt, Rejection> {
        let jws = Jws::parse(token, self.parts.limits).map_err(|error| refuse(&error))?;
        let name = jws.unverified_issuer().map_err(|error| refuse(&error))?;
        let name = name.ok_or_else(|| Rejection::invalid(&ISSUER))?;
        let issuer = self.parts.issuers.lookup(&name);
        let issuer = issuer.ok_or_else(|| Rejection::invalid_because(&ISSUER, shorten(&name)))?;
        let algorithm = jws.header().algorithm();
        if !issuer.config.algorithms.contains(&algorithm) {
            return Err(Rejection::invalid_because(&ALGORITHM, algorithm.as_str()));
        }
        let Some(keys) = self.parts.issuers.keys(&issuer) else {
            return Ok(Attempt::KeysWanted(issuer, None));
        };
        if let Some(kid) = jws.header().kid().filter(|kid| !keys.knows(kid)) {
            let kid = kid.to_owned();
            return Ok(Attempt::KeysWanted(issuer, Some(kid)));
        }
        let payload = keys.verify(jws).map_err(|error| refuse(&error))?;
        let claims::Judged {
            identity,
            validity,
            bound_to,
        } = claims::judge(&issuer.config, &payload, token, now)?;
        let verified = self.assert(identity.clone(), validity, now);
        let seen = verified.validity();
        if now < seen.not_after && seen.revoked_at == Timestamp::MAX {
            let (stamp, len) = (issuer.stamp(&keys), token.len());
            self.parts.cache.insert(
                *digest,
                Remembered {
                    identity,
                    validity,
                    stamp,
                    bound_to,
                    len,
                },
            );
        }
        Ok(Attempt::Judged(Ok(Genuine { verified, bound_to })))
    }

    /// The last step of every verification, from the cache or not: was the token revoked?
    fn assert(&self, identity: Identity, mut validity: Validity, now: Timestamp) -> Verified {
        let issuer = identity.grants.issuer.as_deref().unwrap_or_default();
        let id = identity.credential_id.as_str();
        if let Some(at) = self.parts.revocations.revoked_at(issuer, id) {
            // SECURITY: revoked is revoked, also where the clock is behind or was set back.
            validity.revoked_at = at.min(now);
        }
        Verified::assertion(identity, validity)
    }

    /// Asks for the keys once and judges again.
    async fn retry(
        &self,
        token: &str,
        issuer: Arc<Issuer>,
        kid: Option<String>,
        head: &RequestHead,
    ) -> Result<Verified, Rejection> {
        let parts = self.parts.issuers.parts();
        if let Err(none) = issuer.keys.ask(parts, kid.as_deref()).await {
            return Err(self.without_keys(none, kid.as_deref()));
        }
        match self.attempt(token) {
            Attempt::Judged(verdict) => self.bind(verdict, head),
            Attempt::KeysWanted(_, None) => Err(self.without_keys(NoKeys::Failed, None)),
            Attempt::KeysWanted(issuer, Some(kid)) => {
                issuer.keys.note_unknown(parts, &kid);
                Err(self.without_keys(NoKeys::Unknown, Some(&kid)))
            }
        }
    }

    /// Checks that the token is in the hands it was given to. Never remembered: it depends on who
    /// holds it now.
    fn bind(
        &self,
        genuine: Result<Genuine, Rejection>,
        head: &RequestHead,
    ) -> Result<Verified, Rejection> {
        let Genuine { verified, bound_to } = genuine?;
        match bound_to {
            None => Ok(verified),
            Some(thumbprint) => {
                binding::check(&verified, &thumbprint, head, self.parts.clock.now())
            }
        }
    }

    fn without_keys(&self, none: NoKeys, kid: Option<&str>) -> Rejection {
        match (none, kid) {
            (NoKeys::Unknown, Some(kid)) => Rejection::invalid_because(&KEY, shorten(kid)),
            // SECURITY: without keys nothing was judged: that is our fault, not the caller's.
            _ => Rejection::Unavailable {
                reason: &KEYS_UNAVAILABLE,
                retry_after: self.parts.issuers.parts().policy.cool_down,
            },
        }
    }
}

impl Authenticator for JwtAuthenticator {
    fn method(&self) -> Method {
        Method::Jwt
    }

    fn find<'h>(
        &self,
        head: &'h RequestHead,
        query_key: Option<&str>,
    ) -> Result<Option<Presented<'h>>, Misplaced> {
        self.query.find(head.query(), query_key)?;
        let token = bearer::token(head).filter(|token| memchr(b'.', token).is_some());
        let token = token.and_then(|token| str::from_utf8(token).ok());
        Ok(token.map(|token| Presented::new(Method::Jwt, Place::Authorization, token)))
    }

    fn verify<'a>(&'a self, presented: Presented<'a>, head: &'a RequestHead) -> Verdict<'a> {
        let token = presented.expose();
        match self.attempt(token) {
            Attempt::Judged(verdict) => Verdict::Now(self.bind(verdict, head)),
            Attempt::KeysWanted(issuer, kid) => {
                Verdict::Later(Box::pin(self.retry(token, issuer, kid, head)))
            }
        }
    }

    fn challenge(&self, realm: &str) -> Challenge {
        Challenge::new("Bearer", realm)
    }
}

fn refuse(error: &JwsError) -> Rejection {
    let reason = match error {
        JwsError::Signature => &SIGNATURE,
        JwsError::NoKey => &KEY,
        JwsError::UnknownAlgorithm => &ALGORITHM,
        _ => &MALFORMED,
    };
    Rejection::invalid_because(reason, error.to_string())
}

/// The start of a text that others chose.
fn shorten(text: &str) -> String {
    let end = (0..=MAX_DETAIL.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    let start = text.get(..end.unwrap_or(0)).unwrap_or_default();
    if start.len() < text.len() {
        format!("{start}...")
    } else {
        start.to_owned()
    }
}

/// The reasons of this method except those about claims, for explaining a recorded decision.
pub const REASONS: &[&Reason] = &[
    &MALFORMED,
    &ISSUER,
    &ALGORITHM,
    &KEY,
    &SIGNATURE,
    &KEYS_UNAVAILABLE,
];

const MALFORMED: Reason = Reason {
    code: "jwt_malformed",
    meaning: "The bearer token is not a signed token that can be read in one way only.",
    fix: "Read the detail; send the access token whole and unchanged.",
};
const ISSUER: Reason = Reason {
    code: "jwt_issuer",
    meaning: "The token names no issuer that is trusted here; the detail is what it names.",
    fix: "If it should be trusted, add a [trusted_issuer] whose `issuer` is the same text, letter \
          by letter, with or without the last slash.",
};
const ALGORITHM: Reason = Reason {
    code: "jwt_algorithm",
    meaning: "The token is signed with an algorithm that is not accepted from its issuer.",
    fix: "If the issuer really signs with it, add it to the issuer's `algorithms`.",
};
const KEY: Reason = Reason {
    code: "jwt_key",
    meaning: "The token names a key that its issuer does not publish, or one for another \
              algorithm.",
    fix: "Look at the issuer's key set. A key that was rotated away takes its tokens with it: get \
          a new token.",
};
const SIGNATURE: Reason = Reason {
    code: "jwt_signature",
    meaning: "The token's signature is wrong: it was forged, changed, or signed with another key.",
    fix: "Get a new token. If all tokens of an issuer fail, check that its keys come from the \
          right place.",
};
const KEYS_UNAVAILABLE: Reason = Reason {
    code: "jwks_unavailable",
    meaning: "The keys of the token's issuer could not be had, so the token could not be judged.",
    fix: "Look at the issuer's status: can its key set be fetched from here, or its file be read?",
};
