//! One question of a front: the original request rebuilt, then judged like any other.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use doorward_core::client_certificate::ClientCertificate;
use doorward_core::credential::Method;
use doorward_core::decision::DecisionId;
use doorward_core::gate::Admission;
use doorward_core::net::ClientAddress;
use doorward_core::policy::{Access, Cors};
use doorward_core::rejection::BodyFault;
use doorward_core::request::{
    Arrival, ManagedHeaders, RequestFault, Session, Transport, check_framing,
    spellings_of_parameter,
};
use doorward_core::{Permit, Refusal, RequestHead, cors};
use http::header::{HeaderName, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Response};

use super::identity::{Told, told};
use super::original::{Original, client};
use super::{Asker, Dialect, ForwardAuth};
use crate::door::Snapshot;
use crate::fault::Fault;
use crate::listener::Peer;

/// What became of a question.
pub(super) enum Verdict {
    /// The front may pass the call on.
    Allowed(Allowed),
    /// A browser's preflight, with its answer. The front must not pass it on.
    Preflight(DecisionId, Response<()>),
    /// The front must not pass the call on.
    Refused(Option<DecisionId>, Response<Bytes>),
}

/// An allowed call, and what the front must do before it passes it on.
pub(super) struct Allowed {
    pub(super) id: DecisionId,
    /// Every header of ours, with what the upstream must see in it, or nothing.
    pub(super) told: Told,
    /// The call's headers that carry credentials, where the answer says something of them.
    pub(super) credentials: Vec<HeaderName>,
    /// The names of the query's parameters that carry them, as they are written.
    pub(super) parameters: Vec<String>,
    /// They end here: the upstream must not see them.
    pub(super) spent: bool,
    /// The call's headers that the upstream must not see, whatever is decided; where the front
    /// can be told so.
    pub(super) unwanted: Vec<HeaderName>,
    /// How long the answer may be kept.
    pub(super) reuse: Option<Duration>,
}

impl Verdict {
    /// The decision's id; none where nothing was decided.
    pub(super) const fn decision_id(&self) -> Option<DecisionId> {
        match self {
            Self::Allowed(allowed) => Some(allowed.id),
            Self::Preflight(id, _) => Some(*id),
            Self::Refused(id, _) => *id,
        }
    }
}

/// Judges a question.
pub(super) async fn judge(snapshot: &Arc<Snapshot>, asker: Asker<'_>, asked: Parts) -> Verdict {
    let Asker { settings, peer, .. } = asker;
    let unread = |method: &http::Method, path: &str, fault| {
        let call = (method, path);
        let refusal = snapshot
            .gate
            .refuse_unread(settings.front(), call, peer.client, fault);
        Verdict::Refused(Some(refusal.decision_id()), refusal.response())
    };
    if !settings.peers.contains(peer.client) {
        return unread(
            &asked.method,
            asked.uri.path(),
            RequestFault::PeerNotTrusted,
        );
    }
    if asked.headers.len() > snapshot.limits.header_count {
        return Verdict::Refused(None, Fault::HeadTooLarge.response(None));
    }
    let read = settings.dialect.original(&asked);
    let read = read.and_then(|original| Ok((original, client(&asked.headers, &settings.peers)?)));
    let (original, client) = match read {
        Ok(read) => read,
        Err(fault) => return unread(&asked.method, asked.uri.path(), fault),
    };
    let call = Call {
        client,
        original,
        headers: asked.headers,
        body: None,
    };
    judge_call(snapshot, asker, call).await
}

/// A call as a front tells it.
pub(super) struct Call {
    pub(super) client: ClientAddress,
    pub(super) original: Original,
    pub(super) headers: HeaderMap,
    /// Its whole body, where the front shows it.
    pub(super) body: Option<Bytes>,
}

/// Judges a call that a trusted front tells of.
pub(super) async fn judge_call(snapshot: &Arc<Snapshot>, asker: Asker<'_>, call: Call) -> Verdict {
    let settings = asker.settings;
    if call.original.target.as_str().len() > snapshot.limits.uri_bytes {
        return Verdict::Refused(None, Fault::TargetTooLong.response(None));
    }
    // SECURITY: a front that tells all headers passes all on, and the API may read its framing
    // otherwise than the front. Those of a mere question have passed the same check.
    if let Err(fault) = check_framing(&call.headers) {
        let asked = (&call.original.method, call.original.target.path());
        let refusal = snapshot
            .gate
            .refuse_unread(settings.front(), asked, call.client, fault);
        return Verdict::Refused(Some(refusal.decision_id()), refusal.response());
    }
    let arrival = arrival(asker.peer, call.client, &call.original);
    let session = Session {
        certificate: certificate(snapshot, asker, (&call.headers, arrival)),
        ..Session::default()
    };
    let parts = call.original.into_parts(call.headers);
    let front = settings.front();
    let head = match snapshot.gate.receive_in(front, parts, arrival, session) {
        Ok(head) => head,
        Err(refusal) => {
            return Verdict::Refused(Some(refusal.decision_id()), refusal.response());
        }
    };
    let judged = match snapshot.gate.admit(&head).await {
        Ok(Admission::Preflight(preflight)) => {
            return Verdict::Preflight(preflight.decision_id(), preflight.response());
        }
        Ok(Admission::Permit(permit)) => Ok(permit),
        Ok(Admission::NeedsBody(pending)) => match call.body {
            Some(body) => pending.judge(body),
            // The body is with the front.
            None => Err(pending.refuse(BodyFault::Unseen)),
        },
        Err(refusal) => Err(refusal),
    };
    match judged {
        Ok(permit) => allow(snapshot, settings, &permit, &head),
        Err(refusal) => refused(&refusal, &head),
    }
}

fn refused(refusal: &Refusal, head: &RequestHead) -> Verdict {
    let mut response = refusal.response();
    if let Some(rule) = refusal.rule() {
        share(rule.cors.as_ref(), head, response.headers_mut());
    }
    Verdict::Refused(Some(refusal.decision_id()), response)
}

/// How the caller's bytes came to the front.
fn arrival(peer: Peer, client: ClientAddress, original: &Original) -> Arrival {
    let inside = peer.loopback && peer.client.ip().is_loopback() && client.ip().is_loopback();
    let transport = match (original.https, inside) {
        (true, _) => Transport::TrustedTerminator,
        // They have never left this machine.
        (false, true) => Transport::Loopback,
        (false, false) => Transport::Plain,
    };
    Arrival { client, transport }
}

/// The caller's certificate, as the front writes it into a header.
///
/// SECURITY: only where the operator named that header, which says that the front overwrites it,
/// and where the front says that the caller came over TLS. Over SPOP, the headers are those of the
/// caller.
fn certificate(
    snapshot: &Snapshot,
    asker: Asker<'_>,
    (headers, arrival): (&HeaderMap, Arrival),
) -> Option<Arc<ClientCertificate>> {
    let told = arrival.transport == Transport::TrustedTerminator
        && asker.settings.dialect != Dialect::Spop;
    let judge = snapshot.client_certificates(asker.listener);
    judge.filter(|_| told)?.of_headers(headers)
}

fn allow(
    snapshot: &Snapshot,
    settings: &ForwardAuth,
    permit: &Permit,
    head: &RequestHead,
) -> Verdict {
    let id = permit.decision_id();
    let told = match told(snapshot, permit) {
        Ok(told) => told,
        Err(fault) => {
            snapshot.access.failed(id, &fault);
            return Verdict::Refused(Some(id), fault.response(Some(id)));
        }
    };
    let managed = snapshot.gate.managed();
    // Looking at every name is worth its time only where it is told to somebody.
    let removes = settings.dialect.removes();
    let names = Some(head.headers().keys()).filter(|_| removes || settings.reuse.is_some());
    let names = names.into_iter().flatten();
    let credentials = names.filter(|name| managed.is_credential(name.as_str()));
    let in_query = match &permit.rule().access {
        Access::Guarded(guarded) => guarded.query_key.as_deref(),
        Access::Public => None,
    };
    Verdict::Allowed(Allowed {
        id,
        told,
        parameters: in_query.map_or_else(Vec::new, |name| {
            spellings_of_parameter(head.sent_target(), name)
        }),
        credentials: credentials.cloned().collect(),
        spent: !permit.rule().forwarding.pass_credential,
        unwanted: if removes {
            unwanted(head.headers(), managed)
        } else {
            Vec::new()
        },
        // SECURITY: a token may be bound to the certificate, which no cache compares.
        reuse: settings
            .reuse
            .filter(|_| head.certificate().is_none())
            .and_then(|longest| reuse(snapshot, permit, longest)),
    })
}

/// Headers that look managed and are Envoy's own word.
const OF_ENVOY: [&str; 3] = [
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-client-cert",
];

/// The caller's headers that an API must not see, whatever else is decided.
pub(super) fn unwanted(headers: &HeaderMap, managed: &ManagedHeaders) -> Vec<HeaderName> {
    let names = headers.keys().filter(|name| {
        let name = name.as_str();
        let of_envoy = OF_ENVOY.contains(&name) || name.starts_with("x-envoy-");
        managed.is_managed(name) && !of_envoy
    });
    names.cloned().collect()
}

/// How long an answer may be kept: never past the credential's end.
fn reuse(snapshot: &Snapshot, permit: &Permit, longest: Duration) -> Option<Duration> {
    // SECURITY: what is not asked for again is not counted.
    if !permit.rule().limits.is_empty() {
        return None;
    }
    let left = match permit.principal() {
        // SECURITY: a signature is good once, and for what it covers; nothing that a front could
        // compare tells its caller from one who sends none.
        Some(principal) if !is_shown(principal.identity().method) => return None,
        Some(principal) => principal.not_after().since(snapshot.gate.now()),
        None => longest,
    };
    let secs = Duration::from_secs(left.min(longest).as_secs());
    Some(secs).filter(|secs| !secs.is_zero())
}

/// Tells whether whoever shows the same credential again is the same caller.
const fn is_shown(method: Method) -> bool {
    matches!(method, Method::ApiKey | Method::Basic | Method::Jwt)
}

fn share(cors: Option<&Cors>, head: &RequestHead, into: &mut HeaderMap) {
    let Some(cors) = cors else { return };
    let mut asked = HeaderMap::new();
    if let Some(origin) = head.headers().get(ORIGIN) {
        asked.insert(ORIGIN, origin.clone());
    }
    cors::share(cors, &asked, into);
}
