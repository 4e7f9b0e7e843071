//! HTTP/2 to a server: a few connections, each shared by many exchanges.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::Instant;

use super::connect::Connector;
use super::{UpstreamConfig, UpstreamIo};
use crate::body::Upload;
use crate::fault::Fault;

/// The connections to one server. The first that has room is used, so that those that are not
/// needed any more fall idle and close.
pub(crate) struct Http2Connections {
    open: Mutex<Vec<Shared>>,
    /// How many calls share a connection.
    streams: usize,
    max_connections: usize,
    idle_timeout: Duration,
    /// Held by the one who connects, while it is not known that the server speaks HTTP/1.1.
    turn: tokio::sync::Mutex<()>,
    speaks_http1: AtomicBool,
    /// Counts failed attempts, so that who waited for one does not try it again.
    failures: AtomicU64,
    timed_out: AtomicBool,
}

struct Shared {
    sender: SendRequest<Upload>,
    calls: Arc<AtomicUsize>,
    used: Instant,
}

/// A call's place on a shared connection, until it is dropped.
pub(crate) struct StreamPlace(Arc<AtomicUsize>);

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A way to send one request.
pub(crate) enum Way {
    /// On a shared connection.
    Http2(SendRequest<Upload>, StreamPlace),
    /// The server chose HTTP/1.1: on this connection.
    Http1(UpstreamIo),
}

const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_HEADER_LIST: u32 = 64 * 1024;

impl Http2Connections {
    pub(super) fn new(config: &UpstreamConfig) -> Self {
        Self {
            open: Mutex::default(),
            streams: config.http2_streams.max(1),
            max_connections: config.breaker.max_connections.unwrap_or(usize::MAX),
            idle_timeout: config.idle_timeout,
            turn: tokio::sync::Mutex::default(),
            speaks_http1: AtomicBool::new(false),
            failures: AtomicU64::new(0),
            timed_out: AtomicBool::new(false),
        }
    }

    /// A connection with room; connects when there is none.
    pub(crate) async fn way(&self, connector: &Connector) -> Result<Way, Fault> {
        if let Some(way) = self.shared() {
            return Ok(way);
        }
        let failures = self.failures.load(Ordering::Acquire);
        let mut turn = None;
        if !self.speaks_http1.load(Ordering::Acquire) {
            // One connects, and the others take what comes of it.
            turn = Some(self.turn.lock().await);
            if self.failures.load(Ordering::Acquire) != failures {
                return Err(self.failed_for_another());
            }
            if let Some(way) = self.shared() {
                return Ok(way);
            }
            if self.speaks_http1.load(Ordering::Acquire) {
                turn = None;
            }
        }
        let connected = connector.connect(None).await;
        let way = match connected {
            Ok(connected) if connected.http2 => self.share(connected.io).await,
            Ok(connected) => {
                self.speaks_http1.store(true, Ordering::Release);
                Ok(Way::Http1(connected.io))
            }
            Err(fault) => Err(fault),
        };
        if let Err(fault) = &way {
            let timed_out = matches!(fault, Fault::ConnectTimeout);
            self.timed_out.store(timed_out, Ordering::Relaxed);
            self.failures.fetch_add(1, Ordering::AcqRel);
        }
        drop(turn);
        way
    }

    fn failed_for_another(&self) -> Fault {
        if self.timed_out.load(Ordering::Relaxed) {
            return Fault::ConnectTimeout;
        }
        Fault::Connect(std::io::Error::other(
            "the attempt that this call waited for has failed",
        ))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Shared>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first connection that has room; the one with the fewest calls when there may be no
    /// more connections.
    fn shared(&self) -> Option<Way> {
        let mut open = self.lock();
        open.retain(|shared| !shared.sender.is_closed());
        if open.len() > 1 {
            let idle = |shared: &Shared| {
                shared.calls.load(Ordering::Relaxed) == 0
                    && shared.used.elapsed() >= self.idle_timeout
            };
            let mut number = 0;
            open.retain(|shared| {
                number += 1;
                number == 1 || !idle(shared)
            });
        }
        let alone = open.len() == 1;
        let full = open.len() >= self.max_connections;
        let roomy = open
            .iter()
            .position(|shared| shared.calls.load(Ordering::Relaxed) < self.streams);
        let fewest = || {
            let calls = |shared: &Shared| shared.calls.load(Ordering::Relaxed);
            let numbered = open.iter().enumerate().filter(|_| full);
            numbered
                .min_by_key(|(_, shared)| calls(shared))
                .map(|(number, _)| number)
        };
        let chosen = roomy.or_else(fewest)?;
        let shared = open.get_mut(chosen)?;
        if !alone {
            shared.used = Instant::now();
        }
        Some(shared.take())
    }

    async fn share(&self, io: UpstreamIo) -> Result<Way, Fault> {
        let mut shared = Shared {
            sender: handshake(io).await?,
            calls: Arc::default(),
            used: Instant::now(),
        };
        self.speaks_http1.store(false, Ordering::Release);
        let way = shared.take();
        self.lock().push(shared);
        Ok(way)
    }
}

impl Shared {
    fn take(&mut self) -> Way {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Way::Http2(self.sender.clone(), StreamPlace(Arc::clone(&self.calls)))
    }
}

/// Begins HTTP/2; a task of its own drives the connection.
pub(super) async fn handshake(io: UpstreamIo) -> Result<SendRequest<Upload>, Fault> {
    let (sender, conn) = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_header_list_size(MAX_HEADER_LIST)
        .adaptive_window(true)
        .handshake(TokioIo::new(io))
        .await?;
    tokio::spawn(conn);
    Ok(sender)
}
