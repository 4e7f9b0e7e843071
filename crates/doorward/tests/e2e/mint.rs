//! Tokens of other issuers, made by PyJWT.

use std::sync::{Mutex, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward::clock::SystemClock;
use doorward_core::Clock;
use serde_json::{Value, json};

use crate::peer::Peer;

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    SystemClock::new().now().secs()
}

fn ask(question: &Value) -> Value {
    static RUNNING: OnceLock<Mutex<Peer>> = OnceLock::new();
    let peer = RUNNING.get_or_init(|| {
        let peer = Peer::python(include_str!("python/mint.py"), &[]);
        Mutex::new(peer.expect("asked for after `peer::python`"))
    });
    let answer = peer.lock().unwrap().ask(&question.to_string());
    serde_json::from_str(&answer).unwrap()
}

/// The public key of this name and algorithm, with the `kid` `NAME-ALG`.
pub(crate) fn jwk(name: &str, alg: &str) -> Value {
    ask(&json!({ "do": "jwk", "key": name, "alg": alg }))
}

/// A key set of the key `good` in these algorithms.
pub(crate) fn jwks(algs: &[&str]) -> String {
    let keys: Vec<_> = algs.iter().map(|alg| jwk("good", alg)).collect();
    json!({ "keys": keys }).to_string()
}

/// The public key as PEM.
pub(crate) fn pem(name: &str, alg: &str) -> String {
    let pem = ask(&json!({ "do": "pem", "key": name, "alg": alg }));
    pem.as_str().unwrap().to_owned()
}

/// Checks a token with PyJWT and returns its claims.
pub(crate) fn verify(token: &str, jwk: &Value, alg: &str, audience: &str) -> Value {
    ask(&json!({ "do": "verify", "token": token, "jwk": jwk, "alg": alg, "audience": audience }))
}

/// A token to be.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) alg: &'static str,
    pub(crate) key: &'static str,
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

impl Draft {
    /// A good token of an issuer: `sub`, `scope`, and a life of an hour.
    pub(crate) fn new(issuer: &str, alg: &'static str) -> Self {
        let now = now();
        Self {
            alg,
            key: "good",
            header: json!({}),
            claims: json!({
                "iss": issuer,
                "aud": "https://api.example",
                "sub": "partner",
                "scope": "orders:read",
                "iat": now,
                "exp": now + 3600,
            }),
        }
    }

    /// Sets a claim; `null` removes it.
    pub(crate) fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let claims = self.claims.as_object_mut().unwrap();
        claims.remove(name);
        if !value.is_null() {
            claims.insert(name.to_owned(), value);
        }
        self
    }

    /// Sets a member of the header; `null` removes it.
    pub(crate) fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    /// Signs with another key of the same algorithm.
    pub(crate) fn key(mut self, name: &'static str) -> Self {
        self.key = name;
        self
    }

    /// Signs.
    pub(crate) fn sign(&self) -> String {
        self.sign_text(&self.claims.to_string())
    }

    /// Signs any text as payload.
    pub(crate) fn sign_text(&self, payload: &str) -> String {
        let token = ask(&json!({
            "do": "sign", "alg": self.alg, "key": self.key, "header": self.header,
            "payload": payload,
        }));
        token.as_str().unwrap().to_owned()
    }

    /// Signs with HMAC under any bytes.
    pub(crate) fn sign_hmac(&self, secret: &[u8]) -> String {
        let token = ask(&json!({
            "do": "sign", "alg": "HS256", "header": self.header, "secret": STANDARD.encode(secret),
            "payload": self.claims.to_string(),
        }));
        token.as_str().unwrap().to_owned()
    }
}
