//! A recorded refusal, and the one function that turns it into an answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::challenge::Challenge;
use crate::decision::{DecisionId, put_text};
use crate::json::JsonError;
use crate::limit;
use crate::policy::Rule;
use crate::rejection::{BodyFault, Denied, Expired, Misplaced, Rejection};
use crate::request::RequestFault;

const ACCEPT_SIGNATURE: HeaderName = HeaderName::from_static("accept-signature");

/// A refused call: what the operator can read in the records, and what the caller hears.
pub struct Refusal {
    id: DecisionId,
    rejection: Rejection,
    rule: Option<Arc<Rule>>,
    challenges: Vec<Challenge>,
    accept_signature: Option<Box<HeaderValue>>,
}

/// What the caller hears: a fixed code and a fixed sentence, the same for every cause that a
/// caller must not tell apart.
struct Answer {
    status: StatusCode,
    code: &'static str,
    sentence: &'static str,
    /// The error code of RFC 6750 section 3.1.
    bearer_error: Option<&'static str>,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) const fn new(
        id: DecisionId,
        rejection: Rejection,
        rule: Option<Arc<Rule>>,
        challenges: Vec<Challenge>,
    ) -> Self {
        Self {
            id,
            rejection,
            rule,
            challenges,
            accept_signature: None,
        }
    }

    pub(crate) fn accepting(self, accept_signature: Option<HeaderValue>) -> Self {
        Self {
            accept_signature: accept_signature.map(Box::new),
            ..self
        }
    }

    /// The decision's id.
    #[must_use]
    pub const fn decision_id(&self) -> DecisionId {
        self.id
    }

    /// The cause, for the operator.
    #[must_use]
    pub const fn rejection(&self) -> &Rejection {
        &self.rejection
    }

    /// The rule that covers the call, if one does.
    #[must_use]
    pub const fn rule(&self) -> Option<&Arc<Rule>> {
        self.rule.as_ref()
    }

    /// Tells whether the rest of the caller's body is still on its way and unwanted, so that the
    /// connection is of no more use.
    #[must_use]
    pub const fn leaves_body_unread(&self) -> bool {
        matches!(
            self.rejection,
            Rejection::Body(
                BodyFault::Altered
                    | BodyFault::Broken
                    | BodyFault::Stalled
                    | BodyFault::TooLarge
                    | BodyFault::NoRoom
            )
        )
    }

    /// The answer: status, challenges and an RFC 9457 body.
    #[must_use]
    pub fn response(&self) -> Response<Bytes> {
        let answer = self.answer();
        let mut response = Response::new(self.body(&answer));
        *response.status_mut() = answer.status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = answer.retry_after {
            let secs = wait.as_nanos().div_ceil(1_000_000_000).max(1);
            headers.insert(RETRY_AFTER, u64::try_from(secs).unwrap_or(u64::MAX).into());
        }
        if let Rejection::Limited(exceeded) = &self.rejection {
            limit::headers(std::slice::from_ref(&exceeded.standing), headers);
        }
        for challenge in self.challenges(&answer) {
            headers.append(WWW_AUTHENTICATE, challenge.to_header_value());
        }
        if let (StatusCode::UNAUTHORIZED, Some(wanted)) = (answer.status, &self.accept_signature) {
            headers.insert(ACCEPT_SIGNATURE, HeaderValue::clone(wanted));
        }
        response
    }

    fn challenges(&self, answer: &Answer) -> Vec<Challenge> {
        let bearer_only = match answer.status {
            StatusCode::UNAUTHORIZED => false,
            StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN if answer.bearer_error.is_some() => {
                true
            }
            _ => return Vec::new(),
        };
        let wanted = |challenge: &&Challenge| !bearer_only || challenge.scheme() == "Bearer";
        let complete = |challenge: &Challenge| match answer.bearer_error {
            Some(error) if challenge.scheme() == "Bearer" => {
                let mut challenge = challenge.clone().with("error", error);
                if let Rejection::Denied(Denied::Scope { required }) = &self.rejection {
                    challenge = challenge.with("scope", required.to_string());
                }
                challenge.with("error_description", answer.sentence)
            }
            _ => challenge.clone(),
        };
        self.challenges
            .iter()
            .filter(wanted)
            .map(complete)
            .collect()
    }

    fn body(&self, answer: &Answer) -> Bytes {
        let mut out = Vec::with_capacity(320);
        for (n, (name, value)) in [
            ("type", &*format!("urn:doorward:problem:{}", answer.code)),
            (
                "title",
                answer.status.canonical_reason().unwrap_or("Refused"),
            ),
            ("code", answer.code),
            ("detail", answer.sentence),
            ("decision_id", &self.id.to_string()),
        ]
        .into_iter()
        .enumerate()
        {
            out.extend_from_slice(if n == 0 { b"{\"" } else { b",\"" });
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":\"");
            put_text(&mut out, value);
            out.push(b'"');
        }
        out.extend_from_slice(b",\"status\":");
        out.extend_from_slice(answer.status.as_str().as_bytes());
        out.extend_from_slice(b"}\n");
        out.into()
    }

    /// The one mapping from causes to answers.
    const fn answer(&self) -> Answer {
        match &self.rejection {
            Rejection::Missing => MISSING,
            Rejection::Malformed(RequestFault::Misdirected) => MISDIRECTED,
            Rejection::Malformed(_) => MALFORMED,
            Rejection::Misplaced(Misplaced::Ambiguous | Misplaced::InQuery) => MISPLACED,
            Rejection::Misplaced(Misplaced::PlainHttp) => HTTPS_REQUIRED,
            Rejection::Expired(Expired::Past { .. }) => EXPIRED,
            // SECURITY: unknown, forged, revoked and not yet valid sound the same.
            Rejection::Invalid { .. }
            | Rejection::Expired(Expired::NotYetValid { .. } | Expired::Revoked { .. }) => INVALID,
            Rejection::Denied(Denied::Scope { .. }) => SCOPE,
            Rejection::Denied(Denied::NoRule | Denied::Preflight | Denied::Owner { .. })
            | Rejection::Body(BodyFault::Unseen) => FORBIDDEN,
            Rejection::Denied(Denied::Member { .. } | Denied::Shape { .. })
            | Rejection::Body(BodyFault::Json(JsonError::DuplicateMember)) => BODY_DENIED,
            Rejection::Body(fault) => body_answer(*fault),
            Rejection::Limited(exceeded) => LIMITED.after(exceeded.retry_after),
            Rejection::Throttled { retry_after, .. } => TOO_MANY.after(*retry_after),
            Rejection::Unavailable { retry_after, .. } => UNAVAILABLE.after(*retry_after),
        }
    }
}

/// What the caller hears of a body that cannot be judged.
const fn body_answer(fault: BodyFault) -> Answer {
    match fault {
        BodyFault::Unseen => FORBIDDEN,
        BodyFault::Stalled => BODY_TIMEOUT,
        BodyFault::Late => CREDENTIAL_ENDED,
        BodyFault::TooLarge | BodyFault::Json(JsonError::TooLarge) => BODY_TOO_LARGE,
        BodyFault::NoRoom => UNAVAILABLE.after(Duration::from_secs(1)),
        BodyFault::Altered => BODY_ALTERED,
        BodyFault::Encoded | BodyFault::MediaType => BODY_TYPE,
        BodyFault::Unfinished | BodyFault::Broken | BodyFault::Json(_) => BODY_MALFORMED,
    }
}

impl Answer {
    const fn new(
        status: StatusCode,
        code: &'static str,
        sentence: &'static str,
        bearer_error: Option<&'static str>,
    ) -> Self {
        Self {
            status,
            code,
            sentence,
            bearer_error,
            retry_after: None,
        }
    }

    const fn after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }
}

const MISSING: Answer = Answer::new(
    StatusCode::UNAUTHORIZED,
    "credential_missing",
    "This request needs a credential.",
    None,
);
const MALFORMED: Answer = Answer::new(
    StatusCode::BAD_REQUEST,
    "request_malformed",
    "The request can be read in more than one way.",
    None,
);
const MISDIRECTED: Answer = Answer::new(
    StatusCode::MISDIRECTED_REQUEST,
    "misdirected",
    "This connection was made for another host. Make a new one.",
    None,
);
const MISPLACED: Answer = Answer::new(
    StatusCode::BAD_REQUEST,
    "credential_misplaced",
    "Send exactly one credential, in a header.",
    Some("invalid_request"),
);
const HTTPS_REQUIRED: Answer = Answer::new(
    StatusCode::BAD_REQUEST,
    "https_required",
    "Credentials are accepted over HTTPS only. Replace this one: it may have been read.",
    Some("invalid_request"),
);
const EXPIRED: Answer = Answer::new(
    StatusCode::UNAUTHORIZED,
    "credential_expired",
    "The credential has expired.",
    Some("invalid_token"),
);
const INVALID: Answer = Answer::new(
    StatusCode::UNAUTHORIZED,
    "credential_invalid",
    "The credential is not valid.",
    Some("invalid_token"),
);
const SCOPE: Answer = Answer::new(
    StatusCode::FORBIDDEN,
    "insufficient_scope",
    "The credential may not do this.",
    Some("insufficient_scope"),
);
const FORBIDDEN: Answer = Answer::new(
    StatusCode::FORBIDDEN,
    "forbidden",
    "The credential may not do this.",
    None,
);
const BODY_DENIED: Answer = Answer::new(
    StatusCode::FORBIDDEN,
    "body_field_denied",
    "The request body has a member that the credential may not set.",
    None,
);
const BODY_MALFORMED: Answer = Answer::new(
    StatusCode::BAD_REQUEST,
    "body_malformed",
    "The request body is malformed or incomplete.",
    None,
);
const BODY_ALTERED: Answer = Answer::new(
    StatusCode::UNAUTHORIZED,
    "body_altered",
    "The request body is not the one that was signed.",
    None,
);
const BODY_TIMEOUT: Answer = Answer::new(
    StatusCode::REQUEST_TIMEOUT,
    "body_timeout",
    "The request body did not arrive in time.",
    None,
);
const CREDENTIAL_ENDED: Answer = Answer::new(
    StatusCode::FORBIDDEN,
    "credential_ended",
    "The credential ended before the request did.",
    None,
);
const BODY_TOO_LARGE: Answer = Answer::new(
    StatusCode::PAYLOAD_TOO_LARGE,
    "body_too_large",
    "The request body is larger than this address accepts.",
    None,
);
const BODY_TYPE: Answer = Answer::new(
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    "body_type",
    "Send the request body as plain, uncompressed JSON.",
    None,
);
const TOO_MANY: Answer = Answer::new(
    StatusCode::TOO_MANY_REQUESTS,
    "too_many_attempts",
    "Too many attempts. Wait before the next one.",
    None,
);
const LIMITED: Answer = Answer::new(
    StatusCode::TOO_MANY_REQUESTS,
    "rate_limited",
    "Too many calls. Wait before the next one.",
    None,
);
const UNAVAILABLE: Answer = Answer::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "unavailable",
    "The request could not be judged. Try again later.",
    None,
);
