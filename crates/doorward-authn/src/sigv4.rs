//! Requests signed in the style of AWS (Signature Version 4), in a header or in the query.
//!
//! The signature covers method, host, path and query by its nature, and what else it must cover
//! is checked: every `X-Amz-` header, `Content-Type`, the digest of the body. There is no nonce:
//! a request in the header form is good once as a whole; a link is good until it ends.

use std::sync::Arc;
use std::time::Duration;

use doorward_core::body::BodyExpectation;
use doorward_core::challenge::Challenge;
use doorward_core::credential::{Method, Place, Presented};
use doorward_core::gate::{Authenticator, Verdict};
use doorward_core::policy::Signing;
use doorward_core::rejection::{Misplaced, Rejection};
use doorward_core::request::is_presigned_name;
use doorward_core::verified::Validity;
use doorward_core::{Clock, RequestHead, Secret, Timestamp, Verified};
use doorward_crypto::sigv4::{
    ALGORITHM, CredentialScope, PathEncoding, Payload, canonical_request, string_to_sign,
};

use crate::client_key::replay::Bounds;
use crate::client_key::{Claim, ClientKey, ClientKeyIndex, Material};

mod coverage;
mod reason;
mod statement;
#[cfg(test)]
mod tests;

pub use reason::REASONS;

use reason::{
    ADDRESS, BEFORE_START, FORGED, FULL, HEADERS, KEY, KIND, PAYLOAD, PRESIGNED, QUERY, REPLAYED,
    SCOPE,
};
use statement::{Form, Statement};

static NOTHING: Signing = Signing::NOTHING;

/// How every credential of this family begins, in lower case.
const FAMILY: &str = "aws4-";

/// What may be sent again within its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replay {
    /// Nothing: every request needs a signature of its own.
    Never,
    /// GET and HEAD: whoever reads one may ask the same again.
    SafeMethods,
}

/// What is asked of every signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SigV4Settings {
    /// The region that callers sign for.
    pub region: Box<str>,
    /// The service that callers sign for.
    pub service: Box<str>,
    /// How long a signature is good after `X-Amz-Date`.
    pub max_age: Duration,
    /// How far a caller's clock may be ahead.
    pub skew: Duration,
    /// What may be sent again.
    pub replay: Replay,
    /// How many requests of one key are remembered.
    pub replays: usize,
}

/// What a [`SigV4Authenticator`] is made of.
pub struct SigV4Parts {
    /// The keys.
    pub index: Arc<ClientKeyIndex>,
    /// What is asked.
    pub settings: SigV4Settings,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// Authenticates callers by requests signed in the style of AWS.
pub struct SigV4Authenticator(SigV4Parts);

impl SigV4Authenticator {
    /// Makes the method.
    #[must_use]
    pub const fn new(parts: SigV4Parts) -> Self {
        Self(parts)
    }

    fn check(&self, presented: &Presented<'_>, head: &RequestHead) -> Result<Verified, Rejection> {
        let signing = presented
            .guarded()
            .map_or(&NOTHING, |guarded| &guarded.signing);
        if presented.place() == Place::Query && signing.presigned.is_none() {
            return Err(Rejection::Misplaced(Misplaced::InQuery));
        }
        let stated = Statement::read(presented, head, &self.0.settings.service)?;
        let key = self.key(&stated.scope)?;
        let Material::SigV4(secret) = key.material() else {
            return Err(Rejection::invalid(&KIND));
        };
        if !key.admits_address(head.arrival().client) {
            return Err(Rejection::invalid(&ADDRESS));
        }
        self.check_scope(&stated)?;
        if let Some(lacking) = coverage::lacking(head, &stated.signed, &signing.components) {
            return Err(Rejection::invalid_because(&HEADERS, lacking));
        }
        let body = body(&stated, signing)?;
        let now = self.0.clock.now();
        let validity = self.validity(&stated, (&key, now), signing)?;
        let signed = genuine(&stated, secret, head)?;
        self.claim((&key, &stated), &signed, (validity, now))?;
        Ok(Verified::assertion(key.identity(), validity).covering(body))
    }

    fn key(&self, scope: &CredentialScope) -> Result<Arc<ClientKey>, Rejection> {
        let found = self.0.index.lookup(scope.key());
        found.ok_or_else(|| Rejection::invalid_because(&KEY, scope.key()))
    }

    /// For our region and service, on the day on which it was signed.
    fn check_scope(&self, stated: &Statement) -> Result<(), Rejection> {
        let (scope, settings) = (&stated.scope, &self.0.settings);
        if *scope.region() == *settings.region
            && *scope.service() == *settings.service
            && scope.day() == stated.stamp.day()
        {
            return Ok(());
        }
        Err(Rejection::invalid_because(&SCOPE, scope.without_key()))
    }

    /// When the signature may be used: within the key's time and its own.
    fn validity(
        &self,
        stated: &Statement,
        (key, now): (&ClientKey, Timestamp),
        signing: &Signing,
    ) -> Result<Validity, Rejection> {
        let settings = &self.0.settings;
        let signed_at = stated.stamp.at();
        let span = match stated.form {
            Form::Header => {
                // SECURITY: who ran before us may have seen it, and we cannot know.
                if signed_at.secs() < self.0.index.since().secs() && self.is_good_once(stated) {
                    return Err(Rejection::invalid(&BEFORE_START));
                }
                settings.max_age
            }
            Form::Query { expires } => {
                let most = signing.presigned.unwrap_or_default();
                if expires > most {
                    let asked = format!("{} seconds", expires.as_secs());
                    return Err(Rejection::invalid_because(&PRESIGNED, asked));
                }
                expires
            }
        };
        let of_key = key.validity(now);
        Ok(Validity {
            not_before: of_key.not_before.max(signed_at.minus(settings.skew)),
            not_after: of_key.not_after.min(signed_at.plus(span)),
            revoked_at: of_key.revoked_at,
        })
    }

    fn is_good_once(&self, stated: &Statement) -> bool {
        let again = self.0.settings.replay == Replay::SafeMethods && stated.safe;
        stated.form == Form::Header && !again
    }

    /// Claims the request, after all else was found good.
    fn claim(
        &self,
        (key, stated): (&ClientKey, &Statement),
        signed: &str,
        (validity, now): (Validity, Timestamp),
    ) -> Result<(), Rejection> {
        let over = now >= validity.not_after.min(validity.revoked_at);
        if over || !self.is_good_once(stated) {
            return Ok(());
        }
        let settings = &self.0.settings;
        let bounds = Bounds {
            keep: settings.max_age.saturating_add(settings.skew),
            most: settings.replays,
        };
        let now_us = self.0.clock.monotonic_micros();
        let unique = (signed.as_bytes(), stated.stamp.at());
        match key.replays().claim(unique, now_us, bounds) {
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

/// Verifies the signature; gives what was signed.
fn genuine(
    stated: &Statement,
    secret: &Secret<Vec<u8>>,
    head: &RequestHead,
) -> Result<String, Rejection> {
    let encoding = PathEncoding::of_service(stated.scope.service());
    let canonical = canonical_request(head, &stated.signed, &stated.payload, encoding);
    let canonical = canonical.map_err(|error| {
        let reason = match error {
            doorward_crypto::sigv4::CanonicalError::Query => &QUERY,
            _ => &HEADERS,
        };
        Rejection::invalid_because(reason, error.to_string())
    })?;
    let text = string_to_sign(&stated.stamp, &stated.scope, &canonical);
    stated
        .signature
        .verify(secret, &stated.scope, &text)
        .map_err(|_| Rejection::invalid(&FORGED))?;
    Ok(text)
}

/// What the body must be, for those who pass it on.
fn body(stated: &Statement, signing: &Signing) -> Result<BodyExpectation, Rejection> {
    match stated.payload {
        Payload::Digest(_) => stated
            .payload
            .expectation()
            .ok_or(Rejection::invalid(&PAYLOAD)),
        Payload::Unsigned if signing.unsigned_payload => Ok(BodyExpectation::Any),
        // SECURITY: what a link does not cover must not be there.
        Payload::Unsigned if stated.form != Form::Header => Ok(BodyExpectation::Empty),
        Payload::Unsigned | Payload::Streaming => Err(Rejection::invalid_because(
            &PAYLOAD,
            stated.payload.to_field(),
        )),
    }
}

/// The credential of the header, when there is one of this family, good or bad.
fn in_header(head: &RequestHead) -> Option<&str> {
    let value = head.authorization()?;
    let start = value.get(..FAMILY.len())?;
    // Not text: meant as a signature all the same, and refused as one.
    start
        .eq_ignore_ascii_case(FAMILY.as_bytes())
        .then(|| str::from_utf8(value).unwrap_or_default())
}

/// The query, when it says anything that only a signed link says.
fn in_query(head: &RequestHead) -> Option<&str> {
    let query = head.sent_target().query()?;
    let mut pairs = query.split(['&', ';']);
    pairs.any(is_presigned_name).then_some(query)
}

impl Authenticator for SigV4Authenticator {
    fn method(&self) -> Method {
        Method::SigV4
    }

    fn find<'h>(
        &self,
        head: &'h RequestHead,
        _query_key: Option<&str>,
    ) -> Result<Option<Presented<'h>>, Misplaced> {
        match (in_header(head), in_query(head)) {
            (Some(_), Some(_)) => Err(Misplaced::Ambiguous),
            (Some(text), None) => Ok(Some(Presented::new(
                Method::SigV4,
                Place::Authorization,
                text,
            ))),
            (None, Some(query)) => Ok(Some(Presented::new(Method::SigV4, Place::Query, query))),
            (None, None) => Ok(None),
        }
    }

    fn verify<'a>(&'a self, presented: Presented<'a>, head: &'a RequestHead) -> Verdict<'a> {
        Verdict::Now(self.check(&presented, head))
    }

    fn challenge(&self, realm: &str) -> Challenge {
        let settings = &self.0.settings;
        Challenge::new(ALGORITHM, realm)
            .with("region", &*settings.region)
            .with("service", &*settings.service)
    }
}
