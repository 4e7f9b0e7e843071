//! Access tokens: signed JWTs (RFC 9068). No row is written for one.

use std::time::Duration;

use doorward_core::{Secret, Timestamp};
use doorward_crypto::jose::b64;
use serde_json::{Map, Value, json};

use crate::audit::Issued;
use crate::client::Client;
use crate::error::OAuthError;
use crate::grant::{Settled, Subject, Terms};
use crate::server::Parts;

/// The JWT's type.
pub const TYPE: &str = "at+jwt";

/// A token that was just minted.
pub(crate) struct Minted {
    /// The token.
    pub(crate) token: Secret<String>,
    /// How long it lives.
    pub(crate) lifetime: Duration,
    /// What is in it.
    pub(crate) issued: Issued,
}

/// Draws the id of a token, and says when it will end.
pub(crate) fn identity(parts: &Parts, terms: &Terms, now: Timestamp) -> (String, Timestamp) {
    let mut id = [0_u8; 16];
    parts.entropy.fill(&mut id);
    let end = now.plus(parts.access_token_ttl);
    let end = terms.not_after.map_or(end, |latest| latest.min(end));
    let own = b64::encode(id);
    // What ends the grant ends every token whose id begins with it.
    let jti = terms
        .grant_id
        .as_ref()
        .map(|grant| format!("{grant}.{own}"));
    (jti.unwrap_or(own), end)
}

/// Mints a token.
///
/// # Errors
/// When it cannot be signed.
pub(crate) fn mint(
    parts: &Parts,
    client: &Client,
    terms: &Terms,
    settled: &Settled,
) -> Result<Minted, OAuthError> {
    let (now, end) = (settled.now, settled.expires_at);
    let subject = match &terms.subject {
        Subject::Client => client.id().as_str(),
        Subject::User { sub, .. } => sub,
    };
    let audience = match settled.audience.as_slice() {
        [one] => json!(one),
        several => json!(several),
    };
    let mut claims = Map::new();
    for (name, value) in [
        ("iss", json!(parts.issuer.url())),
        ("sub", json!(subject)),
        ("aud", audience),
        ("client_id", json!(client.id().as_str())),
        ("iat", json!(now.secs())),
        ("exp", json!(end.secs())),
        ("jti", json!(settled.jti)),
        ("scope", json!(settled.scopes.to_string())),
    ] {
        claims.insert(name.to_owned(), value);
    }
    add_optional(&mut claims, terms);
    let signed = parts.signer.sign(TYPE, &Value::Object(claims).to_string());
    let token = signed.map_err(|error| OAuthError::unavailable(error.to_string()))?;
    Ok(Minted {
        token: Secret::new(token),
        lifetime: end.since(now),
        issued: Issued {
            subject: subject.to_owned(),
            scopes: settled.scopes.clone(),
            audience: settled.audience.clone(),
            jti: settled.jti.clone(),
        },
    })
}

fn add_optional(claims: &mut Map<String, Value>, terms: &Terms) {
    let Subject::User {
        roles,
        auth_time,
        acr,
        ..
    } = &terms.subject
    else {
        return;
    };
    if !roles.is_empty() {
        claims.insert("roles".to_owned(), json!(roles));
    }
    if let Some(at) = auth_time {
        claims.insert("auth_time".to_owned(), json!(at.secs()));
    }
    if let Some(acr) = acr {
        claims.insert("acr".to_owned(), json!(acr));
    }
}
