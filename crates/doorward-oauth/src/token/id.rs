//! ID tokens (OpenID Connect Core section 2): who signed in, told to the client alone.

use std::time::Duration;

use doorward_core::Timestamp;
use doorward_crypto::jose::b64;
use serde_json::{Map, Value, json};

use crate::error::OAuthError;
use crate::server::Parts;

/// How long an ID token may be taken for new.
const LIFE: Duration = Duration::from_secs(600);

/// What an ID token says.
#[derive(Clone, Copy, Debug)]
pub struct IdToken<'t> {
    /// Who.
    pub subject: &'t str,
    /// To whom.
    pub client_id: &'t str,
    /// The name of the session.
    pub sid: &'t str,
    /// The client's `nonce`.
    pub nonce: Option<&'t str>,
    /// When the user proved who they are.
    pub auth_time: Timestamp,
    /// How.
    pub amr: &'t [String],
    /// The context that was reached.
    pub acr: Option<&'t str>,
}

impl IdToken<'_> {
    /// Signs it.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn sign(&self, parts: &Parts, now: Timestamp) -> Result<String, OAuthError> {
        let mut claims = Map::new();
        for (name, value) in [
            ("iss", json!(parts.issuer.url())),
            ("sub", json!(self.subject)),
            ("aud", json!(self.client_id)),
            ("iat", json!(now.secs())),
            ("exp", json!(now.plus(LIFE).secs())),
            ("auth_time", json!(self.auth_time.secs())),
            ("amr", json!(self.amr)),
            ("sid", json!(self.sid)),
        ] {
            claims.insert(name.to_owned(), value);
        }
        for (name, value) in [("nonce", self.nonce), ("acr", self.acr)] {
            if let Some(value) = value {
                claims.insert(name.to_owned(), json!(value));
            }
        }
        let signed = parts.signer.sign("JWT", &Value::Object(claims).to_string());
        signed.map_err(|error| OAuthError::unavailable(error.to_string()))
    }
}

/// The subject that a token names. SECURITY: nothing is verified, so it may only ever be a reason
/// to refuse.
#[must_use]
pub fn subject(token: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&b64::decode(payload).ok()?).ok()?;
    claims.get("sub")?.as_str().map(str::to_owned)
}
