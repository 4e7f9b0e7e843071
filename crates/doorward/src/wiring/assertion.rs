//! The signed statement of who calls, for upstreams (docs/upstream-assertion.md).
//!
//! An ES256 JWT with the type `doorward-assertion+jwt`, which the gate never accepts as an access
//! token. One is made per principal and upstream and used for half of its life.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use doorward_core::credential::Method;
use doorward_core::verified::{Grants, Principal};
use doorward_core::{Clock, Timestamp};
use doorward_proxy::Assertion;
use http::HeaderValue;
use quick_cache::Equivalent;
use quick_cache::sync::Cache;
use serde_json::json;

use super::signer::Signer;

/// The JWT's type.
pub const TYPE: &str = "doorward-assertion+jwt";
/// How long an assertion lives.
const LIFE: Duration = Duration::from_secs(60);
/// How long one is handed out again.
const REUSE: Duration = Duration::from_secs(30);
/// How many are kept.
const KEPT: usize = 10_000;

/// Makes and keeps assertions.
pub struct Assertions {
    issuer: String,
    signer: Arc<Signer>,
    clock: Arc<dyn Clock>,
    made: Cache<Key, Made>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    audience: Box<str>,
    method: Method,
    subject: Arc<str>,
    grants: Arc<Grants>,
}

/// A [`Key`] that owns nothing. It hashes like one.
struct KeyRef<'a> {
    audience: &'a str,
    principal: &'a Principal,
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let identity = self.principal.identity();
        self.audience.hash(state);
        identity.method.hash(state);
        identity.subject.hash(state);
        identity.grants.hash(state);
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        let identity = self.principal.identity();
        self.audience == &*key.audience
            && identity.method == key.method
            && identity.subject == key.subject
            && identity.grants == key.grants
    }
}

#[derive(Clone)]
struct Made {
    value: HeaderValue,
    reuse_until: Timestamp,
}

impl Assertions {
    /// Makes the signer's front for upstreams.
    pub fn new(issuer: String, signer: Arc<Signer>, clock: Arc<dyn Clock>) -> Self {
        Self {
            issuer,
            signer,
            clock,
            made: Cache::new(KEPT),
        }
    }

    fn sign(&self, principal: &Principal, audience: &str, now: Timestamp) -> Option<Made> {
        let identity = principal.identity();
        // SECURITY: it is shared by all credentials of a principal, so it must not outlive this
        // one; one that ends sooner is not handed out again.
        let end = now.plus(LIFE).min(principal.not_after());
        let reuse_until = if end < now.plus(LIFE) {
            now
        } else {
            now.plus(REUSE)
        };
        let claims = json!({
            "iss": self.issuer,
            "aud": audience,
            "sub": &*identity.subject,
            "iat": now.secs(),
            "exp": end.secs(),
            "method": identity.method.as_str(),
            "credential_issuer": identity.grants.issuer.as_deref(),
            "scope": identity.grants.scopes.to_string(),
            "roles": identity.grants.roles.iter().map(|role| &**role).collect::<Vec<_>>(),
        });
        let token = self
            .signer
            .current()
            .key
            .sign(TYPE, &claims.to_string())
            .ok()?;
        Some(Made {
            value: HeaderValue::try_from(token).ok()?,
            reuse_until,
        })
    }
}

impl Assertion for Assertions {
    fn assertion(&self, principal: &Principal, audience: &str) -> Option<HeaderValue> {
        let now = self.clock.now();
        let key = KeyRef {
            audience,
            principal,
        };
        if let Some(made) = self.made.get(&key)
            && now < made.reuse_until
        {
            return Some(made.value);
        }
        let made = self.sign(principal, audience, now)?;
        let identity = principal.identity();
        let key = Key {
            audience: audience.into(),
            method: identity.method,
            subject: Arc::clone(&identity.subject),
            grants: Arc::clone(&identity.grants),
        };
        self.made.insert(key, made.clone());
        Some(made.value)
    }
}
