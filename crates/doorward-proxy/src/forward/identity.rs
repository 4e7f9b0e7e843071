//! What the upstream is told about the caller.

use doorward_core::Permit;
use doorward_core::verified::Principal;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

use super::caller::Caller;
use crate::door::Snapshot;
use crate::fault::Fault;
use crate::upstream::Upstream;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const SUBJECT: HeaderName = HeaderName::from_static("x-doorward-subject");
const METHOD: HeaderName = HeaderName::from_static("x-doorward-method");
const CREDENTIAL: HeaderName = HeaderName::from_static("x-doorward-credential");
const SCOPES: HeaderName = HeaderName::from_static("x-doorward-scopes");
const ISSUER: HeaderName = HeaderName::from_static("x-doorward-issuer");
const DECISION: HeaderName = HeaderName::from_static("x-doorward-decision");
const ASSERTION: HeaderName = HeaderName::from_static("doorward-assertion");

/// The values of our headers, ready before any of the caller's is touched.
pub(super) struct Identity {
    shown: Shown,
    caller: Option<(Caller, Option<HeaderValue>)>,
}

/// How the call came, as the upstream is told.
pub(super) struct Shown {
    /// The caller's address.
    pub(super) client: HeaderValue,
    /// `http` or `https`.
    pub(super) proto: HeaderValue,
    /// The host that was asked for.
    pub(super) host: HeaderValue,
}

impl Identity {
    /// Writes down who calls, as the gate found.
    pub(super) fn of(
        permit: &Permit,
        shown: Shown,
        upstream: &Upstream,
        snapshot: &Snapshot,
    ) -> Result<Self, Fault> {
        let caller = match permit.principal() {
            None => None,
            Some(principal) => Some((
                Caller::of(principal.identity())?,
                assertion(principal, upstream, snapshot)?,
            )),
        };
        Ok(Self { shown, caller })
    }

    /// Sets our headers. Whatever bore their names before is gone.
    pub(super) fn set(self, headers: &mut HeaderMap, decision: HeaderValue) {
        headers.reserve(if self.caller.is_some() { 10 } else { 4 });
        headers.insert(FORWARDED_FOR, self.shown.client);
        headers.insert(FORWARDED_PROTO, self.shown.proto);
        headers.insert(FORWARDED_HOST, self.shown.host);
        headers.insert(DECISION, decision);
        let Some((caller, assertion)) = self.caller else {
            return;
        };
        headers.insert(SUBJECT, caller.subject);
        headers.insert(METHOD, caller.method);
        headers.insert(CREDENTIAL, caller.credential);
        headers.insert(SCOPES, caller.scopes);
        if let Some(issuer) = caller.issuer {
            headers.insert(ISSUER, issuer);
        }
        if let Some(assertion) = assertion {
            headers.insert(ASSERTION, assertion);
        }
    }
}

/// What a server that passes a call on itself must set: every name of ours, with nothing where
/// the upstream must see nothing.
pub(crate) fn told_by_a_front(
    permit: &Permit,
    snapshot: &Snapshot,
) -> Result<[(HeaderName, Option<HeaderValue>); 7], Fault> {
    let name = &permit.rule().forwarding.upstream;
    let upstream = snapshot.upstreams.get(name).ok_or(Fault::UpstreamUnknown)?;
    let caller = permit.principal();
    let caller = caller.map(|principal| Caller::of(principal.identity()));
    let caller = caller.transpose()?;
    let assertion = match permit.principal() {
        Some(principal) => assertion(principal, upstream, snapshot)?,
        None => None,
    };
    let decision = HeaderValue::from_bytes(&permit.decision_id().to_ascii());
    let of = |part: fn(&Caller) -> Option<HeaderValue>| caller.as_ref().and_then(part);
    Ok([
        (DECISION, decision.ok()),
        (SUBJECT, of(|caller| Some(caller.subject.clone()))),
        (METHOD, of(|caller| Some(caller.method.clone()))),
        (CREDENTIAL, of(|caller| Some(caller.credential.clone()))),
        (SCOPES, of(|caller| Some(caller.scopes.clone()))),
        (ISSUER, of(|caller| caller.issuer.clone())),
        (ASSERTION, assertion),
    ])
}

/// The signed statement of who calls, where the upstream expects one.
fn assertion(
    principal: &Principal,
    upstream: &Upstream,
    snapshot: &Snapshot,
) -> Result<Option<HeaderValue>, Fault> {
    match (&snapshot.assertion, &upstream.audience) {
        (Some(signer), Some(audience)) => signer
            .assertion(principal, audience)
            .ok_or(Fault::Assertion)
            .map(Some),
        // SECURITY: an upstream that expects a signature gets no call without one.
        (None, Some(_)) => Err(Fault::Assertion),
        (_, None) => Ok(None),
    }
}
