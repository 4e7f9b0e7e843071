//! Why a call is refused.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::limit::Exceeded;
use crate::request::RequestFault;

mod body;
mod denied;

pub use body::BodyFault;
pub use denied::{Denied, OwnerFault};

/// The check that refused a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Check {
    /// Is a credential present, exactly one?
    Present,
    /// Is it genuine, for us, and bound to this caller?
    Valid,
    /// Is it live?
    Expired,
    /// May it do this?
    Allowed,
    /// Could we judge it at all?
    Available,
}

impl Check {
    /// The name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Allowed => "allowed",
            Self::Available => "available",
        }
    }
}

/// A fixed explanation for the operator, declared beside the code that refuses.
#[derive(PartialEq, Eq, Debug)]
pub struct Reason {
    /// The code in records: `jwt_audience`.
    pub code: &'static str,
    /// What happened, as a sentence.
    pub meaning: &'static str,
    /// What to do about it, as a sentence.
    pub fix: &'static str,
}

/// Why a call is refused. Exhaustive on purpose: every front answers every case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rejection {
    /// No credential where one is needed.
    Missing,
    /// The request itself cannot be read in one way only.
    Malformed(RequestFault),
    /// The request carries credentials in a way that is refused before they are judged.
    Misplaced(Misplaced),
    /// The credential is not genuine, not for us, or not this caller's.
    Invalid {
        /// The fixed reason.
        reason: &'static Reason,
        /// What was found, for the operator: may hold text chosen by the caller, never a secret.
        detail: Option<Box<str>>,
    },
    /// The credential is genuine and not live.
    Expired(Expired),
    /// The caller is known and may not do this.
    Denied(Denied),
    /// The rule judges the body, and this one cannot be judged.
    Body(BodyFault),
    /// Too many attempts.
    Throttled {
        /// The fixed reason.
        reason: &'static Reason,
        /// When to come back.
        retry_after: Duration,
    },
    /// The caller may do this, and has done it too often.
    Limited(Box<Exceeded>),
    /// Our fault: the call could not be judged.
    Unavailable {
        /// The fixed reason.
        reason: &'static Reason,
        /// When to come back.
        retry_after: Duration,
    },
}

/// Credentials in the wrong number or place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misplaced {
    /// Two credentials, of one method or of two.
    Ambiguous,
    /// A credential in the query of a route that does not take it there.
    InQuery,
    /// A credential over plain HTTP.
    PlainHttp,
}

/// Why a genuine credential is not live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expired {
    /// Its time has not come.
    NotYetValid {
        /// When it starts.
        from: Timestamp,
    },
    /// Its time is over.
    Past {
        /// When it ended.
        since: Timestamp,
    },
    /// Somebody ended it.
    Revoked {
        /// When.
        at: Timestamp,
    },
}

impl Rejection {
    /// Refuses a credential with a fixed reason.
    #[must_use]
    pub const fn invalid(reason: &'static Reason) -> Self {
        Self::Invalid {
            reason,
            detail: None,
        }
    }

    /// Refuses a credential with a fixed reason and what was found.
    #[must_use]
    pub fn invalid_because(reason: &'static Reason, detail: impl Into<Box<str>>) -> Self {
        Self::Invalid {
            reason,
            detail: Some(detail.into()),
        }
    }

    /// The check that refused.
    #[must_use]
    pub fn check(&self) -> Check {
        match self {
            Self::Missing | Self::Misplaced(Misplaced::Ambiguous | Misplaced::InQuery) => {
                Check::Present
            }
            Self::Malformed(fault) if fault.is_two_credentials() => Check::Present,
            Self::Malformed(_) | Self::Misplaced(Misplaced::PlainHttp) | Self::Invalid { .. } => {
                Check::Valid
            }
            Self::Expired(_) => Check::Expired,
            Self::Body(BodyFault::NoRoom) => Check::Available,
            Self::Denied(_) | Self::Body(_) | Self::Limited(_) => Check::Allowed,
            Self::Throttled { .. } | Self::Unavailable { .. } => Check::Available,
        }
    }

    /// The code in records.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(fault) => fault.code(),
            other => other.reason().code,
        }
    }

    /// The explanation for the operator.
    #[must_use]
    pub const fn reason(&self) -> &'static Reason {
        match self {
            Self::Missing => &MISSING,
            Self::Malformed(RequestFault::Misdirected) => &MISDIRECTED,
            Self::Malformed(_) => &MALFORMED,
            Self::Misplaced(Misplaced::Ambiguous) => &AMBIGUOUS,
            Self::Misplaced(Misplaced::InQuery) => &IN_QUERY,
            Self::Misplaced(Misplaced::PlainHttp) => &PLAIN_HTTP,
            Self::Invalid { reason, .. }
            | Self::Throttled { reason, .. }
            | Self::Unavailable { reason, .. } => reason,
            Self::Expired(Expired::NotYetValid { .. }) => &NOT_YET_VALID,
            Self::Expired(Expired::Past { .. }) => &EXPIRED,
            Self::Expired(Expired::Revoked { .. }) => &REVOKED,
            Self::Limited(_) => &LIMITED,
            Self::Denied(denied) => denied.reason(),
            Self::Body(fault) => fault.reason(),
        }
    }

    /// What was found, for the operator.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Malformed(fault) => Some(fault.to_string()),
            Self::Invalid { detail, .. } => detail.as_deref().map(str::to_owned),
            Self::Expired(Expired::NotYetValid { from }) => Some(format!("valid from {from}")),
            Self::Expired(Expired::Past { since }) => Some(format!("ended {since}")),
            Self::Expired(Expired::Revoked { at }) => Some(format!("revoked {at}")),
            Self::Limited(exceeded) => Some(exceeded.standing.limit.to_string()),
            Self::Denied(denied) => denied.detail(),
            Self::Body(fault) => Some(fault.to_string()),
            Self::Missing
            | Self::Misplaced(_)
            | Self::Throttled { .. }
            | Self::Unavailable { .. } => None,
        }
    }
}

/// The reasons of this crate, for explaining a recorded decision.
pub const REASONS: &[&Reason] = &[
    &MISSING,
    &MALFORMED,
    &MISDIRECTED,
    &AMBIGUOUS,
    &IN_QUERY,
    &PLAIN_HTTP,
    &NOT_YET_VALID,
    &EXPIRED,
    &REVOKED,
    &denied::NO_RULE,
    &denied::SCOPE,
    &denied::PREFLIGHT,
    &denied::OWNER,
    &denied::MEMBER,
    &denied::SHAPE,
    &body::UNSEEN,
    &body::UNFINISHED,
    &body::STALLED,
    &body::LATE,
    &body::TOO_LARGE,
    &body::NO_ROOM,
    &body::ENCODED,
    &body::MEDIA_TYPE,
    &body::DUPLICATE,
    &body::SYNTAX,
    &LIMITED,
];

const MISSING: Reason = Reason {
    code: "credential_missing",
    meaning: "The request has no credential.",
    fix: "Send an API key, a token or Basic credentials of a kind that the route accepts.",
};
const MALFORMED: Reason = Reason {
    code: "request_malformed",
    meaning: "The request can be read in more than one way.",
    fix: "Send the path, host and headers in their plain form, each header once.",
};
const MISDIRECTED: Reason = Reason {
    code: "host_misdirected",
    meaning: "The request asks for another host than the one that its TLS handshake named, on a \
              listener that asks for client certificates.",
    fix: "Let the caller connect with the name of the host that it asks for (SNI).",
};
const AMBIGUOUS: Reason = Reason {
    code: "credentials_ambiguous",
    meaning: "The request carries more than one credential.",
    fix: "Send exactly one credential.",
};
const IN_QUERY: Reason = Reason {
    code: "credential_in_query",
    meaning: "The request carries a credential in its query, where logs and browsers keep it.",
    fix: "Send the credential in a header; replace it if the address was logged or shared.",
};
const PLAIN_HTTP: Reason = Reason {
    code: "credential_over_plain_http",
    meaning: "The credential came over plain HTTP and may have been read on its way.",
    fix: "Call over HTTPS and replace the credential; or name the TLS terminator in front of \
          the listener in `trusted_terminators`.",
};
const NOT_YET_VALID: Reason = Reason {
    code: "credential_not_yet_valid",
    meaning: "The credential is genuine and its time has not come.",
    fix: "Wait, or compare the clocks of the issuer and of this machine.",
};
const EXPIRED: Reason = Reason {
    code: "credential_expired",
    meaning: "The credential is genuine and its time is over.",
    fix: "Get a new one: `doorward key rotate`, or a new token from the issuer.",
};
const REVOKED: Reason = Reason {
    code: "credential_revoked",
    meaning: "The credential is genuine and was revoked.",
    fix: "Find out why it was revoked; create a new one if the caller may have it.",
};
const LIMITED: Reason = Reason {
    code: "rate_limited",
    meaning: "The caller may do this, and has used up a limit on how often.",
    fix: "Wait as long as `Retry-After` says; or raise the limit in the configuration.",
};

#[cfg(test)]
mod tests {
    use super::{Check, Rejection};
    use crate::request::RequestFault;

    #[test]
    fn r020_g11_two_authorization_headers_fail_the_check_for_one_credential() {
        let check = |name| Rejection::Malformed(RequestFault::Duplicate(name)).check();
        assert_eq!(check("Authorization"), Check::Present);
        assert_eq!(check("Host"), Check::Valid);
    }
}
