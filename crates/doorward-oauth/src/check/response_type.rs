//! `response_type` and `response_mode` (RFC 6749 section 3.1.1, OAuth 2.0 Form Post Response
//! Mode).

use crate::authorization_error::{AuthorizationError, AuthorizationErrorCode};
use crate::parameters::Parameters;

/// How the answer travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ResponseMode {
    /// In the query of the redirection URI.
    #[default]
    Query,
    /// As a form.
    FormPost,
}

impl ResponseMode {
    /// Those there are.
    pub const ALL: &'static [Self] = &[Self::Query, Self::FormPost];

    /// The registered word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
        }
    }
}

/// Reads `response_mode`.
///
/// # Errors
/// `invalid_request` for one that is not built.
pub fn response_mode(form: &Parameters) -> Result<ResponseMode, AuthorizationError> {
    let Some(text) = form.get("response_mode") else {
        return Ok(ResponseMode::default());
    };
    let mut modes = ResponseMode::ALL.iter().copied();
    let sentence = "This response_mode does not exist here.";
    modes
        .find(|mode| mode.as_str() == text)
        .ok_or(AuthorizationError::invalid_request(sentence))
}

/// Checks `response_type`: there is no file for any other.
///
/// # Errors
/// `unsupported_response_type`, `invalid_request` when it is missing.
pub fn response_type(form: &Parameters) -> Result<(), AuthorizationError> {
    match form.get("response_type") {
        Some("code") => Ok(()),
        Some(_) => Err(AuthorizationError::new(
            AuthorizationErrorCode::UnsupportedResponseType,
            "Only the response_type code exists here.",
        )),
        None => Err(AuthorizationError::invalid_request(
            "The response_type is missing.",
        )),
    }
}
