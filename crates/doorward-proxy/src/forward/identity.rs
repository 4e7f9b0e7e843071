//! What the upstream is told about the caller.

use std::fmt::Write as _;

use doorward_core::verified::Principal;
use doorward_core::{Permit, RequestHead};
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

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
    client: HeaderValue,
    proto: HeaderValue,
    host: HeaderValue,
    caller: Option<Caller>,
}

struct Caller {
    subject: HeaderValue,
    method: HeaderValue,
    credential: HeaderValue,
    scopes: HeaderValue,
    issuer: Option<HeaderValue>,
    assertion: Option<HeaderValue>,
}

impl Identity {
    /// Writes down who calls, as the gate found.
    pub(super) fn of(
        permit: &Permit,
        head: &RequestHead,
        upstream: &Upstream,
        snapshot: &Snapshot,
        client: HeaderValue,
    ) -> Result<Self, Fault> {
        let arrival = head.arrival();
        let caller = permit
            .principal()
            .map(|principal| Caller::of(principal, upstream, snapshot))
            .transpose()?;
        Ok(Self {
            client,
            proto: HeaderValue::from_static(arrival.transport.scheme()),
            host: HeaderValue::from_str(head.host().as_str()).map_err(|_| Fault::Request)?,
            caller,
        })
    }

    /// Sets our headers. Whatever bore their names before is gone.
    pub(super) fn set(self, headers: &mut HeaderMap, decision: HeaderValue) {
        headers.reserve(if self.caller.is_some() { 10 } else { 4 });
        headers.insert(FORWARDED_FOR, self.client);
        headers.insert(FORWARDED_PROTO, self.proto);
        headers.insert(FORWARDED_HOST, self.host);
        headers.insert(DECISION, decision);
        let Some(caller) = self.caller else { return };
        headers.insert(SUBJECT, caller.subject);
        headers.insert(METHOD, caller.method);
        headers.insert(CREDENTIAL, caller.credential);
        headers.insert(SCOPES, caller.scopes);
        if let Some(issuer) = caller.issuer {
            headers.insert(ISSUER, issuer);
        }
        if let Some(assertion) = caller.assertion {
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
    let caller = caller.map(|principal| Caller::of(principal, upstream, snapshot));
    let caller = caller.transpose()?;
    let decision = HeaderValue::from_str(&permit.decision_id().to_string());
    let of = |part: fn(&Caller) -> Option<HeaderValue>| caller.as_ref().and_then(part);
    Ok([
        (DECISION, decision.ok()),
        (SUBJECT, of(|caller| Some(caller.subject.clone()))),
        (METHOD, of(|caller| Some(caller.method.clone()))),
        (CREDENTIAL, of(|caller| Some(caller.credential.clone()))),
        (SCOPES, of(|caller| Some(caller.scopes.clone()))),
        (ISSUER, of(|caller| caller.issuer.clone())),
        (ASSERTION, of(|caller| caller.assertion.clone())),
    ])
}

impl Caller {
    fn of(principal: &Principal, upstream: &Upstream, snapshot: &Snapshot) -> Result<Self, Fault> {
        let identity = principal.identity();
        let assertion = match (&snapshot.assertion, &upstream.audience) {
            (Some(signer), Some(audience)) => Some(
                signer
                    .assertion(principal, audience)
                    .ok_or(Fault::Assertion)?,
            ),
            // SECURITY: an upstream that expects a signature gets no call without one.
            (None, Some(_)) => return Err(Fault::Assertion),
            (_, None) => None,
        };
        Ok(Self {
            subject: text(&identity.subject)?,
            method: HeaderValue::from_static(identity.method.as_str()),
            credential: text(identity.credential_id.as_str())?,
            scopes: value(identity.grants.scopes.to_string())?,
            issuer: identity.grants.issuer.as_deref().map(text).transpose()?,
            assertion,
        })
    }
}

fn value(text: String) -> Result<HeaderValue, Fault> {
    HeaderValue::try_from(text).map_err(|_| Fault::Request)
}

/// A header value for any text: what is not visible ASCII is percent-encoded, and so is `%`, so
/// that two different subjects never look the same.
fn text(text: &str) -> Result<HeaderValue, Fault> {
    if text.bytes().all(is_plain) {
        return HeaderValue::from_str(text).map_err(|_| Fault::Request);
    }
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            let _written = write!(out, "%{byte:02X}");
        }
    }
    value(out)
}

/// Visible ASCII but `%`; and no comma, where some servers split values.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'%' && byte != b','
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn r100_a_subject_is_one_unambiguous_header_value() {
        for (subject, sent) in [
            ("alice", "alice"),
            ("jo\u{e9}", "jo%C3%A9"),
            ("jo%C3%A9", "jo%25C3%25A9"),
            ("a b", "a%20b"),
            ("a,b", "a%2Cb"),
            (
                "a\r\nX-Doorward-Scopes: admin",
                "a%0D%0AX-Doorward-Scopes:%20admin",
            ),
            ("", ""),
        ] {
            assert_eq!(text(subject).unwrap(), sent, "{subject:?}");
        }
    }
}
