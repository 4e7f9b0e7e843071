//! A call that waits for its body to be judged.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method as HttpMethod};

use super::{NOT_RECORDED, Parts, count};
use crate::clock::Clock;
use crate::credential::Method;
use crate::decision::{Decision, DecisionId, Journal};
use crate::front::Front;
use crate::limit::Limiter;
use crate::net::ClientAddress;
use crate::permit::Permit;
use crate::policy::{BodyRule, Policy};
use crate::refusal::Refusal;
use crate::rejection::{BodyFault, Rejection};
use crate::request::{Host, RequestHead};
use crate::verified::Principal;

/// A call whose head is allowed and whose body is not judged yet.
///
/// It is no permit, and becomes one only by [`PendingBody::judge`]. Dropped, it is recorded as a
/// refused call whose body never came.
pub struct PendingBody(Box<Waiting>);

/// Everything that judging and recording will need.
struct Waiting {
    /// What the head allows. It never leaves this type.
    draft: Permit,
    policy: Arc<dyn Policy>,
    limiter: Arc<dyn Limiter>,
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    method: Option<Method>,
    http_method: HttpMethod,
    host: Host,
    path: Box<str>,
    client: ClientAddress,
    front: Front,
    has_type: bool,
    /// What the gate has taken so far, in microseconds.
    spent: u64,
    recorded: bool,
}

impl PendingBody {
    /// Lets a permit wait for its body.
    ///
    /// # Errors
    /// What the head says already: the body is too large, coded, or no JSON.
    pub(super) fn of(
        parts: &Parts,
        draft: Permit,
        (head, method): (&RequestHead, Option<Method>),
        start: u64,
    ) -> Result<Self, Rejection> {
        let has_type = match &draft.rule().binding.body {
            Some(rule) => check_head(rule, head.headers()).map_err(Rejection::Body)?,
            None => false,
        };
        Ok(Self(Box::new(Waiting {
            draft,
            policy: Arc::clone(&parts.policy),
            limiter: Arc::clone(&parts.limiter),
            journal: Arc::clone(&parts.journal),
            clock: Arc::clone(&parts.clock),
            method,
            http_method: head.method().clone(),
            host: head.host().clone(),
            path: head.path().into(),
            client: head.arrival().client,
            front: head.front(),
            has_type,
            spent: parts.clock.monotonic_micros().saturating_sub(start),
            recorded: false,
        })))
    }

    /// The decision's id.
    #[must_use]
    pub const fn decision_id(&self) -> DecisionId {
        self.0.draft.decision_id()
    }

    /// Who calls, where that is asked.
    #[must_use]
    pub const fn principal(&self) -> Option<&Principal> {
        self.0.draft.principal()
    }

    /// How many bytes the body may have. A front reads no more than that, and refuses with
    /// [`BodyFault::TooLarge`] when there are more.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        let body = self.0.draft.rule().binding.body.as_ref();
        body.map_or(0, |rule| rule.max_bytes)
    }

    /// Judges the whole body, and whether the credential has outlived its coming. The permit
    /// carries these bytes, and they are what is passed on.
    ///
    /// # Errors
    /// A recorded refusal.
    pub fn judge(mut self, body: Bytes) -> Result<Permit, Refusal> {
        let start = self.0.clock.monotonic_micros();
        let judged = self.decide(&body);
        let taken = self.0.clock.monotonic_micros().saturating_sub(start);
        self.0.spent = self.0.spent.saturating_add(taken);
        let draft = &self.0.draft;
        let principal = draft.principal().cloned();
        let permit = Permit::new(draft.decision_id(), Arc::clone(draft.rule()), principal);
        let counted =
            judged.and_then(|()| count::count(self.0.limiter.as_ref(), permit, self.0.client));
        match counted {
            Err(rejection) => Err(self.refuse_because(rejection)),
            Ok(_) if !self.0.record(None) => Err(self.refusal(NOT_RECORDED.clone())),
            Ok(permit) => Ok(permit.with_body(body)),
        }
    }

    /// Refuses the call because its body cannot be had.
    #[must_use]
    pub fn refuse(self, fault: BodyFault) -> Refusal {
        self.refuse_because(Rejection::Body(fault))
    }

    fn decide(&self, body: &[u8]) -> Result<(), Rejection> {
        // SECURITY: the front bounds what it reads; what it shows is bounded here.
        if body.len() > self.max_bytes() {
            return Err(Rejection::Body(BodyFault::TooLarge));
        }
        if !body.is_empty() && !self.0.has_type {
            return Err(Rejection::Body(BodyFault::MediaType));
        }
        let draft = &self.0.draft;
        // SECURITY: a body may take its time; check three is for the moment of the decision.
        let ended = |principal: &Principal| self.0.clock.now() >= principal.not_after();
        if draft.principal().is_some_and(ended) {
            return Err(Rejection::Body(BodyFault::Late));
        }
        self.0
            .policy
            .decide_body(draft.rule(), draft.principal(), body)
    }

    fn refuse_because(mut self, rejection: Rejection) -> Refusal {
        // The call is refused already; a lost record cannot refuse it twice.
        let _recorded = self.0.record(Some(&rejection));
        self.refusal(rejection)
    }

    fn refusal(&self, rejection: Rejection) -> Refusal {
        let draft = &self.0.draft;
        let rule = Some(Arc::clone(draft.rule()));
        Refusal::new(draft.decision_id(), rejection, rule, Vec::new())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.recorded {
            self.record(Some(&Rejection::Body(BodyFault::Unfinished)));
        }
    }
}

impl Waiting {
    /// Records the decision; tells whether the call may go on.
    fn record(&mut self, rejection: Option<&Rejection>) -> bool {
        self.recorded = true;
        let identity = self.draft.principal().map(Principal::identity);
        let rule = self.draft.rule();
        let decision = Decision {
            at: self.clock.now(),
            id: self.draft.decision_id(),
            rejection,
            method: self.method,
            credential_id: identity.map(|identity| &identity.credential_id),
            subject: identity.map(|identity| &*identity.subject),
            route: Some(&rule.route),
            rule: Some(&rule.name),
            http_method: self.http_method.as_str(),
            host: Some(self.host.as_str()),
            path: &self.path,
            client: self.client,
            front: self.front,
            latency_us: self.spent,
        };
        self.journal.record(&decision).is_ok()
    }
}

/// Refuses by the head what cannot be judged; tells whether a media type is stated.
fn check_head(rule: &BodyRule, headers: &HeaderMap) -> Result<bool, BodyFault> {
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(BodyFault::Encoded);
    }
    if let Some(declared) = headers.get(CONTENT_LENGTH) {
        let length: Option<usize> = declared.to_str().ok().and_then(|text| text.parse().ok());
        match length {
            Some(length) if length <= rule.max_bytes => {}
            // A length of more digits than a number holds is too long as well.
            _ => return Err(BodyFault::TooLarge),
        }
    }
    let mut stated = headers.get_all(CONTENT_TYPE).iter();
    match (stated.next(), stated.next()) {
        (None, _) => Ok(false),
        (Some(text), None) if accepts(rule, text.as_bytes()) => Ok(true),
        _ => Err(BodyFault::MediaType),
    }
}

/// Tells whether a media type is accepted. JSON is UTF-8 (RFC 8259 section 8.1): no other
/// charset, and no other parameter, under which a server may read the bytes differently.
fn accepts(rule: &BodyRule, stated: &[u8]) -> bool {
    let mut parts = stated.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let essence = parts.next().unwrap_or_default();
    let utf8 = |part: &[u8]| {
        [&b"charset=utf-8"[..], b"charset=\"utf-8\""]
            .iter()
            .any(|known| part.eq_ignore_ascii_case(known))
    };
    let mut known = rule.types.iter();
    known.any(|name| essence.eq_ignore_ascii_case(name.as_bytes()))
        && parts.next().is_none_or(utf8)
        && parts.next().is_none()
}
