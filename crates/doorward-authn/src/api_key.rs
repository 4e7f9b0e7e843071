//! API keys of our own: `Authorization: Bearer`, a header of their own, or, where a rule lets
//! them, the query.

use std::sync::Arc;

use doorward_core::challenge::Challenge;
use doorward_core::credential::{Method, Place, Presented};
use doorward_core::gate::{Authenticator, Verdict};
use doorward_core::rejection::{Misplaced, Reason, Rejection};
use doorward_core::{Clock, RequestHead, Verified};
use doorward_crypto::api_key::{ApiKeyError, ApiKeyText, Environment, KeyKind, KeyPrefix};
use doorward_crypto::hash::Peppers;
use http::HeaderName;

use crate::{bearer, query};

pub mod index;
mod restrictions;
#[cfg(test)]
mod tests;

pub use index::{KeyIndex, Rehash};

use index::Hit;

/// The kinds of keys that are secret and so must never be in a query by accident.
const SECRET_KINDS: [KeyKind; 3] = [KeyKind::Secret, KeyKind::Restricted, KeyKind::Agent];

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

/// Authenticates callers by API keys.
pub struct ApiKeyAuthenticator {
    parts: ApiKeyParts,
    /// How secret keys begin: `dw_sk_`.
    secret_starts: [Box<str>; 3],
}

impl ApiKeyAuthenticator {
    /// Makes the method.
    #[must_use]
    pub fn new(parts: ApiKeyParts) -> Self {
        let prefix = parts.prefix.as_str();
        let start = |kind: KeyKind| format!("{prefix}_{}_", kind.as_str()).into();
        Self {
            secret_starts: SECRET_KINDS.map(start),
            parts,
        }
    }

    fn in_authorization<'h>(&self, head: &'h RequestHead) -> Option<&'h str> {
        bearer::token(head).filter(|token| {
            token
                .strip_prefix(self.parts.prefix.as_str())
                .is_some_and(|rest| rest.starts_with('_'))
        })
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

    fn in_query<'h>(
        &self,
        head: &'h RequestHead,
        query_key: Option<&str>,
    ) -> Result<Option<&'h str>, Misplaced> {
        query::find(head.query(), query_key, |value| {
            self.secret_starts
                .iter()
                .any(|start| value.take(start.len()).eq(start.bytes()))
        })
    }

    fn check(&self, text: &str, head: &RequestHead) -> Result<Verified, Rejection> {
        let now = self.parts.clock.now();
        let hit = self.lookup(text)?;
        let entry = &hit.entry;
        if !entry.restrictions().admit_address(head.arrival().client) {
            return Err(Rejection::invalid(&ADDRESS));
        }
        let verified = Verified::assertion(entry.identity(), entry.validity(now));
        self.parts.index.note_use(hit.entry, now, || {
            let (current, digest) = self.parts.peppers.digest(text.as_bytes());
            (hit.pepper != current).then(|| (current.clone(), digest))
        });
        Ok(verified)
    }

    /// Finds what is known of a key. What can be refused by its text never reaches the index.
    fn lookup<'t>(&'t self, text: &'t str) -> Result<Hit<'t>, Rejection> {
        let (kind, environment) =
            ApiKeyText::check(text, &self.parts.prefix).map_err(refuse_text)?;
        if kind == KeyKind::Publishable {
            return Err(Rejection::invalid(&KIND));
        }
        if !self.parts.environments.contains(&environment) {
            return Err(Rejection::invalid(&ENVIRONMENT));
        }
        let hit = self
            .find_digest(text)
            .ok_or_else(|| Rejection::invalid(&UNKNOWN))?;
        // SECURITY: the digest covers kind and environment; a record that says otherwise was
        // tampered with.
        let restrictions = hit.entry.restrictions();
        if (restrictions.kind(), restrictions.environment()) == (kind, environment) {
            Ok(hit)
        } else {
            Err(Rejection::invalid(&RECORD))
        }
    }

    fn find_digest<'t>(&'t self, text: &'t str) -> Option<Hit<'t>> {
        let mut candidates = self.parts.peppers.candidates(text.as_bytes());
        candidates.find_map(|(pepper, digest)| {
            let entry = self.parts.index.lookup(&digest)?;
            Some(Hit { entry, pepper })
        })
    }
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
            (Place::Query, self.in_query(head, query_key)?),
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
            && let Some(hit) = self.find_digest(text)
        {
            self.parts
                .index
                .note_exposure(hit.entry, self.parts.clock.now());
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
