//! The authorization server, from the outside.

mod client_credentials;
mod metadata;
mod requests;
mod tokens_of_others;

use serde_json::Value;

use crate::curl::Answer;
use crate::door::{Door, Home, text};

/// Routes that need scopes, and a scope that implies another.
pub(super) const ROUTES: &str = r#"
[scope."orders:write"]
name = "Change orders"
description = "Create, change and delete orders."
implies = ["orders:read"]
[scope."people:read"]
granted_by = ["user"]
[[route]]
path = "/{*path}"
methods = ["GET"]
scopes = ["orders:read"]
[[route]]
path = "/{*path}"
methods = ["DELETE"]
scopes = ["orders:write"]
"#;

/// A client with a secret.
pub(super) struct Registered {
    pub(super) id: String,
    pub(super) secret: String,
}

impl Registered {
    /// As curl's `-u` takes it.
    pub(super) fn pair(&self) -> String {
        format!("{}:{}", self.id, self.secret)
    }
}

/// Adds a client with a secret.
pub(super) fn add(home: &Home, id: &str, args: &[&str]) -> Registered {
    let made = home.json(&[&["client", "add", id], args].concat());
    Registered {
        id: text(&made, "client_id"),
        secret: text(&made, "client_secret"),
    }
}

/// Posts a form to the token endpoint with more arguments for curl.
pub(super) fn post(door: &Door, form: &str, args: &[&str]) -> Answer {
    door.curl("/oauth2/token", &[&["--data", form], args].concat())
}

/// Gets a token by client credentials.
pub(super) fn token(door: &Door, client: &Registered, more: &str) -> Value {
    let form = format!("grant_type=client_credentials{more}");
    let answer = post(door, &form, &["-u", &client.pair()]);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Checks that an answer is this error and that nobody may keep it.
pub(super) fn refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{error} {answer:?}");
    assert_eq!(answer.one("cache-control"), "no-store");
    assert_eq!(answer.one("content-type"), "application/json");
    let body = answer.json();
    assert_eq!(body["error"], error, "{answer:?}");
    assert!(body.get("access_token").is_none());
    let shown = body["error_description"].as_str().unwrap();
    assert!(
        !shown.contains("scope="),
        "some clients look for it: {shown}"
    );
}
