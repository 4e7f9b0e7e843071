//! The authorization server: its parts, its endpoints, and which path is whose.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use doorward_core::{Clock, Entropy, RequestHead, Timestamp};
use doorward_crypto::hash::key_digest::Peppers;
use doorward_crypto::jose::{Jwks, SigningKeyError};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, Response, StatusCode};

use crate::audit::Audit;
use crate::client::ClientIndex;
use crate::endpoint::Endpoint;
use crate::endpoint::metadata::{Document, Found};
use crate::issuer::Issuer;
use crate::response;
use crate::scope::ScopeCatalogue;

/// Signs with the present key.
pub trait Signer: Send + Sync {
    /// Signs claims as a compact JWS of this type.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    fn sign(&self, typ: &str, claims_json: &str) -> Result<String, SigningKeyError>;

    /// The public keys of all tokens that may still be live.
    fn keys(&self) -> Arc<Jwks>;
}

/// Which of our own tokens ended before their time.
#[async_trait]
pub trait Revocations: Send + Sync {
    /// Tells whether a token was revoked.
    fn is_revoked(&self, jti: &str) -> bool;

    /// Revokes a token for good. When it returns, the gate refuses the token.
    ///
    /// # Errors
    /// Why it could not be stored, for the operator.
    async fn revoke(&self, jti: &str, expires_at: Timestamp) -> Result<(), String>;
}

/// What the server is made of.
pub struct Parts {
    /// Who we are.
    pub issuer: Issuer,
    /// The audience of tokens for which no other was asked: what our own gate guards.
    pub audience: String,
    /// How long access tokens live.
    pub access_token_ttl: Duration,
    /// The scopes that exist.
    pub scopes: ScopeCatalogue,
    /// The clients.
    pub clients: Arc<ClientIndex>,
    /// Under which secrets of clients are digested.
    pub peppers: Arc<Peppers>,
    /// Signs tokens.
    pub signer: Arc<dyn Signer>,
    /// Knows and makes revocations.
    pub revocations: Arc<dyn Revocations>,
    /// Takes records.
    pub audit: Arc<dyn Audit>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws ids.
    pub entropy: Arc<dyn Entropy>,
}

/// The authorization server.
pub struct AuthorizationServer {
    parts: Parts,
    endpoints: Vec<Box<dyn Endpoint>>,
    metadata: Document,
}

/// Whose a path is.
pub enum Routed<'s> {
    /// The metadata document.
    Metadata,
    /// A well-known document that does not exist here: 404.
    Absent,
    /// An endpoint.
    Endpoint(&'s dyn Endpoint),
}

impl AuthorizationServer {
    /// A server with these endpoints. What is in the list works and is in the metadata.
    #[must_use]
    pub fn new(parts: Parts, endpoints: Vec<Box<dyn Endpoint>>) -> Self {
        let metadata = Document::new(&parts, &endpoints);
        Self {
            parts,
            endpoints,
            metadata,
        }
    }

    /// What it is made of.
    #[must_use]
    pub const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Whose a path is; none when it is not ours.
    #[must_use]
    pub fn route(&self, path: &str) -> Option<Routed<'_>> {
        match self.metadata.find(path) {
            Found::Here => return Some(Routed::Metadata),
            Found::Absent => return Some(Routed::Absent),
            Found::Other => {}
        }
        let below = path.strip_prefix(self.parts.issuer.path())?;
        let mut endpoints = self.endpoints.iter();
        let endpoint = endpoints.find(|endpoint| endpoint.path() == below)?;
        Some(Routed::Endpoint(endpoint.as_ref()))
    }

    /// The metadata document (RFC 8414 section 3.2).
    #[must_use]
    pub fn metadata(&self) -> Response<Bytes> {
        let mut response = response::document(StatusCode::OK, self.metadata.body());
        let age = HeaderValue::from_static("public, max-age=300");
        response.headers_mut().insert(CACHE_CONTROL, age);
        response
    }

    /// Has an endpoint answer.
    pub async fn answer(
        &self,
        endpoint: &dyn Endpoint,
        head: &RequestHead,
        body: Bytes,
    ) -> Response<Bytes> {
        endpoint.answer(&self.parts, head, body).await
    }
}
