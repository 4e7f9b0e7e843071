//! Builds the authorization server from a configuration and what is in memory.

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use bytes::Bytes;
use doorward_control::{DecisionLog, OAuthService};
use doorward_core::rejection::BodyFault;
use doorward_core::{Clock, RequestHead};
use doorward_crypto::entropy::OsEntropy;
use doorward_crypto::jose::{Jwks, SigningKeyError};
use doorward_oauth::endpoint::{IntrospectionEndpoint, RevocationEndpoint, TokenEndpoint};
use doorward_oauth::grant::ClientCredentials;
use doorward_oauth::{AuthorizationServer, Issuer, Parts};
use doorward_proxy::OwnService;
use http::Response;

use super::memory::Memory;
use super::sign_in;
use super::signer::Signer;
use super::token_revocations::TokenRevocations;
use crate::config::Config;

/// Builds the server; none where the configuration turns its endpoints off.
///
/// # Errors
/// When the issuer's identifier is not one.
pub(super) fn build(
    config: &Config,
    memory: &Arc<Memory>,
    log: &Arc<DecisionLog>,
) -> Result<Option<Arc<OAuthService>>> {
    if !config.issuer.endpoints {
        return Ok(None);
    }
    let issuer = Issuer::parse(&config.issuer.url)?;
    let (mut endpoints, code) = sign_in::build(config, memory, &issuer);
    endpoints.push(Box::new(TokenEndpoint::new(vec![
        Arc::new(ClientCredentials),
        code,
    ])));
    endpoints.push(Box::new(IntrospectionEndpoint));
    endpoints.push(Box::new(RevocationEndpoint));
    let parts = Parts {
        issuer,
        audience: config.issuer.audience.clone(),
        access_token_ttl: config.issuer.access_token_ttl,
        scopes: config.scopes.clone(),
        clients: Arc::clone(&memory.clients),
        peppers: Arc::clone(&memory.state.secrets.peppers),
        signer: Arc::<Signer>::clone(&memory.signer),
        revocations: Arc::new(TokenRevocations {
            memory: Arc::downgrade(memory),
            issuer: config.issuer.url.clone(),
        }),
        audit: Arc::<DecisionLog>::clone(log),
        clock: Arc::<dyn Clock>::clone(&memory.clock),
        entropy: Arc::new(OsEntropy::new()),
    };
    let server = AuthorizationServer::new(parts, endpoints);
    Ok(Some(Arc::new(OAuthService::new(server))))
}

impl doorward_oauth::Signer for Signer {
    fn sign(&self, typ: &str, claims_json: &str) -> Result<String, SigningKeyError> {
        self.current().key.sign(typ, claims_json)
    }

    fn keys(&self) -> Arc<Jwks> {
        Arc::clone(&self.current().keys)
    }
}

/// One request to a path of the server.
pub(super) struct Service {
    /// The server.
    pub(super) oauth: Arc<OAuthService>,
    /// The largest body at this path.
    pub(super) max_body: usize,
}

#[async_trait]
impl OwnService for Service {
    fn max_body(&self) -> usize {
        self.max_body
    }

    async fn answer(&self, head: RequestHead, body: Result<Bytes, BodyFault>) -> Response<Bytes> {
        self.oauth.answer(&head, body).await
    }
}
