//! The public key set (RFC 7517 section 5), for servers that verify what we sign.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use doorward_crypto::digest::sha256;
use http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use serde_json::Value;
use thiserror::Error;

use crate::answer::{for_method, problem, whole};

/// Where the key set is.
pub const JWKS_PATH: &str = "/.well-known/jwks.json";
/// The registered media type (RFC 7517 section 8.5.2).
const KEY_SET: &str = "application/jwk-set+json";
/// What some clients insist on instead.
const JSON: &str = "application/json";

/// Answers with the current key set.
pub struct JwksEndpoint {
    current: ArcSwap<Document>,
    cache_control: HeaderValue,
}

struct Document {
    body: Bytes,
    etag: HeaderValue,
}

/// A key set that must not be published. Nothing of it is shown: it may hold a private key.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PublishError {
    /// A private or symmetric key, or an unknown member that could hold one.
    #[error("key number {0} has the member `{1}`, which public keys do not have")]
    NotPublic(usize, String),
    /// Not a JWK.
    #[error("key number {0} is not a public key of a known type with a `kid`")]
    NotAKey(usize),
}

impl JwksEndpoint {
    /// An endpoint with an empty set. Clients may keep a set for `max_age`: a new key has to be
    /// published that long before it signs.
    #[must_use]
    pub fn new(max_age: Duration) -> Self {
        let cache_control = HeaderValue::try_from(format!("public, max-age={}", max_age.as_secs()));
        Self {
            current: ArcSwap::from_pointee(Document::of(&[])),
            cache_control: cache_control.unwrap_or(HeaderValue::from_static("no-cache")),
        }
    }

    /// Replaces the set by these JWKs.
    ///
    /// # Errors
    /// [`PublishError`] when one of them is not a public key; the old set stays.
    pub fn publish(&self, keys: &[Value]) -> Result<(), PublishError> {
        for (number, key) in (1..).zip(keys) {
            check_public(number, key)?;
        }
        self.current.store(Arc::new(Document::of(keys)));
        Ok(())
    }

    /// Answers a request for [`JWKS_PATH`]; `None` for any other path.
    #[must_use]
    pub fn answer(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Option<Response<Bytes>> {
        if path != JWKS_PATH {
            return None;
        }
        Some(match *method {
            Method::GET | Method::HEAD => for_method(method, self.read(headers)),
            Method::OPTIONS => preflight(),
            _ => {
                let sentence = "The key set can only be read.";
                let mut response = problem(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "method_not_allowed",
                    sentence,
                );
                let allow = HeaderValue::from_static("GET, HEAD, OPTIONS");
                response.headers_mut().insert(ALLOW, allow);
                response
            }
        })
    }

    fn read(&self, asked: &HeaderMap) -> Response<Bytes> {
        let document = self.current.load();
        let kind = media_type(asked);
        let mut response = whole(StatusCode::OK, kind, document.body.clone());
        if has_current(asked, &document.etag) {
            response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().remove(CONTENT_TYPE);
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, self.cache_control.clone());
        headers.insert(ETAG, document.etag.clone());
        headers.insert(VARY, HeaderValue::from_static("Accept"));
        let any = HeaderValue::from_static("*");
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, any);
        response
    }
}

impl Document {
    fn of(keys: &[Value]) -> Self {
        let body = serde_json::json!({ "keys": keys }).to_string();
        let mut etag = String::from("\"");
        for byte in sha256(body.as_bytes()).iter().take(16) {
            // Writing to a string cannot fail.
            let _written = write!(etag, "{byte:02x}");
        }
        etag.push('"');
        Self {
            body: body.into(),
            etag: HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"0\"")),
        }
    }
}

/// Refuses everything that is not made of the members of public keys (RFC 7518 section 6,
/// RFC 8037 section 2).
fn check_public(number: usize, key: &Value) -> Result<(), PublishError> {
    let members = key.as_object().ok_or(PublishError::NotAKey(number))?;
    let text = |name| members.get(name).and_then(Value::as_str);
    let own: &[&str] = match text("kty") {
        Some("EC") => &["crv", "x", "y"],
        Some("OKP") => &["crv", "x"],
        Some("RSA") => &["n", "e"],
        _ => return Err(PublishError::NotAKey(number)),
    };
    if text("kid").is_none_or(str::is_empty) || own.iter().any(|name| text(name).is_none()) {
        return Err(PublishError::NotAKey(number));
    }
    let common = ["kty", "kid", "use", "alg", "key_ops"];
    // SECURITY: a list of what may be there; the list of private members grows with every type.
    match members
        .keys()
        .find(|name| !common.contains(&name.as_str()) && !own.contains(&name.as_str()))
    {
        Some(name) => Err(PublishError::NotPublic(number, name.clone())),
        None => Ok(()),
    }
}

/// The registered type, or plain JSON for clients that ask for that alone.
fn media_type(asked: &HeaderMap) -> &'static str {
    let accepted = asked
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .map(|range| range.split(';').next().unwrap_or("").trim());
    let mut kind = KEY_SET;
    for range in accepted {
        if range.eq_ignore_ascii_case(KEY_SET) {
            return KEY_SET;
        }
        if range.eq_ignore_ascii_case(JSON) {
            kind = JSON;
        }
    }
    kind
}

/// Weak comparison (RFC 9110 section 13.1.2).
fn has_current(asked: &HeaderMap, etag: &HeaderValue) -> bool {
    asked
        .get_all(IF_NONE_MATCH)
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b','))
        .map(<[u8]>::trim_ascii)
        .any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes())
}

fn preflight() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "*"),
        (ALLOW, "GET, HEAD, OPTIONS"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

#[cfg(test)]
mod tests;
