//! A response body on its way to a caller.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use doorward_core::decision::DecisionId;
use http::{HeaderMap, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::access_log::Access;
use crate::door::Snapshot;
use crate::pulse::InFlight;
use crate::upstream::{Hold, Lease};

/// A response body: of our own, or streamed from an upstream.
pub(crate) struct Download {
    source: Source,
    /// Of the upstream's, until the body ends.
    hold: Hold,
    finish: Finish,
}

enum Source {
    /// Of our own, or nothing more.
    Full(Bytes),
    /// Of our own, with trailers behind it.
    Trailed(Bytes, Option<Box<HeaderMap>>),
    /// From an upstream connection that is driven by this body and goes back to its pool at the
    /// end. Given up before its end, it is closed, so that no later call can read its rest.
    Leased(Incoming, Lease),
    /// From an upstream connection that is driven elsewhere.
    Streamed(Incoming),
}

/// What is recorded when a response ends, and the request that is in flight until then.
pub(crate) struct Finish {
    /// Whose log takes the record; absent for services that keep none.
    pub(crate) snapshot: Option<Arc<Snapshot>>,
    /// The decision.
    pub(crate) decision: Option<DecisionId>,
    /// The status.
    pub(crate) status: StatusCode,
    /// When the request's head was complete.
    pub(crate) started: Instant,
    /// The request.
    #[expect(dead_code, reason = "held until the response ends")]
    pub(crate) in_flight: InFlight,
    /// Bytes handed over.
    pub(crate) bytes_out: u64,
    /// The whole body was handed over.
    pub(crate) complete: bool,
}

impl Download {
    /// A body of our own.
    pub(crate) fn full(body: Bytes, finish: Finish) -> Self {
        Self {
            source: Source::Full(body),
            hold: Hold::default(),
            finish,
        }
    }

    /// A body of our own, with trailers behind it.
    pub(crate) fn trailed(body: Bytes, trailers: HeaderMap, finish: Finish) -> Self {
        Self {
            source: Source::Trailed(body, Some(Box::new(trailers))),
            hold: Hold::default(),
            finish,
        }
    }

    /// The body of an upstream's answer.
    pub(crate) fn relayed(
        incoming: Incoming,
        (lease, mut hold): (Option<Lease>, Hold),
        finish: Finish,
    ) -> Self {
        let source = match lease {
            Some(lease) if incoming.is_end_stream() => {
                lease.give_back_when_idle();
                Source::Full(Bytes::new())
            }
            Some(lease) => Source::Leased(incoming, lease),
            None => Source::Streamed(incoming),
        };
        if matches!(source, Source::Full(_)) {
            hold = Hold::default();
        }
        Self {
            source,
            hold,
            finish,
        }
    }

    fn poll_source(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.source {
            Source::Full(body) if body.is_empty() => Poll::Ready(None),
            Source::Full(body) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(body))))),
            Source::Trailed(body, trailers) if body.is_empty() => {
                let trailers = trailers.take().map(|trailers| Frame::trailers(*trailers));
                Poll::Ready(trailers.map(Ok))
            }
            Source::Trailed(body, _) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(body))))),
            Source::Streamed(incoming) => Pin::new(incoming).poll_frame(cx),
            Source::Leased(incoming, lease) => {
                let first = Pin::new(&mut *incoming).poll_frame(cx);
                if first.is_ready() {
                    return first;
                }
                lease.drive(cx);
                Pin::new(incoming).poll_frame(cx)
            }
        }
    }

    /// Gives the connection back, once the body has been read to its end.
    fn end(&mut self) {
        self.finish.complete = true;
        self.hold = Hold::default();
        if let Source::Leased(_, lease) =
            std::mem::replace(&mut self.source, Source::Full(Bytes::new()))
        {
            lease.give_back_when_idle();
        }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = self.poll_source(cx);
        match &polled {
            Poll::Ready(None) => self.end(),
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.finish.bytes_out += u64::try_from(data.len()).unwrap_or(0);
                }
                if self.is_end_stream() {
                    self.end();
                }
            }
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Full(body) => body.is_empty(),
            Source::Trailed(body, trailers) => body.is_empty() && trailers.is_none(),
            Source::Leased(incoming, _) | Source::Streamed(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Full(body) => SizeHint::with_exact(u64::try_from(body.len()).unwrap_or(0)),
            Source::Trailed(..) => SizeHint::default(),
            Source::Leased(incoming, _) | Source::Streamed(incoming) => incoming.size_hint(),
        }
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        if self.is_end_stream() {
            self.finish.complete = true;
        }
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        let Some(snapshot) = self.snapshot.take() else {
            return;
        };
        snapshot.access.finished(&Access {
            decision: self.decision,
            status: self.status,
            bytes_out: self.bytes_out,
            complete: self.complete,
            duration: self.started.elapsed(),
        });
    }
}
