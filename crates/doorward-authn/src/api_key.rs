//! API keys of our own: `Authorization: Bearer`, a header of their own, or, where a rule lets
//! them, the query.

use std::sync::Arc;

use doorward_core::challenge::Challenge;
use doorward_core::credential::{Method, Place, Presented};
use doorward_core::gate::{Authenticator, Verdict};
use doorward_core::net::ClientAddress;
use doorward_core::rejection::{Misplaced, Reason, Rejection};
use doorward_core::{Clock, RequestHead, Verified};
use doorward_crypto::api_key::{ApiKeyError, ApiKeyText, Environment, KeyKind, KeyPrefix};
use doorward_crypto::hash::{KeyDigest, PepperId, Peppers};
use http::HeaderName;

use crate::bearer;
use crate::query::QueryWatch;

pub mod index;
mod terms;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod timing;

pub use index::{KeyIndex, Rehash};

use index::Entry;

/// What an [`ApiKeyAuthenticator`] is made of.
pub struct ApiKeyParts {
    /// The keys.
    pub index: Arc<KeyIndex>,
    /// The peppers of their digests.
    pub peppers: Arc<Peppers>,
    /// What every key begins with.
    pub prefix: KeyPrefix,
    /// The headers that may carry a key, beside `Authorization`.
    pub headers: Vec<HeaderName>,
    /// The environments whose keys are accepted.
    pub environments: Vec<Environment>,
    /// Tells when a key was used.
    pub clock: Arc<dyn Clock>,
}

/// The digest that a key was found by, and the pepper it was made with.
struct Hit<'p> {
    digest: KeyDigest,
    pepper: &'p PepperId,
}

/// Authenticates callers by API keys.
pub struct ApiKeyAuthenticator {
    parts: ApiKeyParts,
    query: QueryWatch,
}

impl ApiKeyAuthenticator {
    /// Makes the method.
    #[must_use]
    pub fn new(parts: ApiKeyParts) -> Self {
        let headers = parts.headers.iter().map(HeaderName::as_str);
        Self {
            query: QueryWatch::for_keys(parts.prefix.clone(), headers),
            parts,
        }
    }

    fn in_authorization<'h>(&self, head: &'h RequestHead) -> Option<&'h str> {
        let token = bearer::token(head)?;
        let rest = token.strip_prefix(self.parts.prefix.as_str().as_bytes())?;
        // What is no text cannot be a key, and is nobody's.
        rest.starts_with(b"_")
            .then(|| str::from_utf8(token).unwrap_or_default())
    }

    /// Any value of a header for keys is meant as a key, also one that cannot be read.
    fn in_headers<'h>(&self, head: &'h RequestHead) -> Result<Option<&'h str>, Misplaced> {
        let mut found = None;
        for name in &self.parts.headers {
            for value in head.headers().get_all(name) {
                if found.replace(value.to_str().unwrap_or_default()).is_some() {
                    return Err(Misplaced::Ambiguous);
                }
            }
        }
        Ok(found)
    }

    fn check(&self, text: &str, head: &RequestHead) -> Result<Verified, Rejection> {
        let now = self.parts.clock.now();
        let declared = self.read(text)?;
        let client = head.arrival().client;
        let judge = |entry: &Entry| {
            admit(entry, declared, client)?;
            let verified = Verified::assertion(entry.identity(), entry.validity(now));
            Ok((verified, entry.use_is_due(now)))
        };
        let (hit, judged) = self
            .find_digest(text, judge)
            .ok_or_else(|| Rejection::invalid(&UNKNOWN))?;
        let (verified, due) = judged?;
        if due {
            self.parts.index.note_use(&hit.digest, now, || {
                let (current, digest) = self.parts.peppers.digest(text.as_bytes());
                (hit.pepper != current).then(|| (current.clone(), digest))
            });
        }
        Ok(verified)
    }

    /// What a key says of itself. What can be refused by its text never reaches the index.
    fn read(&self, text: &str) -> Result<(KeyKind, Environment), Rejection> {
        let (kind, environment) =
            ApiKeyText::check(text, &self.parts.prefix).map_err(refuse_text)?;
        if kind == KeyKind::Publishable {
            return Err(Rejection::invalid(&KIND));
        }
        if !self.parts.environments.contains(&environment) {
            return Err(Rejection::invalid(&ENVIRONMENT));
        }
        Ok((kind, environment))
    }

    fn find_digest<'t, T>(
        &'t self,
        text: &'t str,
        see: impl Fn(&Entry) -> T,
    ) -> Option<(Hit<'t>, T)> {
        let mut candidates = self.parts.peppers.candidates(text.as_bytes());
        candidates.find_map(|(pepper, digest)| {
            let seen = self.parts.index.see(&digest, &see)?;
            Some((Hit { digest, pepper }, seen))
        })
    }
}

/// Holds a record against the key's own text and against where the call came from.
fn admit(
    entry: &Entry,
    declared: (KeyKind, Environment),
    client: ClientAddress,
) -> Result<(), Rejection> {
    let terms = entry.terms();
    // SECURITY: the digest covers kind and environment; a record that says otherwise was
    // tampered with.
    if (terms.kind(), terms.environment()) != declared {
        return Err(Rejection::invalid(&RECORD));
    }
    if !terms.admit_address(client) {
        return Err(Rejection::invalid(&ADDRESS));
    }
    Ok(())
}

impl Authenticator for ApiKeyAuthenticator {
    fn method(&self) -> Method {
        Method::ApiKey
    }

    fn find<'h>(
        &self,
        head: &'h RequestHead,
        query_key: Option<&str>,
    ) -> Result<Option<Presented<'h>>, Misplaced> {
        let places = [
            (Place::Authorization, self.in_authorization(head)),
            (Place::Header, self.in_headers(head)?),
            (Place::Query, self.query.find(head.query(), query_key)?),
        ];
        let mut claims = places
            .into_iter()
            .filter_map(|(place, text)| Some(Presented::new(Method::ApiKey, place, text?)));
        match (claims.next(), claims.next()) {
            (_, Some(_)) => Err(Misplaced::Ambiguous),
            (claim, None) => Ok(claim),
        }
    }

    fn verify<'a>(&'a self, presented: Presented<'a>, head: &'a RequestHead) -> Verdict<'a> {
        Verdict::Now(self.check(presented.expose(), head))
    }

    fn challenge(&self, realm: &str) -> Challenge {
        Challenge::new("Bearer", realm)
    }

    /// Only a key that is really ours is recorded, so that nobody can fill the record.
    fn exposed(&self, presented: &Presented<'_>) {
        let text = presented.expose();
        if ApiKeyText::check(text, &self.parts.prefix).is_ok()
            && let Some((hit, ())) = self.find_digest(text, |_| ())
        {
            self.parts
                .index
                .note_exposure(&hit.digest, self.parts.clock.now());
        }
    }
}

const fn refuse_text(error: ApiKeyError) -> Rejection {
    Rejection::invalid(match error {
        ApiKeyError::NotAKey => &PREFIX,
        ApiKeyError::Malformed => &MALFORMED,
        ApiKeyError::BadChecksum => &CHECKSUM,
    })
}

/// The reasons of this method, for explaining a recorded decision.
pub const REASONS: &[&Reason] = &[
    &PREFIX,
    &MALFORMED,
    &CHECKSUM,
    &KIND,
    &ENVIRONMENT,
    &UNKNOWN,
    &RECORD,
    &ADDRESS,
];

const PREFIX: Reason = Reason {
    code: "key_prefix",
    meaning: "A header for API keys holds something that does not begin with our prefix.",
    fix: "Send a key of this Doorward, whole and without quotes; see `api_key.prefix`.",
};
const MALFORMED: Reason = Reason {
    code: "key_malformed",
    meaning: "The API key begins like one of ours and does not go on like one.",
    fix: "Copy the key again, whole: it may have been cut off or wrapped.",
};
const CHECKSUM: Reason = Reason {
    code: "key_checksum",
    meaning: "The API key's checksum is wrong: it was mistyped, cut off, edited or guessed.",
    fix: "Copy the key again, whole. If many of these come from one address, block it.",
};
const KIND: Reason = Reason {
    code: "key_kind",
    meaning: "The API key is publishable, and no route accepts that kind.",
    fix: "Send a secret, restricted or agent key.",
};
const ENVIRONMENT: Reason = Reason {
    code: "key_environment",
    meaning: "The API key belongs to an environment that is not accepted here.",
    fix: "Send a key of an accepted environment, or add it to `api_key.environments`.",
};
const UNKNOWN: Reason = Reason {
    code: "key_unknown",
    meaning: "The API key is well-formed and nobody issued it, or it was made under a pepper \
              that is gone.",
    fix: "Create a new key. If all keys are unknown, bring back the retired pepper.",
};
const RECORD: Reason = Reason {
    code: "key_record",
    meaning: "The stored record of the API key contradicts the key's own text.",
    fix: "Somebody edited the database: compare it with a backup and revoke the key.",
};
const ADDRESS: Reason = Reason {
    code: "key_address",
    meaning: "The API key is genuine and may not be used from the caller's address.",
    fix: "Check who called. If they may, create a key with their address block; if a proxy \
          stands between, list it as trusted.",
};
