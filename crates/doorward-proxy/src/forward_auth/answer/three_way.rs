//! Refusals for servers that understand 401 and 403, and fail at anything else: nginx.

use http::StatusCode;

/// A refusal. There is no way to say success, or anything that nginx would log as a mystery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ThreeWay {
    /// The caller must show a credential.
    Unauthorized,
    /// The caller may not, or must not like this.
    Forbidden,
    /// Our fault: the server answers 500.
    Failed,
}

impl ThreeWay {
    /// The nearest to a status.
    pub(super) fn of(wanted: StatusCode) -> Self {
        match wanted {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            other if other.is_server_error() => Self::Failed,
            _ => Self::Forbidden,
        }
    }

    /// The status that is answered.
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Failed => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
