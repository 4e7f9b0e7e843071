//! One exchange with an upstream: the server, the connection, the deadline, the second attempt.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use tokio::time::Instant;

use super::deadline::Deadline;
use super::{Outgoing, into_http2, upload_fault};
use crate::body::{Upload, UploadEnd, UploadState};
use crate::fault::Fault;
use crate::upstream::{Hold, Lease, Protocol, Route, StreamPlace, UpstreamIo, Way};

/// An answer, and what its body comes on.
struct Answered {
    response: Response<Incoming>,
    /// The connection, if this exchange has it to itself.
    lease: Option<Lease>,
    /// The place on a connection that is shared.
    stream: Option<StreamPlace>,
}

/// A connection that waited for longer than this may have been closed at the other end by the
/// time the request arrives there, so what may be sent twice is kept to be sent again.
const FRESH: Duration = Duration::from_millis(500);

/// Sends a request and waits for the head of the answer.
pub(super) async fn send(
    mut route: Route<'_>,
    outgoing: Outgoing,
    deadline: Deadline<'_>,
) -> Result<(Response<Incoming>, Option<Lease>, Hold), Fault> {
    let upload = outgoing.upload.clone();
    let answered = {
        let attempt = pin!(attempt(&mut route, outgoing));
        within(deadline, upload.as_ref(), attempt).await
    };
    let answered = match (answered, upload_fault(upload.as_ref())) {
        // The upstream's complaint about a body that we broke off is of no interest.
        (Err(_), Some(fault)) => Err(fault),
        (answered, _) => answered,
    };
    route.report(answered.as_ref().map(|answered| answered.response.status()));
    let answered = answered?;
    let hold = route.into_hold(answered.stream);
    Ok((answered.response, answered.lease, hold))
}

async fn attempt(route: &mut Route<'_>, outgoing: Outgoing) -> Result<Answered, Fault> {
    route.enter().await?;
    match route.upstream().protocol() {
        // Boxed, like all that is rare: a future is moved at its full size per request.
        Protocol::Http2 => Box::pin(http2(route, outgoing)).await,
        protocol => match Lease::reuse(route.server()).await {
            Some(lease) => on_waiting(route, lease, outgoing).await,
            None if protocol == Protocol::Auto => Box::pin(http2(route, outgoing)).await,
            None => Box::pin(on_new(route, None, outgoing)).await,
        },
    }
}

async fn http2(route: &mut Route<'_>, outgoing: Outgoing) -> Result<Answered, Fault> {
    let mut outgoing = Some(outgoing);
    let mut again: Option<Request<Upload>> = None;
    // Once more when the shared connection closed before it took the request.
    for last in [false, true] {
        let (mut sender, place) = match way(route).await? {
            Way::Http2(sender, place) => (sender, place),
            Way::Http1(io) => {
                let outgoing = outgoing.take().ok_or(Fault::Request)?;
                return on_new(route, Some(io), outgoing).await;
            }
        };
        let mut request = match (again.take(), outgoing.take()) {
            (Some(request), _) => request,
            (None, Some(outgoing)) => into_http2(outgoing.request, route.upstream())?,
            (None, None) => return Err(Fault::Request),
        };
        route.address(&mut request)?;
        match sender.try_send_request(request).await {
            Ok(response) => {
                return Ok(Answered {
                    response,
                    lease: None,
                    stream: Some(place),
                });
            }
            Err(mut error) => match error.take_message() {
                Some(request) if !last => again = Some(request),
                _ => return Err(Fault::Protocol(error.into_error())),
            },
        }
    }
    Err(Fault::Request)
}

/// Finds a connection to this server, or to another when that fails.
async fn way(route: &mut Route<'_>) -> Result<Way, Fault> {
    loop {
        let server = route.server();
        match server.http2().way(server.connector()).await {
            Err(fault) if route.fail_over(&fault) => {}
            way => return way,
        }
    }
}

/// Sends on a connection that has waited, and once more on a new one when that is safe.
async fn on_waiting(
    route: &mut Route<'_>,
    mut lease: Lease,
    mut outgoing: Outgoing,
) -> Result<Answered, Fault> {
    route.address(&mut outgoing.request)?;
    let upload = outgoing.upload.clone();
    let stale = lease.waited.is_some_and(|waited| waited > FRESH);
    let copy = (stale && upload.is_none())
        .then(|| Copy::of(&outgoing.request))
        .flatten()
        .map(Box::new);
    match lease.wire.exchange(outgoing.request).await {
        Ok(response) => Ok(settle(response, lease, upload.as_ref())),
        Err(error) => {
            drop(lease);
            Box::pin(once_more(route, error, copy, upload)).await
        }
    }
}

/// Sends again, on a new connection, what a connection that had waited did not take.
async fn once_more(
    route: &mut Route<'_>,
    mut error: TrySendError<Request<Upload>>,
    copy: Option<Box<Copy>>,
    upload: Option<Arc<UploadState>>,
) -> Result<Answered, Fault> {
    // SECURITY: what the upstream may have begun to do is not done twice, unless doing it twice
    // is the same as once.
    let request = match (error.take_message(), copy) {
        (Some(unsent), _) => unsent,
        (None, Some(copy)) if hung_up(error.error()) => copy.into_request(),
        (None, _) => return Err(Fault::Protocol(error.into_error())),
    };
    on_new(route, None, Outgoing { request, upload }).await
}

/// Sends on a new connection: this one, or one to be made, to this server or to another.
async fn on_new(
    route: &mut Route<'_>,
    io: Option<UpstreamIo>,
    mut outgoing: Outgoing,
) -> Result<Answered, Fault> {
    let io = match io {
        Some(io) => io,
        None => route.connect_http1().await?,
    };
    let lease = Lease::open(route.server(), io).await?;
    route.address(&mut outgoing.request)?;
    on_fresh(lease, outgoing.request, outgoing.upload).await
}

async fn on_fresh(
    mut lease: Lease,
    request: Request<Upload>,
    upload: Option<Arc<UploadState>>,
) -> Result<Answered, Fault> {
    match lease.wire.exchange(request).await {
        Ok(response) => Ok(settle(response, lease, upload.as_ref())),
        Err(error) => Err(Fault::Protocol(error.into_error())),
    }
}

/// Decides who drives the connection while the body of the answer is read.
fn settle(
    response: Response<Incoming>,
    lease: Lease,
    upload: Option<&Arc<UploadState>>,
) -> Answered {
    let uploaded = upload.is_none_or(|upload| upload.end() == UploadEnd::Done);
    // Whether it stays open after the answer, the connection knows itself.
    let reusable = response.version() == Version::HTTP_11 && !response.status().is_informational();
    let lease = if uploaded && reusable {
        Some(lease)
    } else {
        // The upload goes on beside the answer, or the connection ends with it.
        lease.wire.detach();
        None
    };
    Answered {
        response,
        lease,
        stream: None,
    }
}

/// A request without a body that may be sent again.
struct Copy {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Copy {
    /// Copies a request that means the same twice as once (RFC 9110 section 9.2.2).
    fn of(request: &Request<Upload>) -> Option<Self> {
        request.method().is_idempotent().then(|| Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        })
    }

    fn into_request(self) -> Request<Upload> {
        let mut request = Request::new(Upload::EMPTY);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        request
    }
}

/// Tells whether an exchange failed because the upstream closed before it said anything.
fn hung_up(error: &hyper::Error) -> bool {
    error.is_incomplete_message()
        || error.is_closed()
        || error.is_canceled()
        || std::error::Error::source(error)
            .and_then(|source| source.downcast_ref::<std::io::Error>())
            .is_some_and(|io| {
                matches!(
                    io.kind(),
                    std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe
                )
            })
}

/// Bounds the wait for an answer. While the upload makes progress, the time does not run.
async fn within(
    mut deadline: Deadline<'_>,
    upload: Option<&Arc<UploadState>>,
    mut attempt: Pin<&mut impl Future<Output = Result<Answered, Fault>>>,
) -> Result<Answered, Fault> {
    std::future::poll_fn(|cx| {
        loop {
            if let Poll::Ready(answered) = attempt.as_mut().poll(cx) {
                return Poll::Ready(answered);
            }
            if !deadline.has_passed(cx) {
                return Poll::Pending;
            }
            let progress = upload
                .map(|upload| upload.progress() + deadline.bound)
                .filter(|later| *later > Instant::now());
            let Some(later) = progress else {
                return Poll::Ready(Err(Fault::ResponseTimeout));
            };
            deadline.put_off(later);
        }
    })
    .await
}
