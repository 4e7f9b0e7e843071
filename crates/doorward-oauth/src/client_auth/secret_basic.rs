//! `client_secret_basic`: id and secret in the `Authorization` header (RFC 6749 section 2.3.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_core::{RequestHead, Secret};
use doorward_store::ClientAuthMethod;

use super::{Shown, id, secret};
use crate::error::OAuthError;
use crate::parameters::decode;

/// The longest header value that is looked at, in bytes.
const MAX_LEN: usize = 1024;

/// Reads id and secret; none when there is no `Authorization` header.
pub(super) fn find<'a>(head: &RequestHead) -> Result<Option<Shown<'a>>, OAuthError> {
    let Some(value) = head.authorization() else {
        return Ok(None);
    };
    let malformed =
        || OAuthError::invalid_client().because("the Authorization header is not Basic");
    let text = str::from_utf8(value)
        .ok()
        .filter(|text| text.len() <= MAX_LEN);
    let (scheme, rest) = text
        .and_then(|text| text.split_once(' '))
        .ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return Err(malformed());
    }
    let decoded = STANDARD.decode(rest.trim()).map_err(|_| malformed())?;
    let decoded = Secret::new(decoded);
    let mut halves = decoded.expose().splitn(2, |byte| *byte == b':');
    let (Some(name), Some(given)) = (halves.next(), halves.next()) else {
        return Err(malformed());
    };
    // Some clients encode both as the section says and some do not. Ours have only characters
    // that read the same either way.
    let name = decode(name).map_err(|_| malformed())?;
    let given = decode(given).map(Secret::new).map_err(|_| malformed())?;
    Ok(Some(Shown {
        method: ClientAuthMethod::SecretBasic,
        id: id(&name)?,
        secret: Some(secret::Presented::owned(given)),
    }))
}
