//! The token endpoint (RFC 6749 section 3.2): every phase that grants share, in order.
//!
//! | phase | refused with |
//! |---|---|
//! | parse the body | `invalid_request` |
//! | who is the client? | `invalid_client` |
//! | is the grant built, may the client use it? | `unsupported_grant_type`, `unauthorized_client` |
//! | may it ask for this scope? | `invalid_scope` |
//! | the grant's own part: what could be given? | `invalid_grant` |
//! | settle scope and audience | `invalid_scope`, `invalid_target` |
//! | redeem, atomically | `invalid_grant` |
//! | mint, record, answer | |

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use doorward_core::RequestHead;
use doorward_store::GrantType;
use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::metadata::auth_methods;
use super::{Endpoint, Metadata};
use crate::audit::TokenRecord;
use crate::check;
use crate::client::Client;
use crate::client_auth::{self, Known};
use crate::error::{ErrorCode, OAuthError};
use crate::grant::{Ask, Grant, Redeemed, Settled};
use crate::parameters::Parameters;
use crate::response;
use crate::server::Parts;
use crate::token::access::{self, Minted};

/// The token endpoint and the grants that it knows.
pub struct TokenEndpoint {
    grants: Vec<Arc<dyn Grant>>,
}

/// How far a request got, for its record.
#[derive(Default)]
struct Trail {
    client: Option<Arc<Client>>,
    grant: Option<GrantType>,
}

impl TokenEndpoint {
    /// An endpoint with these grants.
    #[must_use]
    pub fn new(grants: Vec<Arc<dyn Grant>>) -> Self {
        Self { grants }
    }

    async fn run(
        &self,
        parts: &Parts,
        head: &RequestHead,
        body: &[u8],
        trail: &mut Trail,
    ) -> Result<(Minted, Redeemed), OAuthError> {
        let now = parts.clock.now();
        let form = Parameters::of_body(head, body)?;
        let known = Known {
            clients: &parts.clients,
            peppers: &parts.peppers,
            now,
        };
        let client = client_auth::authenticate(&known, head, &form)?;
        trail.client = Some(Arc::clone(&client));
        let grant = self.grant(&form)?;
        trail.grant = Some(grant.grant_type());
        if !client.may_use(grant.grant_type()) {
            let sentence = "The client is not registered for this grant.";
            return Err(OAuthError::new(ErrorCode::UnauthorizedClient, sentence));
        }
        let asked = check::scope::requested(&form, &client, &parts.scopes)?;
        let ask = Ask {
            parts,
            client: Arc::clone(&client),
            head,
            form: &form,
            now,
        };
        let offer = grant.offer(&ask).await?;
        let terms = offer.terms().clone();
        let (jti, expires_at) = access::identity(parts, &terms, now);
        let settled = Settled {
            jti,
            expires_at,
            scopes: check::scope::settle(asked.as_ref(), &terms, &parts.scopes)?,
            audience: check::resource::settle(&form, &client, &terms, &parts.audience)?,
            now,
        };
        let redeemed = offer.redeem(&settled).await?;
        let minted = access::mint(parts, &client, &terms, &settled)?;
        Ok((minted, redeemed))
    }

    fn grant(&self, form: &Parameters) -> Result<&dyn Grant, OAuthError> {
        let named = form.required("grant_type", "The grant_type is missing.")?;
        let mut grants = self.grants.iter();
        let grant = grants.find(|grant| grant.grant_type().as_str() == named);
        grant.map(AsRef::as_ref).ok_or_else(|| {
            let sentence = "This grant_type does not exist here.";
            OAuthError::new(ErrorCode::UnsupportedGrantType, sentence)
        })
    }
}

#[async_trait]
impl Endpoint for TokenEndpoint {
    fn path(&self) -> &'static str {
        "/oauth2/token"
    }

    fn methods(&self) -> &'static [Method] {
        &[Method::POST]
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn describe(&self, parts: &Parts, metadata: &mut Metadata) {
        let grants: Value = self
            .grants
            .iter()
            .map(|grant| grant.grant_type().as_str())
            .collect();
        let address = json!(parts.issuer.at(self.path()));
        metadata.insert("token_endpoint".to_owned(), address);
        metadata.insert("grant_types_supported".to_owned(), grants);
        let methods = auth_methods(client_auth::METHODS);
        metadata.insert("token_endpoint_auth_methods_supported".to_owned(), methods);
    }

    async fn answer(&self, parts: &Parts, head: &RequestHead, body: Bytes) -> Response<Bytes> {
        let mut trail = Trail::default();
        let outcome = self.run(parts, head, &body, &mut trail).await;
        let error = outcome.as_ref().err();
        let recorded = parts.audit.record(&TokenRecord {
            endpoint: "token",
            client_id: trail.client.as_ref().map(|client| client.id().as_str()),
            grant_type: trail.grant.map(GrantType::as_str),
            issued: outcome.as_ref().ok().map(|(minted, _)| &minted.issued),
            error: error.map(|error| error.code),
            cause: error.and_then(|error| error.cause.as_deref()),
        });
        match outcome {
            // SECURITY: what cannot be recorded is not handed out.
            Ok(_) if !recorded => OAuthError::unavailable("not recorded").response(),
            Ok((minted, redeemed)) => success(&minted, &redeemed),
            Err(error) => error.response(),
        }
    }
}

/// The answer of RFC 6749 section 5.1. `scope` is always told (R061).
fn success(minted: &Minted, redeemed: &Redeemed) -> Response<Bytes> {
    let mut body = json!({
        "access_token": minted.token.expose(),
        "token_type": "Bearer",
        "expires_in": minted.lifetime.as_secs(),
        "scope": minted.issued.scopes.to_string(),
    });
    if let Some(members) = body.as_object_mut() {
        if let Some(token) = &redeemed.refresh_token {
            members.insert("refresh_token".to_owned(), json!(token.expose()));
        }
        if let Some(token) = &redeemed.id_token {
            members.insert("id_token".to_owned(), json!(token));
        }
    }
    response::json(StatusCode::OK, &body)
}
