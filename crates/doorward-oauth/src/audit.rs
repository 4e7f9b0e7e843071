//! What is recorded of every answer of the token endpoint, and of those like it.

use doorward_core::ScopeSet;

use crate::error::ErrorCode;

/// Takes records. Called once per answer, whatever it is.
pub trait Audit: Send + Sync {
    /// Records what came of a request. False when it cannot be recorded and nothing may happen
    /// that is not: the request is then answered with 503.
    fn record(&self, record: &TokenRecord<'_>) -> bool;
}

/// What came of a request for a token.
#[derive(Clone, Copy, Debug)]
pub struct TokenRecord<'a> {
    /// Which endpoint: `token`, `introspect`, `revoke`.
    pub endpoint: &'static str,
    /// The client, once it is known to exist.
    pub client_id: Option<&'a str>,
    /// The grant, once it is known to be built.
    pub grant_type: Option<&'static str>,
    /// What was given; absent when nothing was.
    pub issued: Option<&'a Issued>,
    /// The word the client heard, where it was refused.
    pub error: Option<ErrorCode>,
    /// What the client did not hear.
    pub cause: Option<&'a str>,
}

/// An access token that was minted, without the token.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Whom it stands for.
    pub subject: String,
    /// What it may be used for.
    pub scopes: ScopeSet,
    /// The resources that it is for.
    pub audience: Vec<String>,
    /// Its id.
    pub jti: String,
}
