//! Who the client is (RFC 6749 section 2.3): the one way it was registered for, and no other.

use std::sync::Arc;

use doorward_core::{RequestHead, Timestamp};
use doorward_crypto::hash::key_digest::Peppers;
use doorward_store::{ClientAuthMethod, ClientId};

use crate::client::{Client, ClientIndex};
use crate::error::OAuthError;
use crate::parameters::Parameters;

mod none;
pub mod secret;
mod secret_basic;
mod secret_post;

/// The ways that are built, as the metadata lists them.
pub const METHODS: &[ClientAuthMethod] = &[
    ClientAuthMethod::SecretBasic,
    ClientAuthMethod::SecretPost,
    ClientAuthMethod::None,
];

/// What authentication needs to know.
pub struct Known<'a> {
    /// The clients.
    pub clients: &'a ClientIndex,
    /// The peppers of their secrets.
    pub peppers: &'a Peppers,
    /// The present moment.
    pub now: Timestamp,
}

/// What a request shows of its client.
struct Shown<'a> {
    method: ClientAuthMethod,
    id: ClientId,
    secret: Option<secret::Presented<'a>>,
}

/// Finds the client and checks that it authenticates as it was registered.
///
/// # Errors
/// `invalid_request` when two ways are used at once, else `invalid_client`: which part was wrong
/// is for the operator.
pub fn authenticate(
    known: &Known<'_>,
    head: &RequestHead,
    form: &Parameters,
) -> Result<Arc<Client>, OAuthError> {
    let shown = find(head, form)?;
    let client = known.clients.lookup(&shown.id);
    let refuse = |cause: &str| Err(OAuthError::invalid_client().because(cause));
    // SECURITY: the digest is made for clients that do not exist as well.
    let right = shown
        .secret
        .as_ref()
        .map(|secret| secret::matches(known, &shown.id, secret, client.as_deref()));
    let Some(client) = client else {
        return refuse("the client is not known");
    };
    if client.record().auth_method != shown.method {
        return refuse("the client is registered for another way to authenticate");
    }
    match (shown.method, right) {
        (ClientAuthMethod::None, None) => none::check(client),
        (_, Some(true)) => Ok(client),
        _ => refuse("the client's secret is wrong or has ended"),
    }
}

/// Finds the one way that is used.
fn find<'a>(head: &RequestHead, form: &'a Parameters) -> Result<Shown<'a>, OAuthError> {
    let basic = secret_basic::find(head)?;
    let post = secret_post::find(form)?;
    let assertion = form
        .get("client_assertion")
        .or(form.get("client_assertion_type"));
    let ways = [basic.is_some(), post.is_some(), assertion.is_some()];
    if ways.iter().filter(|used| **used).count() > 1 {
        let sentence = "The client authenticates in more than one way at once.";
        return Err(OAuthError::invalid_request(sentence));
    }
    if assertion.is_some() {
        return Err(OAuthError::invalid_client().because("private_key_jwt is not built"));
    }
    match basic.or(post) {
        Some(shown) => {
            // Some clients repeat the id in the body; then it must be the same.
            if form
                .get("client_id")
                .is_some_and(|id| id != shown.id.as_str())
            {
                let sentence = "The client_id in the body is not the one that authenticates.";
                return Err(OAuthError::invalid_request(sentence));
            }
            Ok(shown)
        }
        None => none::find(form),
    }
}

/// Reads a `client_id`. A text that can be none is an unknown client.
fn id(text: &str) -> Result<ClientId, OAuthError> {
    ClientId::parse(text)
        .map_err(|_| OAuthError::invalid_client().because("the client_id is not one"))
}
