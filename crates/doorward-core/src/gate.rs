//! The gate: four checks, in order, for every call and every front.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::request;

use crate::challenge::Challenge;
use crate::clock::{Clock, Timestamp};
use crate::cors::Preflight;
use crate::credential::{Method, Place, Presented};
use crate::decision::{Decision, DecisionId, DecisionIds, Journal};
use crate::front::Front;
use crate::limit::Limiter;
use crate::net::ClientAddress;
use crate::permit::Permit;
use crate::policy::{Access, Guarded, Policy, Rule, Signing};
use crate::refusal::Refusal;
use crate::rejection::{BodyFault, Denied, Misplaced, Reason, Rejection};
use crate::request::{Arrival, Form, ManagedHeaders, RequestFault, RequestHead, Session};
use crate::verified::{Identity, Principal, Verified};

mod count;
mod pending_body;

pub use pending_body::PendingBody;

/// A way to authenticate. One implementation per method.
pub trait Authenticator: Send + Sync {
    /// The method.
    fn method(&self) -> Method;

    /// Finds a credential of this method: no I/O, no opinion on whether it is genuine.
    /// `query_key` is the query parameter in which the rule lets a key come.
    ///
    /// # Errors
    /// [`Misplaced`] when it is there twice, or in a query that may not carry it.
    fn find<'h>(
        &self,
        head: &'h RequestHead,
        query_key: Option<&str>,
    ) -> Result<Option<Presented<'h>>, Misplaced>;

    /// Checks that a credential is genuine, for us, and bound to this caller.
    fn verify<'a>(&'a self, presented: Presented<'a>, head: &'a RequestHead) -> Verdict<'a>;

    /// The challenge that invites this method.
    fn challenge(&self, realm: &str) -> Challenge;

    /// The value of `Accept-Signature` for callers who sent no good credential (RFC 9421
    /// section 5.1); none for methods without it.
    fn accept_signature(&self, _guarded: &Guarded) -> Option<http::HeaderValue> {
        None
    }

    /// Hears of a credential that came over plain HTTP, so that it can be recorded as exposed.
    fn exposed(&self, _presented: &Presented<'_>) {}
}

/// The result of a verification: at once, or after waiting for a hash or a fetch.
pub enum Verdict<'a> {
    /// Known at once.
    Now(Result<Verified, Rejection>),
    /// Known later.
    Later(Pin<Box<dyn Future<Output = Result<Verified, Rejection>> + Send + 'a>>),
}

/// Tells whether what is known of revocations is fresh enough to judge by.
pub trait RevocationFeed: Send + Sync {
    /// False when a credential may have been revoked longer ago than the operator allows
    /// without our having heard of it. Then every guarded call is refused with 503.
    fn is_fresh(&self) -> bool;
}

/// Everything that a gate is made of.
pub struct Parts {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Decides.
    pub policy: Arc<dyn Policy>,
    /// The methods, in the order in which they claim an `Authorization` header.
    pub methods: Vec<Arc<dyn Authenticator>>,
    /// Counts the calls of rules that have limits.
    pub limiter: Arc<dyn Limiter>,
    /// Tells whether revocations are known.
    pub feed: Arc<dyn RevocationFeed>,
    /// Takes the record of every decision.
    pub journal: Arc<dyn Journal>,
    /// Makes decision ids.
    pub ids: Arc<DecisionIds>,
    /// Headers that callers may not send through.
    pub managed: ManagedHeaders,
    /// The realm in challenges.
    pub realm: Arc<str>,
}

/// The guard: turns a request into a [`Permit`] or a [`Refusal`], and records which.
pub struct Gate(Parts);

/// What the gate lets happen.
pub enum Admission {
    /// The call may be forwarded.
    Permit(Permit),
    /// A browser's preflight, answered by us and never forwarded.
    Preflight(Preflight),
    /// All four checks of the head are passed, and the rule judges the body too: only
    /// [`PendingBody::judge`] makes the permit. A front that cannot show the body refuses with
    /// [`PendingBody::refuse`] and [`BodyFault::Unseen`].
    NeedsBody(PendingBody),
}

/// What is known of a call so far.
struct Seen {
    /// The time: at the beginning, and again once the credential is known to be genuine.
    now: Timestamp,
    rule: Option<Arc<Rule>>,
    method: Option<Method>,
    identity: Option<Identity>,
}

impl Gate {
    /// Makes a gate.
    #[must_use]
    pub const fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// The headers that callers may not send through.
    #[must_use]
    pub const fn managed(&self) -> &ManagedHeaders {
        &self.0.managed
    }

    /// The time by which calls are judged.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Brings a request to our reverse proxy into its one canonical form.
    ///
    /// # Errors
    /// A recorded refusal when there is more than one way to read it.
    pub fn receive(&self, parts: request::Parts, arrival: Arrival) -> Result<RequestHead, Refusal> {
        self.receive_at(Front::Proxy, parts, arrival)
    }

    /// Brings a request into its one canonical form, at any front.
    ///
    /// # Errors
    /// As [`Gate::receive`].
    pub fn receive_at(
        &self,
        front: Front,
        parts: request::Parts,
        arrival: Arrival,
    ) -> Result<RequestHead, Refusal> {
        self.receive_in(front, parts, arrival, Session::default())
    }

    /// As [`Gate::receive_at`], with what the connection says beside the request.
    ///
    /// # Errors
    /// As [`Gate::receive`], and when the request is for another host than the connection.
    pub fn receive_in(
        &self,
        front: Front,
        parts: request::Parts,
        arrival: Arrival,
        session: Session,
    ) -> Result<RequestHead, Refusal> {
        let client = arrival.client;
        let form = Form::of(&parts, &self.0.managed)
            .and_then(|form| form.check_server_name(&session.server_name));
        match form {
            Ok(form) => form
                .complete(parts, arrival, (front, session.certificate))
                .map(|head| head.requiring_certificate(session.requires_certificate))
                .map_err(|fault| {
                    self.refuse_unread(front, (&http::Method::GET, ""), client, fault)
                }),
            Err(fault) => {
                Err(self.refuse_unread(front, (&parts.method, parts.uri.path()), client, fault))
            }
        }
    }

    /// Refuses a request that has no canonical form, given its method and path as far as they
    /// are known, and records it.
    #[must_use]
    pub fn refuse_unread(
        &self,
        front: Front,
        (method, path): (&http::Method, &str),
        client: ClientAddress,
        fault: RequestFault,
    ) -> Refusal {
        let id = self.0.ids.next();
        let rejection = Rejection::Malformed(fault);
        // The call is refused already; a lost record cannot refuse it twice.
        let _recorded = self.0.journal.record(&Decision {
            at: self.0.clock.now(),
            id,
            rejection: Some(&rejection),
            method: None,
            credential_id: None,
            subject: None,
            route: None,
            rule: None,
            http_method: method.as_str(),
            host: None,
            path,
            client,
            front,
            latency_us: 0,
        });
        Refusal::new(id, rejection, None, Vec::new())
    }

    /// Judges a call. One whose credential covers the body is refused at a front that never sees
    /// the body, unless its rule says that the head is enough.
    ///
    /// The answer is final but for [`Admission::NeedsBody`]: that decision is made, and recorded,
    /// when its body is judged, refused or dropped.
    ///
    /// # Errors
    /// A recorded refusal.
    pub async fn admit(&self, head: &RequestHead) -> Result<Admission, Refusal> {
        let start = self.0.clock.monotonic_micros();
        let id = self.0.ids.next();
        let mut seen = Seen {
            now: self.0.clock.now(),
            rule: None,
            method: None,
            identity: None,
        };
        let judged = if head.is_preflight() {
            self.preflight(id, head, &mut seen)
                .map(Admission::Preflight)
        } else {
            let passed = self.check(head, &mut seen).await;
            passed
                .and_then(|(rule, principal)| {
                    check_body_rule(&rule, head.front())?;
                    check_signed_body(&rule, principal.as_ref(), head.front())?;
                    Ok(Permit::new(id, rule, principal))
                })
                .and_then(|permit| self.limit(permit, (head, seen.method), start))
        };
        let judged = match judged {
            Ok(Admission::NeedsBody(pending)) => return Ok(Admission::NeedsBody(pending)),
            other => other,
        };
        let recorded = self.record(id, head, &seen, judged.as_ref().err(), start);
        match judged {
            Ok(admission) if recorded => Ok(admission),
            Ok(_) => Err(self.refuse(id, NOT_RECORDED.clone(), seen.rule)),
            Err(rejection) => Err(self.refuse(id, rejection, seen.rule)),
        }
    }

    /// Counts a call that has passed the checks; one with a body to judge when that is judged.
    fn limit(
        &self,
        permit: Permit,
        (head, method): (&RequestHead, Option<Method>),
        start: u64,
    ) -> Result<Admission, Rejection> {
        let (limiter, client) = (self.0.limiter.as_ref(), head.arrival().client);
        if permit.rule().binding.body.is_none() {
            return count::count(limiter, permit, client).map(Admission::Permit);
        }
        count::look(limiter, &permit, client)?;
        PendingBody::of(&self.0, permit, (head, method), start).map(Admission::NeedsBody)
    }

    /// The four checks.
    async fn check(
        &self,
        head: &RequestHead,
        seen: &mut Seen,
    ) -> Result<(Arc<Rule>, Option<Principal>), Rejection> {
        let rule = self.0.policy.rule_for(head).map_err(Rejection::Malformed)?;
        seen.rule.clone_from(&rule);
        let guarded = match rule.as_deref().map(|rule| &rule.access) {
            Some(Access::Public) => None,
            Some(Access::Guarded(guarded)) => Some(guarded),
            None => Some(&UNMATCHED),
        };
        if let Err(rejection) = check_connection(head, seen.now) {
            seen.method = Some(Method::Mtls);
            return Err(rejection);
        }
        let presented = self.find(head, guarded)?; // 1 present?
        let (Some(guarded), Some((authenticator, presented))) = (guarded, presented) else {
            return Ok((rule.ok_or(Rejection::Denied(Denied::NoRule))?, None));
        };
        seen.method = Some(presented.method());
        if !self.0.feed.is_fresh() {
            return Err(STALE.clone());
        }
        let verified = match authenticator.verify(presented.under(guarded), head) {
            Verdict::Now(verified) => verified?,
            Verdict::Later(verified) => verified.await?,
        }; // 2 valid?
        // SECURITY: not earlier than any moment that the method judged by, or what it found
        // revoked just now would be revoked in the future.
        seen.now = self.0.clock.now();
        check_issuer(guarded, &verified)?;
        seen.identity = Some(verified.identity().clone());
        let principal = verified.live_at(seen.now).map_err(Rejection::Expired)?; // 3 expired?
        let rule = rule.ok_or(Rejection::Denied(Denied::NoRule))?;
        self.0
            .policy
            .decide(&rule, &principal, head)
            .map_err(Rejection::Denied)?; // 4 allowed?
        Ok((rule, Some(principal)))
    }

    /// Check one: exactly one credential, in a place that may carry it, of an accepted method.
    /// Nothing is looked for to be judged where anybody may call.
    fn find<'h>(
        &'h self,
        head: &'h RequestHead,
        guarded: Option<&Guarded>,
    ) -> Result<Option<(&'h dyn Authenticator, Presented<'h>)>, Rejection> {
        let safe = head.arrival().transport.may_carry_credentials();
        if guarded.is_none() && safe {
            return Ok(None);
        }
        let query_key = guarded.and_then(|guarded| guarded.query_key.as_deref());
        let mut found: Option<(&dyn Authenticator, Presented<'h>)> = None;
        let mut held = None;
        for method in &self.0.methods {
            let claim = method.find(head, query_key).map_err(Rejection::Misplaced)?;
            let Some(claim) = claim else { continue };
            // SECURITY: what the connection holds is a binding, and a credential only where the
            // rule says so: otherwise it would stand in for a missing one.
            if claim.place() == Place::Connection && !names(guarded, method.method()) {
                held = Some((method.as_ref(), claim));
                continue;
            }
            match &found {
                None => found = Some((method.as_ref(), claim)),
                // SECURITY: one header, read by the first method that knows its shape; but two
                // places are two credentials, and which one counts must not be guessed.
                Some((_, first)) if first.place() == claim.place() => {}
                Some(_) => return Err(Rejection::Misplaced(Misplaced::Ambiguous)),
            }
        }
        if let (false, Some((method, presented))) = (safe, &found) {
            method.exposed(presented);
            return Err(Rejection::Misplaced(Misplaced::PlainHttp));
        }
        let Some(guarded) = guarded else {
            return Ok(None);
        };
        // Where no rule is, all methods look accepted, this one as well.
        let alone = guarded.accepts.is_empty() && head.authorization().is_none();
        match found.or(held.filter(|_| alone)) {
            None if head.authorization().is_some() => Err(Rejection::invalid(&UNRECOGNISED)),
            None => Err(Rejection::Missing),
            // SECURITY: the header that nobody knows may be a credential to somebody behind us.
            Some((_, presented))
                if presented.place() != Place::Authorization && head.authorization().is_some() =>
            {
                Err(Rejection::Misplaced(Misplaced::Ambiguous))
            }
            Some((method, _)) if !accepts(guarded, method.method()) => {
                Err(Rejection::invalid(&NOT_ACCEPTED))
            }
            some => Ok(some),
        }
    }

    fn preflight(
        &self,
        id: DecisionId,
        head: &RequestHead,
        seen: &mut Seen,
    ) -> Result<Preflight, Rejection> {
        let rule = self
            .0
            .policy
            .rule_for_preflight(head)
            .map_err(Rejection::Malformed)?;
        seen.rule.clone_from(&rule);
        let preflight = rule
            .as_deref()
            .and_then(|rule| rule.cors.as_ref())
            .and_then(|cors| Preflight::judge(id, cors, head.headers()))
            .ok_or(Rejection::Denied(Denied::Preflight))?;
        if let Some(rule) = &rule {
            count::count_preflight(self.0.limiter.as_ref(), rule, head.arrival().client)?;
        }
        Ok(preflight)
    }

    /// Records a decision; tells whether the call may go on.
    fn record(
        &self,
        id: DecisionId,
        head: &RequestHead,
        seen: &Seen,
        rejection: Option<&Rejection>,
        start: u64,
    ) -> bool {
        let identity = seen.identity.as_ref();
        let decision = Decision {
            at: seen.now,
            id,
            rejection,
            method: seen.method,
            credential_id: identity.map(|identity| &identity.credential_id),
            subject: identity.map(|identity| &*identity.subject),
            route: seen.rule.as_ref().map(|rule| &*rule.route),
            rule: seen.rule.as_ref().map(|rule| &*rule.name),
            http_method: head.method().as_str(),
            host: Some(head.host().as_str()),
            path: head.path(),
            client: head.arrival().client,
            front: head.front(),
            latency_us: self.0.clock.monotonic_micros().saturating_sub(start),
        };
        self.0.journal.record(&decision).is_ok()
    }

    /// Turns a rejection into a refusal with the challenges of the methods that are accepted.
    fn refuse(&self, id: DecisionId, rejection: Rejection, rule: Option<Arc<Rule>>) -> Refusal {
        let guarded = match rule.as_deref().map(|rule| &rule.access) {
            Some(Access::Guarded(guarded)) => guarded,
            Some(Access::Public) | None => &UNMATCHED,
        };
        let mut challenges: Vec<Challenge> = Vec::new();
        let mut accept_signature = None;
        for method in self
            .0
            .methods
            .iter()
            .filter(|method| accepts(guarded, method.method()))
        {
            accept_signature = accept_signature.or(method.accept_signature(guarded));
            let challenge = method.challenge(&self.0.realm);
            if !challenges
                .iter()
                .any(|known| known.scheme() == challenge.scheme())
            {
                challenges.push(challenge);
            }
        }
        challenges.sort_by_key(|challenge| challenge.scheme() != "Bearer");
        Refusal::new(id, rejection, rule, challenges).accepting(accept_signature)
    }
}

/// An operation that no rule covers looks guarded by every method to callers without a
/// credential, so that they cannot tell which operations exist.
static UNMATCHED: Guarded = Guarded {
    accepts: Vec::new(),
    scopes: crate::scope::ScopeSet::EMPTY,
    query_key: None,
    signing: Signing::NOTHING,
};

fn accepts(guarded: &Guarded, method: Method) -> bool {
    guarded.accepts.is_empty() || guarded.accepts.iter().any(|accept| accept.method == method)
}

/// Refuses a call under a rule about bodies where its body does not pass through us.
fn check_body_rule(rule: &Rule, front: Front) -> Result<(), Rejection> {
    let about_bodies = rule.binding.body.is_some() || rule.forwarding.max_body.is_some();
    // What is judged is bounded as well; a bound alone needs the body to pass through us.
    let shown = front.shows_body() && rule.binding.body.is_some();
    if about_bodies && !front.sees_body() && !shown {
        return Err(Rejection::Body(BodyFault::Unseen));
    }
    Ok(())
}

/// Refuses a call on a connection that would not be opened any more: where certificates are
/// required, they are so for every rule, for public ones and those about other credentials too.
///
/// SECURITY: the handshake judged the certificate once. It may have been revoked or have ended
/// since, and a revoked one gets through the handshake so that it is refused, and recorded, here.
fn check_connection(head: &RequestHead, now: Timestamp) -> Result<(), Rejection> {
    if !head.requires_certificate() {
        return Ok(());
    }
    let certificate = head.certificate().ok_or(Rejection::Missing)?;
    let trusted = certificate.trusted(now)?;
    trusted.validity.check(now).map_err(Rejection::Expired)
}

/// Tells whether a rule names a method.
fn names(guarded: Option<&Guarded>, method: Method) -> bool {
    guarded.is_some_and(|guarded| guarded.accepts.iter().any(|accept| accept.method == method))
}

/// Refuses a call whose credential covers the body where nobody would check it.
fn check_signed_body(
    rule: &Rule,
    principal: Option<&Principal>,
    front: Front,
) -> Result<(), Rejection> {
    let expects = principal.is_some_and(|principal| !principal.body().is_any());
    let head_only = match &rule.access {
        Access::Guarded(guarded) => guarded.signing.head_only,
        Access::Public => false,
    };
    if expects && !front.sees_body() && !head_only {
        return Err(Rejection::invalid(&BODY_UNSEEN));
    }
    Ok(())
}

/// Refuses a genuine credential of an issuer that the rule does not accept.
fn check_issuer(guarded: &Guarded, verified: &Verified) -> Result<(), Rejection> {
    let identity = verified.identity();
    let mut of_method = guarded
        .accepts
        .iter()
        .filter(|accept| accept.method == identity.method)
        .peekable();
    let accepted = of_method.peek().is_none()
        || of_method
            .any(|accept| accept.issuer.is_none() || accept.issuer == identity.grants.issuer);
    if accepted {
        Ok(())
    } else {
        Err(Rejection::invalid(&ISSUER_NOT_ACCEPTED))
    }
}

/// The reasons of the gate itself, for explaining a recorded decision.
pub const REASONS: &[&Reason] = &[
    &UNRECOGNISED,
    &NOT_ACCEPTED,
    &ISSUER_NOT_ACCEPTED,
    &BODY_UNSEEN,
    &STALE_REASON,
    &NOT_RECORDED_REASON,
];

const UNRECOGNISED: Reason = Reason {
    code: "credential_unrecognised",
    meaning: "The Authorization header holds no kind of credential that is configured.",
    fix: "Send `Authorization: Bearer` or `Basic` with a key, token or password of a configured \
          method.",
};
const NOT_ACCEPTED: Reason = Reason {
    code: "method_not_accepted",
    meaning: "The route does not accept this kind of credential.",
    fix: "Send another kind, or add the method to the route's `accept`.",
};
const ISSUER_NOT_ACCEPTED: Reason = Reason {
    code: "issuer_not_accepted",
    meaning: "The token is genuine, and the route does not accept its issuer.",
    fix: "Send a token of the route's issuer, or add the issuer to the route's `accept`.",
};
const BODY_UNSEEN: Reason = Reason {
    code: "signed_body_unseen",
    meaning: "The signature covers the body, and this front never sees the body.",
    fix: "Let signed calls come through the reverse proxy; or write `signature_head_only = true` \
          on the route, and check the body in the service.",
};
const STALE_REASON: Reason = Reason {
    code: "revocations_unknown",
    meaning: "The database could not be read for longer than `state.max_staleness`, so a \
                  revoked credential might look live.",
    fix: "Look at the database's disk and file; calls pass again once it can be read.",
};
const NOT_RECORDED_REASON: Reason = Reason {
    code: "journal_unavailable",
    meaning: "The decision could not be recorded, and the configuration asks for a record of \
                  every call.",
    fix: "Make room for the log, or set `log.on_failure = \"serve\"`.",
};

static STALE: Rejection = Rejection::Unavailable {
    reason: &STALE_REASON,
    retry_after: Duration::from_secs(5),
};
static NOT_RECORDED: Rejection = Rejection::Unavailable {
    reason: &NOT_RECORDED_REASON,
    retry_after: Duration::from_secs(5),
};

#[cfg(test)]
mod tests;
