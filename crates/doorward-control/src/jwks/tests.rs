use std::time::Duration;

use bytes::Bytes;
use doorward_crypto::jose::Jwks;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use super::{JWKS_PATH, JwksEndpoint, PublishError};

fn key(kid: &str) -> Value {
    // RFC 7517 appendix A.1.
    json!({
        "kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "alg": "ES256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
    })
}

fn endpoint() -> JwksEndpoint {
    let endpoint = JwksEndpoint::new(Duration::from_secs(300));
    endpoint.publish(&[key("one")]).unwrap();
    endpoint
}

fn ask(endpoint: &JwksEndpoint, method: &Method, headers: &[(&str, &str)]) -> Response<Bytes> {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        })
        .collect();
    endpoint.answer(method, JWKS_PATH, &headers).unwrap()
}

fn header(response: &Response<Bytes>, name: &str) -> String {
    let value = response.headers().get(name);
    value.map_or(String::new(), |v| v.to_str().unwrap().to_owned())
}

#[test]
fn the_set_is_read_by_anybody_and_parses() {
    let endpoint = endpoint();
    let response = ask(&endpoint, &Method::GET, &[]);
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        header(&response, "content-type"),
        "application/jwk-set+json"
    );
    assert_eq!(header(&response, "cache-control"), "public, max-age=300");
    assert_eq!(header(&response, "access-control-allow-origin"), "*");
    assert!(Jwks::parse(response.body()).unwrap().has_kid("one"));
    let head = ask(&endpoint, &Method::HEAD, &[]);
    assert!(head.body().is_empty());
    assert_eq!(
        header(&head, "content-length"),
        response.body().len().to_string()
    );
    assert!(
        endpoint
            .answer(&Method::GET, "/.well-known/jwks.json/", &HeaderMap::new())
            .is_none()
    );
    assert_eq!(
        ask(&endpoint, &Method::POST, &[]).status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
    let preflight = ask(
        &endpoint,
        &Method::OPTIONS,
        &[("origin", "https://a.example")],
    );
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
}

#[test]
fn clients_that_ask_for_plain_json_get_it() {
    let endpoint = endpoint();
    for (accept, kind) in [
        ("application/json", "application/json"),
        ("text/html, application/json;q=0.9", "application/json"),
        (
            "application/json, application/jwk-set+json",
            "application/jwk-set+json",
        ),
        ("*/*", "application/jwk-set+json"),
        ("text/plain", "application/jwk-set+json"),
    ] {
        let response = ask(&endpoint, &Method::GET, &[("accept", accept)]);
        assert_eq!(header(&response, "content-type"), kind, "{accept}");
        assert_eq!(header(&response, "vary"), "Accept");
    }
}

#[test]
fn an_unchanged_set_is_not_sent_again() {
    let endpoint = endpoint();
    let etag = header(&ask(&endpoint, &Method::GET, &[]), "etag");
    for tags in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"x\", {etag}"),
        "*".to_owned(),
    ] {
        let response = ask(&endpoint, &Method::GET, &[("if-none-match", &tags)]);
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{tags}");
        assert_eq!(header(&response, "etag"), etag);
        assert_eq!(header(&response, "content-type"), "");
        assert_eq!(header(&response, "access-control-allow-origin"), "*");
        assert!(response.body().is_empty());
    }
    endpoint.publish(&[key("one"), key("two")]).unwrap();
    let response = ask(&endpoint, &Method::GET, &[("if-none-match", &etag)]);
    assert_eq!(response.status(), StatusCode::OK);
    assert!(Jwks::parse(response.body()).unwrap().has_kid("two"));
}

#[test]
fn r120_private_keys_are_never_published() {
    let endpoint = endpoint();
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv", "x5u"] {
        let mut bad = key("bad");
        bad[member] = json!("secret");
        assert_eq!(
            endpoint.publish(&[key("two"), bad]),
            Err(PublishError::NotPublic(2, member.to_owned()))
        );
    }
    for bad in [
        json!({"kty": "oct", "kid": "a", "k": "AAAA"}),
        json!({"kty": "EC", "kid": "a", "crv": "P-256"}),
        json!("text"),
        json!({}),
    ] {
        assert_eq!(endpoint.publish(&[bad]), Err(PublishError::NotAKey(1)));
    }
    let response = ask(&endpoint, &Method::GET, &[]);
    assert!(Jwks::parse(response.body()).unwrap().has_kid("one"));
}
