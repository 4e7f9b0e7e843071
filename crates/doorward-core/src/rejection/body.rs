//! Why a body could not be judged, or was refused as a whole.

use thiserror::Error;

use super::Reason;
use crate::json::JsonError;

/// A body that is not passed on, whatever is in it. No body is ever passed on unjudged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum BodyFault {
    /// The front that asked cannot show a body.
    #[error("the request was judged without its body")]
    Unseen,
    /// The call ended before its body did.
    #[error("the call ended before its body")]
    Unfinished,
    /// The framing is broken.
    #[error("the body's framing is broken")]
    Broken,
    /// It did not arrive in time.
    #[error("the body did not arrive in time")]
    Stalled,
    /// The credential ended, or changed, before the body had come.
    #[error("the credential ended before the body had come")]
    Late,
    /// It is larger than the rule allows.
    #[error("the body is larger than the rule allows")]
    TooLarge,
    /// Too many bodies are waiting to be judged or passed on.
    #[error("too many bodies are held")]
    NoRoom,
    /// It is not the one that the credential covers.
    #[error("the body is not the one that was signed")]
    Altered,
    /// It is compressed, or coded in another way.
    #[error("the body has a Content-Encoding")]
    Encoded,
    /// Its media type is not one that the rule accepts, or is not stated once.
    #[error("the body's Content-Type is not accepted")]
    MediaType,
    /// It cannot be read as JSON in one way.
    #[error("{0}")]
    Json(#[from] JsonError),
}

impl BodyFault {
    /// The explanation for the operator.
    #[must_use]
    pub const fn reason(self) -> &'static Reason {
        match self {
            Self::Unseen => &UNSEEN,
            Self::Unfinished | Self::Broken => &UNFINISHED,
            Self::Stalled => &STALLED,
            Self::Late => &LATE,
            Self::TooLarge | Self::Json(JsonError::TooLarge) => &TOO_LARGE,
            Self::NoRoom => &NO_ROOM,
            Self::Altered => &ALTERED,
            Self::Encoded => &ENCODED,
            Self::MediaType => &MEDIA_TYPE,
            Self::Json(JsonError::DuplicateMember) => &DUPLICATE,
            Self::Json(JsonError::TooDeep | JsonError::Syntax | JsonError::NotAnObject) => &SYNTAX,
        }
    }
}

pub(super) const UNSEEN: Reason = Reason {
    code: "body_unseen",
    meaning: "The rule judges the body, and the call came in a way that does not show it.",
    fix: "Let the call pass through Doorward's own proxy; or take `body` and `owner.body` off \
          the route and judge them in the API.",
};
pub(super) const UNFINISHED: Reason = Reason {
    code: "body_unfinished",
    meaning: "The rule judges the body, and it broke off or its framing is wrong.",
    fix: "Look at the caller's connection; the upstream has heard nothing of this call.",
};
pub(super) const STALLED: Reason = Reason {
    code: "body_stalled",
    meaning: "The rule judges the body, and it did not arrive within `limits.body_idle`.",
    fix: "Send it faster, or give `limits.body_idle` more time.",
};
pub(super) const LATE: Reason = Reason {
    code: "credential_ended",
    meaning: "The rule judges the body, and the credential ended, or was revoked or changed, while \
              the body was on its way.",
    fix: "Call again with a credential that lives; send the body faster.",
};
pub(super) const TOO_LARGE: Reason = Reason {
    code: "body_too_large",
    meaning: "The rule judges the body, and it is larger than the route's `max_body`.",
    fix: "Send less, or set `max_body` on the route, up to 1 MiB.",
};
pub(super) const NO_ROOM: Reason = Reason {
    code: "bodies_full",
    meaning: "All bodies that are being judged or passed on take more than `limits.held_bodies`.",
    fix: "Find out who sends so many at a time; or give `limits.held_bodies` more memory.",
};
pub(super) const ALTERED: Reason = Reason {
    code: "body_altered",
    meaning: "The credential covers the body, and another one came.",
    fix: "Find out who changes bodies on the way; or sign the body that is sent.",
};
pub(super) const ENCODED: Reason = Reason {
    code: "body_encoded",
    meaning: "The rule judges the body, and a Content-Encoding hides what is in it.",
    fix: "Send it without compression and without the Content-Encoding header.",
};
pub(super) const MEDIA_TYPE: Reason = Reason {
    code: "body_media_type",
    meaning: "The rule judges the body, and its Content-Type is missing, there twice, or not one \
              that the rule accepts.",
    fix: "Send `Content-Type: application/json`, or name the type in `body.types` of the route.",
};
pub(super) const DUPLICATE: Reason = Reason {
    code: "body_duplicate_member",
    meaning: "An object in the body names a member twice, so that two readers see two bodies.",
    fix: "Send every member once.",
};
pub(super) const SYNTAX: Reason = Reason {
    code: "body_not_json",
    meaning: "The rule judges the body, and it is not one JSON text in UTF-8, or nests too deep.",
    fix: "Send one JSON text without a byte order mark and with nothing behind it.",
};
