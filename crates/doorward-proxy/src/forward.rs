//! Passing a permitted call on. Needs a [`Permit`], which only the gate makes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use doorward_core::policy::Access;
use doorward_core::request::without_credentials;
use doorward_core::{Permit, RequestHead};
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Request, Response, Uri, Version};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::body::{CallerBody, CheckedBody, Upload, UploadEnd, UploadState, judged};
use crate::door::Snapshot;
use crate::extended_connect::Exit;
use crate::fault::Fault;
use crate::pulse::Pulse;
use crate::term::Term;
use crate::upstream::{Hold, Lease, Route, Upstream};

mod caller;
mod deadline;
mod exchange;
mod hop_by_hop;
mod identity;
mod request_headers;
mod response_headers;
mod websocket;

use deadline::Deadline;

pub(crate) use identity::told_by_a_front;
pub(crate) use request_headers::strip_trailers;
pub(crate) use websocket::Handshake;

/// A call on its way: the permit, the request, and where it goes.
pub(crate) struct Call<'s> {
    pub(crate) snapshot: &'s Arc<Snapshot>,
    pub(crate) term: Option<Term>,
    pub(crate) permit: Permit,
    pub(crate) head: RequestHead,
    pub(crate) body: CallerBody,
    pub(crate) exit: Option<Exit>,
    /// The caller's address as a header value.
    pub(crate) client: HeaderValue,
    /// The decision's id as a header value.
    pub(crate) decision: HeaderValue,
}

/// What came of a call.
pub(crate) enum Outcome {
    /// An answer to relay, the connection that its body comes on, and what it holds until its end.
    Answer(Response<Incoming>, Option<Lease>, Hold),
    /// A switch to WebSocket, to complete once the caller has been told.
    Switch(Response<()>, Handshake),
}

/// A call that is ready to go: nothing of the caller's is left in it but what may pass.
pub(crate) struct Prepared {
    upstream: Arc<Upstream>,
    outgoing: Outgoing,
    websocket: Option<websocket::Asked>,
    bound: Duration,
    /// The caller, for upstreams whose connections tell it.
    client: Option<IpAddr>,
}

/// The request as the upstream will get it, in HTTP/1.1.
struct Outgoing {
    request: Request<Upload>,
    upload: Option<Arc<UploadState>>,
}

/// Makes a call ready to go.
pub(crate) fn prepare(call: Call<'_>) -> Result<Prepared, Fault> {
    let Call {
        snapshot,
        term,
        permit,
        head,
        body,
        exit,
        client,
        decision,
    } = call;
    let rule = permit.rule();
    let upstream = snapshot
        .upstreams
        .get(&rule.forwarding.upstream)
        .ok_or(Fault::UpstreamUnknown)?;
    let limit = rule.forwarding.max_body;
    check_declared_length(head.headers(), limit)?;
    let mut websocket = websocket::Asked::of(exit, &head, rule.forwarding.websocket);
    let told = told_client(upstream, &client)?;
    let asked = caller_host(&head)?;
    let host = if upstream.preserve_host {
        asked.clone()
    } else {
        upstream.host.clone()
    };
    let shown = identity::Shown {
        client,
        proto: HeaderValue::from_static(head.arrival().transport.scheme()),
        host: asked,
    };
    let identity = identity::Identity::of(&permit, shown, upstream, snapshot.as_ref())?;
    let (method, target, mut headers) = head.into_parts();
    let pass_credential = rule.forwarding.pass_credential;
    request_headers::strip(&mut headers, snapshot.gate.managed(), pass_credential)?;
    let target = match &rule.access {
        Access::Guarded(guarded) if !pass_credential => {
            without_credentials(target, guarded).map_err(|_| Fault::Request)?
        }
        Access::Guarded(_) | Access::Public => target,
    };
    headers.insert(HOST, host);
    // SECURITY: ours come last, so that nothing a caller sent survives beside them.
    identity.set(&mut headers, decision);
    websocket::ask(websocket.as_mut(), snapshot, &mut headers)?;
    let body = judged::replace(&permit, body, &mut headers);
    // SECURITY: a body that does not fit what was signed never completes at the upstream.
    let expected = permit.body_expectation();
    let body = CheckedBody::new(body, expected).map_err(|_| Fault::BodyAltered)?;
    let (body, upload) = match &websocket {
        Some(_) => (Upload::EMPTY, None),
        None => Upload::new(body, limit, (snapshot, term)),
    };
    if upload.is_some() && !headers.contains_key(CONTENT_LENGTH) {
        // Said out loud: the client would drop the body of a GET otherwise.
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from(target);
    *request.headers_mut() = headers;
    Ok(Prepared {
        upstream: Arc::clone(upstream),
        outgoing: Outgoing { request, upload },
        websocket,
        bound: rule.forwarding.timeout,
        client: told,
    })
}

/// Passes a call on and waits for the head of the answer.
pub(crate) async fn forward(
    call: Prepared,
    started: Instant,
    pulse: &Pulse,
) -> Result<Outcome, Fault> {
    if let Some(asked) = call.websocket {
        let request = call.outgoing.request;
        let route = Route::new(&call.upstream, call.client)?;
        let ask = websocket::switch(route, request, asked, call.bound);
        return Box::pin(ask).await;
    }
    let deadline = Deadline::new(started, call.bound, pulse);
    let route = Route::new(&call.upstream, call.client)?;
    let (mut response, lease, hold) = exchange::send(route, call.outgoing, deadline).await?;
    response_headers::clean(&mut response)?;
    Ok(Outcome::Answer(response, lease, hold))
}

/// The caller's address, where the upstream's connections tell it.
fn told_client(upstream: &Upstream, client: &HeaderValue) -> Result<Option<IpAddr>, Fault> {
    if !upstream.tells_client() {
        return Ok(None);
    }
    // SECURITY: without an address the upstream would take the call for one of ours.
    let address = client.to_str().ok().and_then(|text| text.parse().ok());
    address.map(Some).ok_or(Fault::Request)
}

/// Refuses a body that declares itself too long, before the upstream hears of it.
fn check_declared_length(headers: &HeaderMap, limit: Option<u64>) -> Result<(), Fault> {
    let (Some(limit), Some(declared)) = (limit, headers.get(CONTENT_LENGTH)) else {
        return Ok(());
    };
    let declared = declared
        .to_str()
        .ok()
        .and_then(|text| text.parse::<u64>().ok());
    match declared {
        Some(length) if length <= limit => Ok(()),
        // A length of more digits than a number holds is too long as well.
        _ => Err(Fault::BodyTooLarge),
    }
}

/// The host that the caller asked for. What was sent is used again where it was canonical.
fn caller_host(head: &RequestHead) -> Result<HeaderValue, Fault> {
    let host = head.host().as_str();
    match head.headers().get(HOST) {
        Some(sent) if sent.as_bytes() == host.as_bytes() => Ok(sent.clone()),
        _ => HeaderValue::from_str(host).map_err(|_| Fault::Request),
    }
}

/// Turns a request into HTTP/2: an absolute URI and no Host header (RFC 9113 section 8.3.1).
fn into_http2(mut request: Request<Upload>, upstream: &Upstream) -> Result<Request<Upload>, Fault> {
    let host = request.headers_mut().remove(HOST).ok_or(Fault::Request)?;
    let target = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::builder()
        .scheme(upstream.scheme.clone())
        .authority(host.as_bytes())
        .path_and_query(target.ok_or(Fault::Request)?)
        .build()
        .map_err(|_| Fault::Request)?;
    *request.version_mut() = Version::HTTP_2;
    hop_by_hop::remove_for_http2(request.headers_mut());
    Ok(request)
}

/// The caller's own fault, when it was the upload that ended the exchange.
fn upload_fault(upload: Option<&Arc<UploadState>>) -> Option<Fault> {
    match upload?.end() {
        UploadEnd::Open | UploadEnd::Done => None,
        UploadEnd::TooLarge => Some(Fault::BodyTooLarge),
        UploadEnd::Stalled => Some(Fault::BodyStalled),
        UploadEnd::Ended => Some(Fault::CredentialEnded),
        UploadEnd::Broken => Some(Fault::BodyBroken),
        UploadEnd::Altered => Some(Fault::BodyAltered),
    }
}
