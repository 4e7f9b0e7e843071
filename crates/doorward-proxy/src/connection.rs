//! One connection of a caller: which HTTP it speaks, its deadlines, its end.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::body::Download;
use crate::client_auth::Handshake;
use crate::drain::Drain;
use crate::forward_auth::Agent;
use crate::head_guard::HeadGuard;
use crate::limits::Limits;
use crate::pulse::{InFlight, Pulse};
use crate::stream::{Abandon, CallerStream, read_ahead};
use crate::watchdog::{Look, Watchdog};

/// What serves the requests of a connection.
pub(crate) trait Application: Send + Sync + 'static {
    /// Hears of a handshake in which callers were asked for certificates.
    fn greeted(&mut self, _handshake: Handshake) {}

    /// Who serves the connection where it does not speak HTTP at all.
    fn agent(&self) -> Option<Agent> {
        None
    }

    /// Answers one request.
    fn answer(
        &self,
        request: Request<Incoming>,
        pulse: &Arc<Pulse>,
        in_flight: InFlight,
    ) -> impl Future<Output = Response<Download>> + Send;
}

/// Which HTTP a connection speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Speaks {
    /// HTTP/1.1, or 1.0.
    Http1,
    /// HTTP/2.
    Http2,
    /// Its first bytes will tell.
    Unknown,
}

/// The application and the pulse of one connection.
struct Line<A> {
    app: A,
    pulse: Arc<Pulse>,
}

/// What hyper calls for every request of a connection.
fn service<A: Application>(
    line: &Arc<Line<A>>,
) -> impl Service<Request<Incoming>, Response = Response<Download>, Error = Infallible, Future: Send>
+ use<A> {
    let line = Arc::clone(line);
    service_fn(move |request| {
        let line = Arc::clone(&line);
        async move {
            let in_flight = line.pulse.begin();
            Ok(line.app.answer(request, &line.pulse, in_flight).await)
        }
    })
}

/// Serves a connection to its end.
pub(crate) async fn serve<S, A>(mut stream: S, speaks: Speaks, app: A, limits: Limits, drain: Drain)
where
    S: AsyncRead + AsyncWrite + Abandon + Unpin + Send + 'static,
    A: Application,
{
    if let Some(agent) = app.agent() {
        return Box::pin(agent.serve(stream, &limits, drain)).await;
    }
    let (http2, ahead) = match speaks {
        Speaks::Http1 => (false, Bytes::new()),
        Speaks::Http2 => (true, Bytes::new()),
        Speaks::Unknown => {
            let first = tokio::select! {
                first = timeout(limits.header_timeout, read_ahead(&mut stream)) => first,
                () = drain.clone().begun() => return,
            };
            match first {
                Ok(Ok(first)) => first,
                _ => return,
            }
        }
    };
    let line = Arc::new(Line {
        app,
        // The requests of HTTP/1 are polled with their connection, those of HTTP/2 apart.
        pulse: Pulse::new(!http2),
    });
    let guard = (!http2).then(|| HeadGuard::new(limits.header_bytes));
    let stream = CallerStream::new(stream, ahead, Arc::clone(&line.pulse), guard);
    if http2 {
        serve_http2(stream, line, &limits, drain).await;
    } else {
        serve_http1(stream, line, &limits, drain).await;
    }
}

/// The number of header fields that hyper takes when nothing is said.
const HYPER_HEADERS: usize = 100;

async fn serve_http1<S, A>(
    stream: CallerStream<S>,
    line: Arc<Line<A>>,
    limits: &Limits,
    drain: Drain,
) where
    S: AsyncRead + AsyncWrite + Abandon + Unpin + Send + 'static,
    A: Application,
{
    let mut builder = http1::Builder::new();
    if limits.header_count != HYPER_HEADERS {
        // Said even if it is the same, the number makes hyper allocate for every request.
        builder.max_headers(limits.header_count);
    }
    let conn = builder
        .half_close(false)
        .keep_alive(true)
        .max_header_size(limits.header_bytes)
        .max_buf_size(limits.header_bytes.max(READ_BUFFER))
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service(&line));
    let mut conn = conn.with_upgrades();
    let ended = watch(
        limits,
        &line.pulse,
        drain,
        &mut conn,
        |conn, cx| Pin::new(conn).poll(cx).map(drop),
        |conn| Pin::new(conn).graceful_shutdown(),
    )
    .await;
    if let Some(tunnel) = line.pulse.take_tunnel()
        && ended
    {
        drop(conn);
        tunnel.await;
    }
}

async fn serve_http2<S, A>(
    stream: CallerStream<S>,
    line: Arc<Line<A>>,
    limits: &Limits,
    drain: Drain,
) where
    S: AsyncRead + AsyncWrite + Abandon + Unpin + Send + 'static,
    A: Application,
{
    let conn = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_concurrent_streams(limits.http2_streams)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(limits.http2_pending_resets)
        .max_local_error_reset_streams(limits.http2_local_resets)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(limits.http2_ping_interval)
        .keep_alive_timeout(limits.http2_ping_timeout)
        .serve_connection(TokioIo::new(stream), service(&line));
    let mut conn = pin!(conn);
    watch(
        limits,
        &line.pulse,
        drain,
        &mut conn,
        |conn, cx| conn.as_mut().poll(cx).map(drop),
        |conn| conn.as_mut().graceful_shutdown(),
    )
    .await;
}

/// The most that one read of a connection takes in.
const READ_BUFFER: usize = 64 * 1024;

/// The most that one HTTP/2 stream may buffer of a response.
const SEND_BUFFER: usize = 64 * 1024;

/// Drives a connection until it ends, its caller is overdue, or a drain has finished it. Tells
/// whether it ended by itself.
async fn watch<C>(
    limits: &Limits,
    pulse: &Pulse,
    drain: Drain,
    conn: &mut C,
    poll: impl Fn(&mut C, &mut Context<'_>) -> Poll<()>,
    finish: impl Fn(&mut C),
) -> bool {
    let mut watchdog = pin!(Watchdog::new(limits));
    let mut begun = pin!(drain.clone().begun());
    let mut draining = false;
    // Whom the watchdog and the drain would wake. While it is the same task, there is nothing to
    // ask them but whether they have.
    let mut armed: Option<Waker> = None;
    std::future::poll_fn(|cx| {
        loop {
            if poll(conn, cx).is_ready() {
                return Poll::Ready(true);
            }
            let is_armed = armed
                .as_ref()
                .is_some_and(|waker| waker.will_wake(cx.waker()));
            let ask_drain = !draining && (!is_armed || drain.may_have_begun());
            if ask_drain && begun.as_mut().poll(cx).is_ready() {
                draining = true;
                finish(conn);
                continue;
            }
            match watchdog.as_mut().poll(cx, pulse, is_armed) {
                Look::Later => {}
                Look::Again => continue,
                Look::Overdue => return Poll::Ready(false),
            }
            if !is_armed {
                armed = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
    })
    .await
}
