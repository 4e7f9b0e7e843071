//! `client_secret_post`: id and secret in the body (RFC 6749 section 2.3.1).

use doorward_store::ClientAuthMethod;

use super::{Shown, id, secret};
use crate::error::OAuthError;
use crate::parameters::Parameters;

/// Reads id and secret; none when there is no secret.
pub(super) fn find(form: &Parameters) -> Result<Option<Shown<'_>>, OAuthError> {
    let Some(given) = form.get("client_secret") else {
        return Ok(None);
    };
    let Some(text) = form.get("client_id") else {
        let sentence = "The client_secret comes without a client_id.";
        return Err(OAuthError::invalid_request(sentence));
    };
    Ok(Some(Shown {
        method: ClientAuthMethod::SecretPost,
        id: id(text)?,
        secret: Some(secret::Presented::borrowed(given)),
    }))
}
