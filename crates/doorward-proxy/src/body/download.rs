//! A response body on its way to a caller.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use doorward_core::decision::DecisionId;
use http::{HeaderMap, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use thiserror::Error;
use tokio::time::Instant;

use crate::access_log::Access;
use crate::door::Snapshot;
use crate::pulse::InFlight;
use crate::term::{Term, Watch};
use crate::upstream::{Hold, Lease};

/// A response body: of our own, or streamed from an upstream.
pub(crate) struct Download {
    source: Source,
    /// Of the upstream's, until the body ends.
    hold: Hold,
    finish: Finish,
    /// The connection was told that this body waits for its caller.
    owed: bool,
    /// When the call must end; taken by the watch.
    term: Option<Term>,
    watch: Option<Box<Watch>>,
}

/// Why a response body breaks off.
#[derive(Debug, Error)]
pub(crate) enum Cut {
    /// The upstream broke off.
    #[error(transparent)]
    Upstream(#[from] hyper::Error),
    /// The caller's credential ended.
    #[error("the credential ended")]
    Ended,
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
    pub(crate) in_flight: InFlight,
    /// Bytes handed over.
    pub(crate) bytes_out: u64,
    /// The whole body was handed over.
    pub(crate) complete: bool,
}

impl Download {
    /// A body of our own.
    pub(crate) fn full(body: Bytes, finish: Finish) -> Self {
        Self::new(Source::Full(body), finish, None)
    }

    fn new(source: Source, finish: Finish, term: Option<Term>) -> Self {
        let mut new = Self {
            source,
            hold: Hold::default(),
            finish,
            owed: false,
            term,
            watch: None,
        };
        new.owe(!new.is_end_stream());
        new
    }

    /// Tells the connection whether this body waits for its caller.
    fn owe(&mut self, owed: bool) {
        match (self.owed, owed) {
            (false, true) => self.finish.in_flight.owe(),
            (true, false) => self.finish.in_flight.settle(),
            _ => {}
        }
        self.owed = owed;
    }

    /// Tells whether the call must end here.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(snapshot) = self.finish.snapshot.as_deref() else {
            return false;
        };
        if let Some(term) = self.term.take() {
            self.watch = Some(Box::new(Watch::new(term, snapshot)));
        }
        let watch = self.watch.as_mut();
        watch.is_some_and(|watch| watch.poll_over(cx, snapshot))
    }

    /// A body of our own, with trailers behind it.
    pub(crate) fn trailed(body: Bytes, trailers: HeaderMap, finish: Finish) -> Self {
        let source = Source::Trailed(body, Some(Box::new(trailers)));
        Self::new(source, finish, None)
    }

    /// The body of an upstream's answer.
    pub(crate) fn relayed(
        incoming: Incoming,
        (lease, mut hold): (Option<Lease>, Hold),
        finish: Finish,
        term: Option<Term>,
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
        let mut new = Self::new(source, finish, term);
        new.hold = hold;
        new
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
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if self.watch.is_some() && self.is_over(cx) {
            return Poll::Ready(Some(Err(Cut::Ended)));
        }
        let polled = self.poll_source(cx);
        match &polled {
            Poll::Ready(None) => self.end(),
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.finish.bytes_out += u64::try_from(data.len()).unwrap_or(0);
                    self.finish.in_flight.take(data.len());
                }
                let ended = self.is_end_stream();
                self.owe(!ended);
                if ended {
                    self.end();
                }
            }
            Poll::Ready(Some(Err(_))) => {}
            Poll::Pending => {
                self.owe(false);
                if self.watch.is_none() && self.is_over(cx) {
                    return Poll::Ready(Some(Err(Cut::Ended)));
                }
            }
        }
        polled.map_err(Cut::Upstream)
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
        self.owe(false);
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
