//! WebSocket: the only upgrade that is passed on (RFC 6455 section 4).

use std::time::Duration;

use doorward_core::RequestHead;
use doorward_core::policy::WebSocketBounds;
use http::header::{
    CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use tokio::time::timeout;

use super::hop_by_hop::connection_has;
use super::{Outcome, response_headers};
use crate::body::Upload;
use crate::door::{Snapshot, WebSocketKeys};
use crate::extended_connect::Exit;
use crate::fault::Fault;
use crate::upstream::{Hold, Protocol, Route, dedicated};

mod frame;
mod tunnel;

/// A WebSocket that a caller asked for.
pub(super) struct Asked {
    caller: OnUpgrade,
    bounds: WebSocketBounds,
    /// The caller has no key (RFC 8441 section 5): one is made for it.
    needs_key: bool,
    /// What the upstream must prove, where its answer to that does not reach the caller.
    accept: Option<HeaderValue>,
}

/// Both ends of a tunnel that is about to open.
pub(crate) struct Handshake {
    caller: OnUpgrade,
    upstream: OnUpgrade,
    hold: Hold,
    bounds: WebSocketBounds,
}

impl Asked {
    /// Takes a caller's wish, where it is one for WebSocket and for nothing else.
    pub(super) fn of(
        exit: Option<Exit>,
        head: &RequestHead,
        bounds: WebSocketBounds,
    ) -> Option<Self> {
        let (caller, needs_key) = match exit? {
            Exit::Upgrade(caller) if is_asked_for(head) => (caller, false),
            Exit::Upgrade(_) => return None,
            Exit::Connect(caller) => (caller, true),
        };
        Some(Self {
            caller,
            bounds,
            needs_key,
            accept: None,
        })
    }

    /// Tells whether the upstream agreed to what it was asked.
    fn is_agreed(&self, headers: &HeaderMap) -> bool {
        let proven = headers.get(SEC_WEBSOCKET_ACCEPT);
        names_websocket(headers)
            && connection_has(headers, "upgrade")
            && self
                .accept
                .as_ref()
                .is_none_or(|accept| proven == Some(accept))
    }
}

/// Asks in the words of HTTP/1.1, where a WebSocket is asked for.
pub(super) fn ask(
    asked: Option<&mut Asked>,
    snapshot: &Snapshot,
    headers: &mut HeaderMap,
) -> Result<(), Fault> {
    let Some(asked) = asked else { return Ok(()) };
    if asked.needs_key {
        let keys: Option<&dyn WebSocketKeys> = snapshot.websocket.as_deref();
        let (key, accept) = keys.and_then(WebSocketKeys::make).ok_or(Fault::Upgrade)?;
        headers.insert(SEC_WEBSOCKET_KEY, key);
        asked.accept = Some(accept);
    }
    agree(headers);
    Ok(())
}

/// Tells whether a request asks for WebSocket and for nothing else.
fn is_asked_for(head: &RequestHead) -> bool {
    let headers = head.headers();
    head.version() == Version::HTTP_11
        && *head.method() == Method::GET
        && names_websocket(headers)
        && connection_has(headers, "upgrade")
        && !headers.contains_key(CONTENT_LENGTH)
        && !headers.contains_key(TRANSFER_ENCODING)
}

/// Tells whether there is one `Upgrade` header, and it is `websocket`.
fn names_websocket(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(UPGRADE).iter();
    values
        .next()
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
        && values.next().is_none()
}

/// Asks the upstream to switch; relays its answer when it does not want to.
pub(super) async fn switch(
    mut route: Route<'_>,
    mut request: Request<Upload>,
    asked: Asked,
    bound: Duration,
) -> Result<Outcome, Fault> {
    if route.upstream().protocol() == Protocol::Http2 {
        return Err(Fault::Upgrade);
    }
    route.enter().await?;
    let io = route.connect_http1().await;
    let io = io.inspect_err(|fault| route.report(Err(fault)))?;
    route.address(&mut request)?;
    let answered = timeout(bound, dedicated(io, request))
        .await
        .unwrap_or(Err(Fault::ResponseTimeout));
    route.report(answered.as_ref().map(Response::status));
    let mut response = answered?;
    let hold = route.into_hold(None);
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response_headers::clean(&mut response)?;
        return Ok(Outcome::Answer(response, None, hold));
    }
    // SECURITY: the tunnel opens only after a 101 that agrees to WebSocket (G14).
    if !asked.is_agreed(response.headers()) {
        return Err(Fault::Upgrade);
    }
    let handshake = Handshake {
        caller: asked.caller,
        upstream: hyper::upgrade::on(&mut response),
        hold,
        bounds: asked.bounds,
    };
    response_headers::strip(response.headers_mut());
    let (mut parts, _) = response.into_parts();
    if asked.accept.is_some() {
        // The words of HTTP/2 for the same (RFC 8441 section 5).
        parts.status = StatusCode::OK;
        parts.headers.remove(SEC_WEBSOCKET_ACCEPT);
    } else {
        agree(&mut parts.headers);
    }
    Ok(Outcome::Switch(Response::from_parts(parts, ()), handshake))
}

fn agree(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

impl Handshake {
    /// Carries bytes both ways until both ends have closed or nothing moved for `idle`.
    pub(crate) async fn tunnel(self, idle: Duration) {
        let _hold = self.hold;
        let idle = self.bounds.idle.unwrap_or(idle);
        let ends = timeout(idle, async { (self.caller.await, self.upstream.await) }).await;
        if let Ok((Ok(caller), Ok(upstream))) = ends {
            tunnel::carry(caller, upstream, self.bounds, idle).await;
        }
    }
}
