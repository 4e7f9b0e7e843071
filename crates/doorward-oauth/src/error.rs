//! What a client hears when it is refused (RFC 6749 section 5.2, RFC 8707 section 2).

use bytes::Bytes;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use crate::response;

/// The registered words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ErrorCode {
    /// The request cannot be read in one way only.
    InvalidRequest,
    /// The client is not known, or did not prove who it is.
    InvalidClient,
    /// What was shown gives nothing: unknown, ended, used, or somebody else's.
    InvalidGrant,
    /// The client may not use this grant.
    UnauthorizedClient,
    /// Nobody may: the grant is not built here.
    UnsupportedGrantType,
    /// The scope is unknown, malformed, or more than may be given.
    InvalidScope,
    /// The resource is unknown, or not the client's (RFC 8707).
    InvalidTarget,
    /// The body is larger than accepted.
    TooLarge,
    /// Our fault: try again.
    TemporarilyUnavailable,
}

impl ErrorCode {
    /// The word in the answer.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest | Self::TooLarge => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// The status at the endpoints that answer with JSON.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// A refusal: a word and a fixed sentence for the client, a cause for the operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OAuthError {
    /// The word.
    pub code: ErrorCode,
    /// A fixed sentence. SECURITY: never made of what was sent, and without the word `scope=`.
    pub description: &'static str,
    /// What happened, for the operator alone. Never a secret.
    pub cause: Option<Box<str>>,
}

impl OAuthError {
    /// A refusal.
    #[must_use]
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        Self {
            code,
            description,
            cause: None,
        }
    }

    /// Adds what only the operator hears.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into().into_boxed_str());
        self
    }

    /// What the client sent cannot be read.
    #[must_use]
    pub const fn invalid_request(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }

    /// The one answer to every failure to authenticate: which part was wrong is not told.
    #[must_use]
    pub const fn invalid_client() -> Self {
        let sentence = "The client is not known here, or did not authenticate as registered.";
        Self::new(ErrorCode::InvalidClient, sentence)
    }

    /// What was shown gives nothing.
    #[must_use]
    pub const fn invalid_grant(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidGrant, description)
    }

    /// Our fault. The store's words are for the operator.
    #[must_use]
    pub fn unavailable(cause: impl Into<String>) -> Self {
        let sentence = "This cannot be answered just now. Try again shortly.";
        Self::new(ErrorCode::TemporarilyUnavailable, sentence).because(cause)
    }

    /// The answer as JSON, never to be stored.
    #[must_use]
    pub fn response(&self) -> Response<Bytes> {
        let body = json!({ "error": self.code.as_str(), "error_description": self.description });
        let mut response = response::json(self.code.status(), &body);
        let headers = response.headers_mut();
        match self.code {
            ErrorCode::InvalidClient => {
                let challenge = HeaderValue::from_static("Basic realm=\"doorward\"");
                headers.insert(WWW_AUTHENTICATE, challenge);
            }
            ErrorCode::TemporarilyUnavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}
