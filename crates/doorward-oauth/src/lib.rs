//! The authorization server (OAuth 2.1): functions from a request's head and body to a response.
//!
//! What it is: one file per endpoint, grant, way of client authentication and check, named with
//! the standards' words. No HTTP framework, no socket, no SQL, no clock of its own.
//!
//! What it never does: read `Host` to know who it is, mint a token outside [`token`], show a cause
//! to a caller, keep a secret in the clear.
//!
//! Where to start: [`AuthorizationServer`], then [`endpoint::token`].
//!
//! # The seam
//!
//! - An [`Endpoint`] has a path below the issuer, its methods, a function from `(server, head,
//!   body)` to a response, and [`Endpoint::describe`], which writes what it does into the one
//!   metadata document. A new endpoint is one file in `endpoint/` and one entry in the list that
//!   the program hands to [`AuthorizationServer::new`]: what is in the list works and is listed,
//!   what is not in it is neither. Parameters come through [`Parameters`], errors leave as
//!   [`OAuthError`].
//! - A [`Grant`] is found by its `grant_type`. [`Grant::offer`] checks what is shown (a code, a
//!   refresh token) *without changing anything* and says in [`Terms`] the most that could be
//!   given. The token endpoint then settles scope, audience and binding, and calls
//!   [`Offer::redeem`], which makes the one atomic change in the store; only then is a token
//!   minted. A grant never sees the signing key and cannot skip a phase.
//! - A grant whose tokens must end together gives them one `grant_id` ([`Terms::grant_id`]):
//!   the `jti` of every access token begins with it and a dot, and revoking it ends them all at
//!   the gate.
//! - What the server needs from outside is in [`Parts`]; clients are in memory ([`ClientIndex`]),
//!   kept up to date from the store's change log by the program.

pub mod audit;
pub mod authorization_error;
pub mod authorization_response;
pub mod check;
mod client;
pub mod client_auth;
pub mod endpoint;
mod error;
pub mod grant;
mod issuer;
mod parameters;
mod response;
pub mod scope;
mod server;
pub mod token;

pub use audit::{Audit, Issued, TokenRecord};
pub use authorization_error::{AuthorizationError, AuthorizationErrorCode};
pub use authorization_response::{AuthorizationResponse, ReturnTo};
pub use client::{Client, ClientIndex, NotUsable};
pub use endpoint::{Endpoint, Metadata};
pub use error::{ErrorCode, OAuthError};
pub use grant::{Ask, Grant, Offer, Redeemed, Settled, Subject, Terms};
pub use issuer::{Issuer, NotAnIssuer};
pub use parameters::{ParameterFault, Parameters};
pub use response::json;
pub use scope::{DeclaredScope, ScopeCatalogue};
pub use server::{AuthorizationServer, Parts, Revocations, Routed, Signer};
