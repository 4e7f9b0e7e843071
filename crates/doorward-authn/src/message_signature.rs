//! HTTP message signatures (RFC 9421): a signed request instead of a secret that is sent.
//!
//! The signature must cover what the rule acts on: method, host, path, query and the digest of
//! the body. The algorithm is the key's, a nonce is good once, and nothing is good for long.

use std::sync::Arc;
use std::time::Duration;

use doorward_core::body::BodyExpectation;
use doorward_core::challenge::Challenge;
use doorward_core::credential::{Method, Place, Presented};
use doorward_core::gate::{Authenticator, Verdict};
use doorward_core::policy::{Guarded, Signing};
use doorward_core::rejection::{Misplaced, Rejection};
use doorward_core::verified::Validity;
use doorward_core::{Clock, RequestHead, Timestamp, Verified};
use doorward_crypto::message_signature::input::SIGNATURE_INPUT;
use doorward_crypto::message_signature::{
    ContentDigest, Covered, SignatureParams, SignatureVerifier, Signatures, signature_base,
};
use http::HeaderValue;

use crate::client_key::replay::Bounds;
use crate::client_key::{Claim, ClientKey, ClientKeyIndex, Material};

pub mod coverage;
mod reason;
#[cfg(test)]
mod tests;

pub use reason::REASONS;

use reason::{
    ADDRESS, ALGORITHM, BEFORE_START, BODY, COMPONENTS, DIGEST, FORGED, FULL, KEY, MALFORMED,
    NONCE, REPLAYED, TIMES,
};

static NOTHING: Signing = Signing::NOTHING;

/// What is asked of every message signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageSignatureSettings {
    /// The `tag` of signatures that are meant for us; any signature is when absent.
    pub tag: Option<String>,
    /// How long a signature is good after `created`.
    pub max_age: Duration,
    /// How far a caller's clock may be ahead.
    pub skew: Duration,
    /// A signature needs a `nonce`. Without one the whole signature is good once.
    pub nonce: bool,
    /// A body must be covered by `content-digest`.
    pub content_digest: bool,
    /// How many requests of one key are remembered.
    pub replays: usize,
}

/// What a [`MessageSignatureAuthenticator`] is made of.
pub struct MessageSignatureParts {
    /// The keys.
    pub index: Arc<ClientKeyIndex>,
    /// What is asked.
    pub settings: MessageSignatureSettings,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// Authenticates callers by signed requests.
pub struct MessageSignatureAuthenticator(MessageSignatureParts);

impl MessageSignatureAuthenticator {
    /// Makes the method.
    #[must_use]
    pub const fn new(parts: MessageSignatureParts) -> Self {
        Self(parts)
    }

    fn is_ours(&self, tag: Option<&str>) -> bool {
        let wanted = self.0.settings.tag.as_deref();
        wanted.is_none() || wanted == tag
    }

    /// The one signature that is meant for us.
    fn label<'s>(&self, signatures: &'s Signatures) -> Result<Option<&'s str>, Misplaced> {
        let mut ours = signatures
            .tags()
            .filter_map(|(label, tag)| self.is_ours(tag).then_some(label));
        match (ours.next(), ours.next()) {
            (_, Some(_)) => Err(Misplaced::Ambiguous),
            (label, None) => Ok(label),
        }
    }

    fn check(&self, presented: &Presented<'_>, head: &RequestHead) -> Result<Verified, Rejection> {
        let malformed = |text: String| Rejection::invalid_because(&MALFORMED, text);
        let signatures = Signatures::parse(head.headers())
            .map_err(|error| malformed(error.to_string()))?
            .ok_or(Rejection::invalid(&MALFORMED))?;
        let label = self
            .label(&signatures)
            .map_err(Rejection::Misplaced)?
            .ok_or(Rejection::invalid(&MALFORMED))?;
        let (covered, signature) = signatures
            .of(label)
            .map_err(|error| malformed(error.to_string()))?;
        let params = covered.params();
        let key = self.key(params)?;
        let verifier = check_algorithm(&key, params)?;
        if !key.admits_address(head.arrival().client) {
            return Err(Rejection::invalid(&ADDRESS));
        }
        let signing = presented
            .guarded()
            .map_or(&NOTHING, |guarded| &guarded.signing);
        self.check_coverage(head, &covered, signing)?;
        let now = self.0.clock.now();
        let validity = self.validity(params, &key, now)?;
        let base = signature_base(head, &covered)
            .map_err(|error| Rejection::invalid_because(&COMPONENTS, error.to_string()))?;
        verifier
            .verify(base.as_bytes(), signature)
            .map_err(|_| Rejection::invalid(&FORGED))?;
        let body = self.body(head, &covered)?;
        self.claim(&key, (params, &base), (validity, now))?;
        Ok(Verified::assertion(key.identity(), validity).covering(body))
    }

    fn key(&self, params: &SignatureParams) -> Result<Arc<ClientKey>, Rejection> {
        let id = params.keyid.as_deref().ok_or(Rejection::invalid(&KEY))?;
        let found = self.0.index.lookup(id);
        found.ok_or_else(|| Rejection::invalid_because(&KEY, id))
    }

    fn check_coverage(
        &self,
        head: &RequestHead,
        covered: &Covered,
        signing: &Signing,
    ) -> Result<(), Rejection> {
        let lacks = coverage::lacking(head, covered, &signing.components);
        if let Some(component) = lacks {
            return Err(Rejection::invalid_because(&COMPONENTS, component));
        }
        let covers_body = covered.covers_name("content-digest");
        if self.0.settings.content_digest && !covers_body && coverage::declares_body(head) {
            return Err(Rejection::invalid(&BODY));
        }
        if self.0.settings.nonce && params_lack_nonce(covered.params()) {
            return Err(Rejection::invalid(&NONCE));
        }
        Ok(())
    }

    /// When the signature may be used: within the key's time and its own.
    fn validity(
        &self,
        params: &SignatureParams,
        key: &ClientKey,
        now: Timestamp,
    ) -> Result<Validity, Rejection> {
        let settings = &self.0.settings;
        let times = || Rejection::invalid(&TIMES);
        let created = params.created.ok_or_else(times)?;
        if params.expires.is_some_and(|expires| expires <= created) || created < 0 {
            return Err(times());
        }
        // SECURITY: who ran before us may have seen it, and we cannot know.
        if created < self.0.index.since().secs() {
            return Err(Rejection::invalid(&BEFORE_START));
        }
        let created = Timestamp::from_secs(created);
        let expires = params.expires.map_or(Timestamp::MAX, Timestamp::from_secs);
        let of_key = key.validity(now);
        Ok(Validity {
            not_before: of_key.not_before.max(created.minus(settings.skew)),
            not_after: of_key
                .not_after
                .min(expires)
                .min(created.plus(settings.max_age)),
            revoked_at: of_key.revoked_at,
        })
    }

    /// What the body must be, for those who pass it on.
    fn body(&self, head: &RequestHead, covered: &Covered) -> Result<BodyExpectation, Rejection> {
        if covered.covers_name("content-digest") {
            let digest = ContentDigest::parse(head.headers())
                .map_err(|error| Rejection::invalid_because(&DIGEST, error.to_string()))?
                .ok_or(Rejection::invalid(&DIGEST))?;
            return Ok(digest.into_expectation());
        }
        // SECURITY: HTTP/2 need not announce a body, so that there is none is checked as well.
        Ok(if self.0.settings.content_digest {
            BodyExpectation::Empty
        } else {
            BodyExpectation::Any
        })
    }

    /// Claims the nonce, after all else was found good.
    fn claim(
        &self,
        key: &ClientKey,
        (params, base): (&SignatureParams, &str),
        (validity, now): (Validity, Timestamp),
    ) -> Result<(), Rejection> {
        if now >= validity.not_after.min(validity.revoked_at) {
            // It will be refused for its age; nothing has to be remembered.
            return Ok(());
        }
        let settings = &self.0.settings;
        let bounds = Bounds {
            keep: settings.max_age.saturating_add(settings.skew),
            most: settings.replays,
        };
        // SECURITY: the base, not the signature: one message can have many valid signatures.
        let unique = match &params.nonce {
            Some(nonce) => format!("n{nonce}"),
            None => format!("b{base}"),
        };
        let signed = Timestamp::from_secs(params.created.unwrap_or_default());
        let now_us = self.0.clock.monotonic_micros();
        match key
            .replays()
            .claim((unique.as_bytes(), signed), now_us, bounds)
        {
            Claim::Fresh => Ok(()),
            Claim::Replayed => Err(Rejection::invalid(&REPLAYED)),
            Claim::Forgotten => Err(Rejection::invalid(&BEFORE_START)),
            Claim::Full => Err(Rejection::Throttled {
                reason: &FULL,
                retry_after: bounds.keep,
            }),
        }
    }
}

fn params_lack_nonce(params: &SignatureParams) -> bool {
    params.nonce.as_ref().is_none_or(String::is_empty)
}

/// The key's own algorithm, which a message may name and never choose.
fn check_algorithm<'k>(
    key: &'k ClientKey,
    params: &SignatureParams,
) -> Result<&'k SignatureVerifier, Rejection> {
    let Material::Message(verifier) = key.material() else {
        return Err(Rejection::invalid(&ALGORITHM));
    };
    match &params.alg {
        Some(alg) if alg != verifier.algorithm().as_str() => {
            Err(Rejection::invalid_because(&ALGORITHM, alg.as_str()))
        }
        _ => Ok(verifier),
    }
}

impl Authenticator for MessageSignatureAuthenticator {
    fn method(&self) -> Method {
        Method::MessageSignature
    }

    fn find<'h>(
        &self,
        head: &'h RequestHead,
        _query_key: Option<&str>,
    ) -> Result<Option<Presented<'h>>, Misplaced> {
        let signatures = match Signatures::parse(head.headers()) {
            Ok(None) => return Ok(None),
            Ok(Some(signatures)) => Some(signatures),
            // It is meant as a signature; whether as a good one is the next question.
            Err(_) => None,
        };
        let ours = match &signatures {
            Some(signatures) => {
                self.label(signatures)?.is_some()
                    || (self.0.settings.tag.is_none() && signatures.tags().next().is_none())
            }
            None => true,
        };
        let text = head.headers().get(SIGNATURE_INPUT);
        let text = text.and_then(|text| text.to_str().ok()).unwrap_or_default();
        Ok(ours.then(|| Presented::new(Method::MessageSignature, Place::Signature, text)))
    }

    fn verify<'a>(&'a self, presented: Presented<'a>, head: &'a RequestHead) -> Verdict<'a> {
        Verdict::Now(self.check(&presented, head))
    }

    fn challenge(&self, realm: &str) -> Challenge {
        Challenge::new("Signature", realm)
    }

    fn accept_signature(&self, guarded: &Guarded) -> Option<HeaderValue> {
        coverage::accept_signature(&guarded.signing.components, self.0.settings.tag.as_deref())
    }
}
