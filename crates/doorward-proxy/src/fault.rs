//! Why a permitted call could not be passed on, and what the caller hears of it.

use bytes::Bytes;
use doorward_core::decision::DecisionId;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use thiserror::Error;

/// A failure on the way to an upstream or back. The text is for the operator.
#[derive(Debug, Error)]
pub enum Fault {
    /// The rule names an upstream that the snapshot does not have.
    #[error("the rule's upstream is not configured")]
    UpstreamUnknown,
    /// The upstream's name cannot be resolved.
    #[error("the upstream's name cannot be resolved: {0}")]
    Resolve(std::io::Error),
    /// The upstream refused the connection or cannot be reached.
    #[error("the upstream cannot be reached: {0}")]
    Connect(std::io::Error),
    /// The TLS handshake with the upstream failed; its certificate may not be trusted.
    #[error("the upstream's TLS handshake failed: {0}")]
    Tls(std::io::Error),
    /// The upstream did not accept the connection in time.
    #[error("the upstream did not accept the connection in time")]
    ConnectTimeout,
    /// The upstream has as many calls as it may have at once.
    #[error("the upstream has as many calls as its breaker allows")]
    Overloaded,
    /// The upstream did not answer in time.
    #[error("the upstream did not answer in time")]
    ResponseTimeout,
    /// The upstream broke the protocol or hung up.
    #[error("the upstream's answer is not HTTP: {0}")]
    Protocol(#[from] hyper::Error),
    /// The upstream switched protocols in a way nobody asked for.
    #[error("the upstream switched protocols without being asked to")]
    Upgrade,
    /// The request cannot be expressed towards the upstream.
    #[error("the request cannot be expressed towards the upstream")]
    Request,
    /// Who calls could not be signed.
    #[error("the assertion of who calls could not be signed")]
    Assertion,
    /// The body is larger than the rule allows.
    #[error("the request body is larger than the rule allows")]
    BodyTooLarge,
    /// The body's framing is broken, or the caller hung up.
    #[error("the request body is broken or incomplete")]
    BodyBroken,
    /// The body is not the one that was signed.
    #[error("the request body is not the one that was signed")]
    BodyAltered,
    /// The body made no progress.
    #[error("the request body made no progress")]
    BodyStalled,
    /// The caller's credential ended while its body was on its way.
    #[error("the credential ended before the request body did")]
    CredentialEnded,
    /// The target is longer than the limit.
    #[error("the request target is too long")]
    TargetTooLong,
    /// The head has more fields or bytes than the limits.
    #[error("the request head is too large")]
    HeadTooLarge,
}

impl Fault {
    /// The code that callers and records see.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.answer().1
    }

    /// The one mapping from failures to answers.
    const fn answer(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::UpstreamUnknown
            | Self::Resolve(_)
            | Self::Connect(_)
            | Self::Tls(_)
            | Self::Protocol(_)
            | Self::Upgrade
            | Self::Request => (
                StatusCode::BAD_GATEWAY,
                "upstream_failed",
                "The service behind this address cannot be reached or gave no valid answer.",
            ),
            Self::ConnectTimeout | Self::ResponseTimeout => (
                StatusCode::GATEWAY_TIMEOUT,
                "upstream_timeout",
                "The service behind this address did not answer in time.",
            ),
            Self::Overloaded => (
                StatusCode::SERVICE_UNAVAILABLE,
                "upstream_overloaded",
                "The service behind this address has too much to do. Try again later.",
            ),
            Self::Assertion => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "The request could not be passed on. Try again later.",
            ),
            Self::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The request body is larger than this address accepts.",
            ),
            Self::BodyBroken => (
                StatusCode::BAD_REQUEST,
                "body_malformed",
                "The request body is malformed or incomplete.",
            ),
            Self::BodyAltered => (
                StatusCode::UNAUTHORIZED,
                "body_altered",
                "The request body is not the one that was signed.",
            ),
            Self::BodyStalled => (
                StatusCode::REQUEST_TIMEOUT,
                "body_timeout",
                "The request body did not arrive in time.",
            ),
            Self::CredentialEnded => (
                StatusCode::FORBIDDEN,
                "credential_ended",
                "The credential ended before the request did.",
            ),
            Self::TargetTooLong => (
                StatusCode::URI_TOO_LONG,
                "target_too_long",
                "The request target is too long.",
            ),
            Self::HeadTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "head_too_large",
                "The request head is too large.",
            ),
        }
    }

    /// Tells whether the caller's connection is of no more use: its body was not read to the end.
    const fn ends_connection(&self) -> bool {
        matches!(
            self,
            Self::BodyTooLarge
                | Self::CredentialEnded
                | Self::BodyBroken
                | Self::BodyAltered
                | Self::BodyStalled
                | Self::TargetTooLong
                | Self::HeadTooLarge
        )
    }

    /// The answer: an RFC 9457 body with fixed text.
    #[must_use]
    pub fn response(&self, decision: Option<DecisionId>) -> Response<Bytes> {
        let (status, code, sentence) = self.answer();
        let title = status.canonical_reason().unwrap_or("Failed");
        let id = decision.map_or_else(String::new, |id| format!(",\"decision_id\":\"{id}\""));
        let number = status.as_u16();
        let body = format!(
            "{{\"type\":\"urn:doorward:problem:{code}\",\"title\":\"{title}\",\"code\":\"{code}\",\
             \"detail\":\"{sentence}\"{id},\"status\":{number}}}\n"
        );
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(self, Self::BodyAltered) {
            let challenge = HeaderValue::from_static("Signature realm=\"doorward\"");
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if matches!(self, Self::Overloaded) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.ends_connection() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
