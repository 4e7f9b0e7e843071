//! HTTP/1.1 to an upstream: one connection, one exchange at a time.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use super::UpstreamIo;
use super::pool::Pool;
use super::server::Server;
use crate::body::Upload;
use crate::fault::Fault;

/// The most that one read of an upstream takes in, and the largest head it may answer with.
const MAX_BUFFER: usize = 64 * 1024;

/// One connection. It has no task of its own: whoever holds it drives it.
pub(crate) struct Wire {
    sender: SendRequest<Upload>,
    /// None once it is closed: a request that it has not taken by then is given back only when
    /// the connection is dropped.
    conn: Option<Connection<TokioIo<UpstreamIo>, Upload>>,
}

impl Wire {
    async fn handshake(io: UpstreamIo) -> Result<Box<Self>, Fault> {
        let (sender, conn) = builder().handshake(TokioIo::new(io)).await?;
        Ok(Box::new(Self {
            sender,
            conn: Some(conn),
        }))
    }

    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(conn) = &mut self.conn
            && Pin::new(conn).poll(cx).is_ready()
        {
            self.conn = None;
        }
    }

    /// Tells whether the connection is ready for a request, as far as can be known. What has
    /// happened to it meanwhile, it finds out before it takes the request.
    fn is_ready(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.sender.is_ready() {
            self.drive(cx);
        }
        self.conn.is_some() && self.sender.is_ready()
    }

    /// Tells whether an idle connection is still open.
    pub(super) fn is_alive(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.conn.is_some()
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) fn exchange(
        &mut self,
        request: Request<Upload>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Upload>>>> {
        let answer = self.sender.try_send_request(request);
        async move {
            let mut answer = pin!(answer);
            std::future::poll_fn(|cx| {
                self.drive(cx);
                answer.as_mut().poll(cx)
            })
            .await
        }
    }

    /// Lets a task of its own drive the connection until it closes.
    pub(crate) fn detach(self: Box<Self>) {
        if let Some(conn) = self.conn {
            tokio::spawn(conn);
        }
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    // An upstream may answer with 100 header fields. Another number, whichever, makes hyper
    // allocate twice for every response.
    builder.max_buf_size(MAX_BUFFER).max_header_size(MAX_BUFFER);
    builder
}

/// The use of a connection for one exchange. Dropped before the exchange is complete, it closes
/// the connection: nobody else can read what is left of an answer.
pub(crate) struct Lease {
    pub(crate) wire: Box<Wire>,
    pool: Arc<Pool>,
    /// How long the connection had waited; `None` when it is new.
    pub(crate) waited: Option<Duration>,
}

impl Lease {
    /// Takes a waiting connection; `None` when none is ready.
    pub(crate) async fn reuse(server: &Server) -> Option<Self> {
        std::future::poll_fn(|cx| {
            while let Some((mut wire, waited)) = server.pool().take() {
                if wire.is_ready(cx) {
                    let pool = Arc::clone(server.pool());
                    let waited = Some(waited);
                    return Poll::Ready(Some(Self { wire, pool, waited }));
                }
            }
            Poll::Ready(None)
        })
        .await
    }

    /// Takes a new connection into use.
    pub(crate) async fn open(server: &Server, io: UpstreamIo) -> Result<Self, Fault> {
        Ok(Self {
            wire: Wire::handshake(io).await?,
            pool: Arc::clone(server.pool()),
            waited: None,
        })
    }

    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        self.wire.drive(cx);
    }

    /// Ends the exchange, which must be complete in both directions.
    pub(crate) fn give_back_when_idle(self) {
        // SECURITY: the next user asks the connection itself whether it is idle; unread or
        // surplus bytes make it close instead of becoming the next answer.
        if self.wire.conn.is_some() {
            self.pool.keep(self.wire);
        }
    }
}

/// Sends one request on a connection that is used for nothing else and may leave HTTP.
pub(crate) async fn dedicated(
    io: UpstreamIo,
    request: Request<Upload>,
) -> Result<Response<Incoming>, Fault> {
    let (mut sender, conn) = builder().handshake(TokioIo::new(io)).await?;
    tokio::spawn(conn.with_upgrades());
    Ok(sender.send_request(request).await?)
}
