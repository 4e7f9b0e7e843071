//! What a grant fills in; all the rest is the token endpoint's.

use std::sync::Arc;

use async_trait::async_trait;
use doorward_core::{RequestHead, ScopeSet, Secret, Timestamp};
use doorward_store::GrantType;

use crate::client::Client;
use crate::error::OAuthError;
use crate::parameters::Parameters;
use crate::server::Parts;

pub mod authorization_code;
pub mod client_credentials;
pub mod refresh_token;

pub use authorization_code::AuthorizationCode;
pub use client_credentials::ClientCredentials;
pub use refresh_token::RefreshToken;

/// A way to get a token. One implementation per file.
#[async_trait]
pub trait Grant: Send + Sync {
    /// Its registered name.
    fn grant_type(&self) -> GrantType;

    /// Checks what is shown, and says the most that could be given for it. Changes nothing: what
    /// is wrong with scope or resource is found before anything is used up.
    ///
    /// # Errors
    /// Mostly `invalid_grant`; [`OAuthError::unavailable`] when a store fails.
    async fn offer<'a>(&'a self, ask: &Ask<'a>) -> Result<Box<dyn Offer + 'a>, OAuthError>;
}

/// What could be given. It is redeemed at most once.
#[async_trait]
pub trait Offer: Send {
    /// The most that could be given.
    fn terms(&self) -> &Terms;

    /// Uses up what was shown, atomically, and makes what goes beside the access token.
    ///
    /// # Errors
    /// `invalid_grant` when somebody else was first; [`OAuthError::unavailable`] when a store
    /// fails. Then no token is minted.
    async fn redeem(self: Box<Self>, settled: &Settled) -> Result<Redeemed, OAuthError>;
}

/// A request for a token, after the phases that all grants share.
pub struct Ask<'a> {
    /// What the server is made of.
    pub parts: &'a Parts,
    /// The client, authenticated and registered for this grant.
    pub client: Arc<Client>,
    /// The request's head.
    pub head: &'a RequestHead,
    /// Its parameters.
    pub form: &'a Parameters,
    /// The present moment.
    pub now: Timestamp,
}

/// Whom a token stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// The client itself.
    Client,
    /// A user who signed in.
    User {
        /// The `sub`.
        sub: String,
        /// The roles that the user has now.
        roles: Vec<String>,
        /// When the user signed in.
        auth_time: Option<Timestamp>,
        /// How (RFC 9068 section 2.2.1).
        acr: Option<String>,
    },
}

/// The most that a grant could give.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Whom the token stands for.
    pub subject: Subject,
    /// The scopes that it may have at most. What they imply comes along.
    pub scopes: ScopeSet,
    /// The scopes when the request names none.
    pub default_scopes: ScopeSet,
    /// Whether more than that is an error (`invalid_scope`), or left out of the token.
    pub is_strict: bool,
    /// The resources that it may be for at most; the client's when empty.
    pub audiences: Vec<String>,
    /// What ends all tokens of this grant together.
    pub grant_id: Option<String>,
    /// When the token ends at the latest.
    pub not_after: Option<Timestamp>,
}

/// What the token endpoint settled; no more than the terms.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The scopes of the access token.
    pub scopes: ScopeSet,
    /// The resources that it is for.
    pub audience: Vec<String>,
    /// The id that the access token will have, so that what is redeemed can be taken back.
    pub jti: String,
    /// When the access token will end.
    pub expires_at: Timestamp,
    /// The present moment.
    pub now: Timestamp,
}

/// What goes beside the access token.
#[derive(Default)]
pub struct Redeemed {
    /// The refresh token.
    pub refresh_token: Option<Secret<String>>,
    /// The ID token.
    pub id_token: Option<String>,
}
