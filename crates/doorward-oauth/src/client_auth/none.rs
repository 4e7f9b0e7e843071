//! `none`: a public client only says its name (RFC 6749 section 3.2.1).

use std::sync::Arc;

use doorward_store::ClientAuthMethod;

use super::{Shown, id};
use crate::client::Client;
use crate::error::OAuthError;
use crate::parameters::Parameters;

/// Reads the `client_id` of the body.
pub(super) fn find(form: &Parameters) -> Result<Shown<'_>, OAuthError> {
    let Some(text) = form.get("client_id") else {
        return Err(OAuthError::invalid_client().because("the request names no client"));
    };
    Ok(Shown {
        method: ClientAuthMethod::None,
        id: id(text)?,
        secret: None,
    })
}

/// Accepts a client that was registered as public.
pub(super) fn check(client: Arc<Client>) -> Result<Arc<Client>, OAuthError> {
    if client.is_public() {
        Ok(client)
    } else {
        Err(OAuthError::invalid_client().because("the client did not authenticate"))
    }
}
