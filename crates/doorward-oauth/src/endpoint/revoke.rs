//! Revocation (RFC 7009): a client gives a token back; the next call with it is refused.

use async_trait::async_trait;
use bytes::Bytes;
use doorward_core::RequestHead;
use http::{Method, Response, StatusCode};
use serde_json::json;

use super::metadata::auth_methods;
use super::{Endpoint, Metadata};
use crate::audit::TokenRecord;
use crate::client_auth::{self, Known};
use crate::error::OAuthError;
use crate::parameters::Parameters;
use crate::response;
use crate::server::Parts;
use crate::token::verify::LiveToken;

/// The revocation endpoint.
pub struct RevocationEndpoint;

#[async_trait]
impl Endpoint for RevocationEndpoint {
    fn path(&self) -> &'static str {
        "/oauth2/revoke"
    }

    fn methods(&self) -> &'static [Method] {
        &[Method::POST]
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn describe(&self, parts: &Parts, metadata: &mut Metadata) {
        let address = json!(parts.issuer.at(self.path()));
        metadata.insert("revocation_endpoint".to_owned(), address);
        metadata.insert(
            "revocation_endpoint_auth_methods_supported".to_owned(),
            auth_methods(client_auth::METHODS),
        );
    }

    async fn answer(&self, parts: &Parts, head: &RequestHead, body: Bytes) -> Response<Bytes> {
        let mut client_id = None;
        let outcome = run(parts, head, &body, &mut client_id).await;
        let error = outcome.as_ref().err();
        let _recorded = parts.audit.record(&TokenRecord {
            endpoint: "revoke",
            client_id: client_id.as_deref(),
            grant_type: None,
            issued: None,
            error: error.map(|error| error.code),
            cause: error.and_then(|error| error.cause.as_deref()),
        });
        match outcome {
            Ok(()) => response::json(StatusCode::OK, &json!({})),
            Err(error) => error.response(),
        }
    }
}

async fn run(
    parts: &Parts,
    head: &RequestHead,
    body: &[u8],
    client_id: &mut Option<String>,
) -> Result<(), OAuthError> {
    let now = parts.clock.now();
    let form = Parameters::of_body(head, body)?;
    let known = Known {
        clients: &parts.clients,
        peppers: &parts.peppers,
        now,
    };
    let client = client_auth::authenticate(&known, head, &form)?;
    *client_id = Some(client.id().as_str().to_owned());
    let token = form.required("token", "The token is missing.")?;
    // Which kind it is, is seen from the token; `token_type_hint` may be wrong (section 2.1).
    let Some(live) = LiveToken::read(parts, token, now) else {
        return Ok(());
    };
    // SECURITY: nobody ends the tokens of others. That there is such a token is not told.
    if live.text("client_id") != Some(client.id().as_str()) {
        return Ok(());
    }
    let revoked = parts.revocations.revoke(live.jti(), live.expires_at());
    revoked.await.map_err(OAuthError::unavailable)
}
