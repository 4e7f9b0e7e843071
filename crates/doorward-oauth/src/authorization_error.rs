//! What a client hears when an authorization is refused (RFC 6749 section 4.1.2.1, RFC 8707
//! section 2, OpenID Connect Core section 3.1.2.6).

use crate::error::{ErrorCode, OAuthError};

/// The registered words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AuthorizationErrorCode {
    /// The request cannot be read in one way only, or lacks something.
    InvalidRequest,
    /// The client is not known here, or not in this way.
    UnauthorizedClient,
    /// The user or the policy said no.
    AccessDenied,
    /// Anything but `code`.
    UnsupportedResponseType,
    /// The scope is unknown, malformed, or more than may be given.
    InvalidScope,
    /// The resource is unknown, or not the client's.
    InvalidTarget,
    /// Nobody is signed in, and nobody may be asked.
    LoginRequired,
    /// The user did not allow it yet, and may not be asked.
    ConsentRequired,
    /// Request objects are not read here.
    RequestNotSupported,
    /// Nor are they fetched.
    RequestUriNotSupported,
    /// Our fault: try again.
    TemporarilyUnavailable,
}

impl AuthorizationErrorCode {
    /// The word in the answer.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }
}

/// A refusal: a word and a fixed sentence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AuthorizationError {
    /// The word.
    pub code: AuthorizationErrorCode,
    /// A fixed sentence. SECURITY: never made of what was sent.
    pub description: &'static str,
}

impl AuthorizationError {
    /// A refusal.
    #[must_use]
    pub const fn new(code: AuthorizationErrorCode, description: &'static str) -> Self {
        Self { code, description }
    }

    /// What the client sent cannot be read.
    #[must_use]
    pub const fn invalid_request(description: &'static str) -> Self {
        Self::new(AuthorizationErrorCode::InvalidRequest, description)
    }
}

/// What checks shared with the token endpoint say.
impl From<OAuthError> for AuthorizationError {
    fn from(error: OAuthError) -> Self {
        let code = match error.code {
            ErrorCode::InvalidScope => AuthorizationErrorCode::InvalidScope,
            ErrorCode::InvalidTarget => AuthorizationErrorCode::InvalidTarget,
            ErrorCode::TemporarilyUnavailable => AuthorizationErrorCode::TemporarilyUnavailable,
            _ => AuthorizationErrorCode::InvalidRequest,
        };
        Self::new(code, error.description)
    }
}
