//! HTTP/2 to an upstream: one connection shared by all its exchanges.

use std::time::Duration;

use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::Mutex;

use super::{Upstream, UpstreamIo};
use crate::body::Upload;
use crate::fault::Fault;

/// The present connection, if there is one.
#[derive(Default)]
pub(crate) struct Http2Slot(Mutex<Option<SendRequest<Upload>>>);

/// A way to send one request.
pub(crate) enum Way {
    /// On the shared connection.
    Http2(SendRequest<Upload>),
    /// The upstream chose HTTP/1.1: on this connection.
    Http1(UpstreamIo),
}

const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_HEADER_LIST: u32 = 64 * 1024;

impl Http2Slot {
    /// The shared connection; connects when there is none. One caller connects, the others wait.
    pub(crate) async fn way(&self, upstream: &Upstream) -> Result<Way, Fault> {
        let mut slot = self.0.lock().await;
        if let Some(sender) = slot.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(Way::Http2(sender.clone()));
        }
        *slot = None;
        let connected = upstream.connector().connect().await?;
        if !connected.http2 {
            return Ok(Way::Http1(connected.io));
        }
        let (sender, conn) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .max_header_list_size(MAX_HEADER_LIST)
            .adaptive_window(true)
            .handshake(TokioIo::new(connected.io))
            .await?;
        tokio::spawn(conn);
        *slot = Some(sender.clone());
        Ok(Way::Http2(sender))
    }
}
