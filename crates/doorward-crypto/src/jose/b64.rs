//! Base64url as JOSE spells it (RFC 7515 section 2, RFC 4648 section 5).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

/// A text that is not the one spelling of some bytes in base64url.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("not base64url without padding")]
pub struct NotBase64Url;

/// Encodes bytes without padding.
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes a text without padding, whitespace or set trailing bits, so that every sequence of
/// bytes has one spelling.
///
/// # Errors
/// [`NotBase64Url`] for every other text.
pub fn decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, NotBase64Url> {
    // SECURITY: this engine refuses padding and set trailing bits. Deny lists and caches rely
    // on a token having one spelling.
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotBase64Url)
}
