//! WebSocket: the only upgrade that is passed on (RFC 6455 section 4).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use doorward_core::RequestHead;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional_with_sizes};
use tokio::time::{Instant, sleep_until, timeout};

use super::hop_by_hop::connection_has;
use super::{Outcome, response_headers};
use crate::body::Upload;
use crate::fault::Fault;
use crate::upstream::{Hold, Protocol, Route, dedicated};

/// Both ends of a tunnel that is about to open.
pub(crate) struct Handshake {
    caller: OnUpgrade,
    upstream: OnUpgrade,
    hold: Hold,
}

/// Tells whether a request asks for WebSocket and for nothing else.
pub(super) fn is_asked_for(head: &RequestHead) -> bool {
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
    caller: OnUpgrade,
    bound: Duration,
) -> Result<Outcome, Fault> {
    if route.upstream().protocol() == Protocol::Http2 {
        return Err(Fault::Upgrade);
    }
    agree(request.headers_mut());
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
    if !names_websocket(response.headers()) || !connection_has(response.headers(), "upgrade") {
        return Err(Fault::Upgrade);
    }
    let handshake = Handshake {
        caller,
        upstream: hyper::upgrade::on(&mut response),
        hold,
    };
    response_headers::strip(response.headers_mut());
    let (mut parts, _) = response.into_parts();
    agree(&mut parts.headers);
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
        let ends = timeout(idle, async { (self.caller.await, self.upstream.await) }).await;
        let Ok((Ok(caller), Ok(upstream))) = ends else {
            return;
        };
        let moved = Moved::new();
        let mut caller = Watched::new(caller, &moved);
        let mut upstream = Watched::new(upstream, &moved);
        tokio::select! {
            _ = copy_bidirectional_with_sizes(&mut caller, &mut upstream, BUFFER, BUFFER) => {}
            () = moved.stopped_for(idle) => {}
        }
    }
}

const BUFFER: usize = 8 * 1024;

/// When bytes last moved.
struct Moved {
    began: Instant,
    ms: AtomicU64,
}

impl Moved {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            ms: AtomicU64::new(0),
        })
    }

    fn touch(&self) {
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.ms.store(ms, Ordering::Relaxed);
    }

    async fn stopped_for(&self, idle: Duration) {
        loop {
            let last = self.began + Duration::from_millis(self.ms.load(Ordering::Relaxed));
            if last.elapsed() >= idle {
                return;
            }
            sleep_until(last + idle).await;
        }
    }
}

/// One end of a tunnel.
struct Watched {
    io: TokioIo<Upgraded>,
    moved: Arc<Moved>,
}

impl Watched {
    fn new(io: Upgraded, moved: &Arc<Moved>) -> Self {
        Self {
            io: TokioIo::new(io),
            moved: Arc::clone(moved),
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if read.is_ready() {
            self.moved.touch();
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        if written.is_ready() {
            self.moved.touch();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
