//! Introspection (RFC 7662): what a token says, told to its client and to its audience alone.

use async_trait::async_trait;
use bytes::Bytes;
use doorward_core::RequestHead;
use doorward_store::ClientAuthMethod;
use http::{Method, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::metadata::auth_methods;
use super::{Endpoint, Metadata};
use crate::audit::TokenRecord;
use crate::client::Client;
use crate::client_auth::{self, Known};
use crate::error::OAuthError;
use crate::parameters::Parameters;
use crate::response;
use crate::server::Parts;
use crate::token::verify::LiveToken;

/// The introspection endpoint.
pub struct IntrospectionEndpoint;

#[async_trait]
impl Endpoint for IntrospectionEndpoint {
    fn path(&self) -> &'static str {
        "/oauth2/introspect"
    }

    fn methods(&self) -> &'static [Method] {
        &[Method::POST]
    }

    fn describe(&self, parts: &Parts, metadata: &mut Metadata) {
        let address = json!(parts.issuer.at(self.path()));
        metadata.insert("introspection_endpoint".to_owned(), address);
        let methods: Vec<ClientAuthMethod> = client_auth::METHODS
            .iter()
            .copied()
            .filter(|method| *method != ClientAuthMethod::None)
            .collect();
        metadata.insert(
            "introspection_endpoint_auth_methods_supported".to_owned(),
            auth_methods(&methods),
        );
    }

    async fn answer(&self, parts: &Parts, head: &RequestHead, body: Bytes) -> Response<Bytes> {
        match run(parts, head, &body) {
            Ok(answer) => response::json(StatusCode::OK, &answer),
            Err(error) => {
                // What is refused is recorded; what is told is not, it is told too often.
                let _recorded = parts.audit.record(&TokenRecord {
                    endpoint: "introspect",
                    client_id: None,
                    grant_type: None,
                    issued: None,
                    error: Some(error.code),
                    cause: error.cause.as_deref(),
                });
                error.response()
            }
        }
    }
}

fn run(parts: &Parts, head: &RequestHead, body: &[u8]) -> Result<Value, OAuthError> {
    let now = parts.clock.now();
    let form = Parameters::of_body(head, body)?;
    let known = Known {
        clients: &parts.clients,
        peppers: &parts.peppers,
        now,
    };
    let client = client_auth::authenticate(&known, head, &form)?;
    // SECURITY: anybody could be a public client, and try tokens out here.
    if client.is_public() {
        return Err(OAuthError::invalid_client().because("a public client may not introspect"));
    }
    let token = form.required("token", "The token is missing.")?;
    let live = LiveToken::read(parts, token, now).filter(|live| concerns(live, &client));
    // SECURITY: unknown, ended, and somebody else's are one answer (RFC 7662 section 2.2).
    Ok(live.map_or_else(|| json!({ "active": false }), |live| describe(&live)))
}

/// Tells whether a token is the client's own, or for it.
fn concerns(live: &LiveToken, client: &Client) -> bool {
    let id = client.id().as_str();
    live.text("client_id") == Some(id) || live.claims().audience_includes(id)
}

fn describe(live: &LiveToken) -> Value {
    let claims = live.claims();
    let mut answer = Map::new();
    answer.insert("active".to_owned(), json!(true));
    answer.insert("token_type".to_owned(), json!("Bearer"));
    for name in ["iss", "sub", "client_id", "scope", "jti"] {
        if let Some(text) = live.text(name) {
            answer.insert(name.to_owned(), json!(text));
        }
    }
    let audience = match claims.audience().unwrap_or_default() {
        [one] => json!(one),
        several => json!(several),
    };
    answer.insert("aud".to_owned(), audience);
    answer.insert("exp".to_owned(), json!(live.expires_at().secs()));
    if let Some(at) = claims.issued_at() {
        answer.insert("iat".to_owned(), json!(at.secs()));
    }
    Value::Object(answer)
}
