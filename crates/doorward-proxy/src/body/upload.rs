//! A request body on its way to an upstream.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use doorward_core::request::ManagedHeaders;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep_until};

use super::digest::{Broken, CheckedBody};
use crate::door::Snapshot;
use crate::forward::strip_trailers;
use crate::term::{Term, Watch};

/// How far an upload has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum UploadEnd {
    /// It goes on.
    Open,
    /// Its last byte was handed over.
    Done,
    /// It was larger than allowed.
    TooLarge,
    /// It made no progress, or too little.
    Stalled,
    /// The caller's credential ended.
    Ended,
    /// Its framing was broken, or the caller hung up.
    Broken,
    /// It is not the body that was signed.
    Altered,
}

/// Aborts the exchange with the upstream: the body will never be complete.
#[derive(Debug, Error)]
#[error("the request body was given up")]
pub(crate) struct GivenUp;

/// What an upload and the exchange that carries it share.
pub(crate) struct UploadState {
    began: Instant,
    end: AtomicU8,
    progress_ms: AtomicU64,
}

impl UploadState {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            end: AtomicU8::new(0),
            progress_ms: AtomicU64::new(0),
        })
    }

    pub(crate) fn end(&self) -> UploadEnd {
        match self.end.load(Ordering::Acquire) {
            0 => UploadEnd::Open,
            1 => UploadEnd::Done,
            2 => UploadEnd::TooLarge,
            3 => UploadEnd::Stalled,
            6 => UploadEnd::Ended,
            4 => UploadEnd::Broken,
            _ => UploadEnd::Altered,
        }
    }

    fn set(&self, end: UploadEnd) {
        let code = match end {
            UploadEnd::Open => 0,
            UploadEnd::Done => 1,
            UploadEnd::TooLarge => 2,
            UploadEnd::Stalled => 3,
            UploadEnd::Ended => 6,
            UploadEnd::Broken => 4,
            UploadEnd::Altered => 5,
        };
        self.end.store(code, Ordering::Release);
    }

    fn touch(&self) {
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.progress_ms.store(ms, Ordering::Relaxed);
    }

    /// When the upload last made progress.
    pub(crate) fn progress(&self) -> Instant {
        self.began + std::time::Duration::from_millis(self.progress_ms.load(Ordering::Relaxed))
    }
}

/// A request body: empty, or streamed with a limit and a deadline for progress.
pub(crate) struct Upload(Option<Box<Streamed>>);

struct Streamed {
    incoming: CheckedBody,
    left: u64,
    state: Arc<UploadState>,
    snapshot: Arc<Snapshot>,
    pending_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// How long the caller was waited for, and what it sent.
    waited: Duration,
    received: u64,
    term: Option<Term>,
    watch: Option<Watch>,
}

impl Upload {
    /// No body.
    pub(crate) const EMPTY: Self = Self(None);

    /// Takes a caller's body; `limit` in bytes.
    pub(crate) fn new(
        incoming: CheckedBody,
        limit: Option<u64>,
        (snapshot, term): (&Arc<Snapshot>, Option<Term>),
    ) -> (Self, Option<Arc<UploadState>>) {
        if incoming.is_end_stream() {
            return (Self::EMPTY, None);
        }
        let state = UploadState::new();
        let streamed = Streamed {
            incoming,
            left: limit.unwrap_or(u64::MAX),
            state: Arc::clone(&state),
            snapshot: Arc::clone(snapshot),
            pending_since: None,
            timer: None,
            waited: Duration::ZERO,
            received: 0,
            term,
            watch: None,
        };
        (Self(Some(Box::new(streamed))), Some(state))
    }
}

impl Streamed {
    fn fail(&self, end: UploadEnd) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        self.state.set(end);
        Poll::Ready(Some(Err(GivenUp)))
    }

    fn managed(&self) -> &ManagedHeaders {
        self.snapshot.gate.managed()
    }

    /// Tells whether the caller has been silent for too long; arranges to be woken when it is.
    fn stalled(&mut self, cx: &mut Context<'_>) -> bool {
        let idle = self.snapshot.limits.body_idle_timeout;
        let since = *self.pending_since.get_or_insert_with(Instant::now);
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(since + idle)));
        while timer.as_mut().poll(cx).is_ready() {
            if since.elapsed() >= idle {
                return true;
            }
            timer.as_mut().reset(since + idle);
        }
        false
    }

    /// Tells whether the call must end here.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(term) = self.term.take() {
            self.watch = Some(Watch::new(term, &self.snapshot));
        }
        let watch = self.watch.as_mut();
        watch.is_some_and(|watch| watch.poll_over(cx, &self.snapshot))
    }

    /// Tells whether the caller sends so little that it seems to want to be waited for. Only the
    /// time counts in which we waited for the caller, not that in which the upstream was slow.
    fn is_too_slow(&mut self) -> bool {
        let Some(since) = self.pending_since.take() else {
            return false;
        };
        self.waited = self.waited.saturating_add(since.elapsed());
        let limits = &self.snapshot.limits;
        let fewest = limits.body_rate.saturating_mul(self.waited.as_secs());
        self.waited > limits.body_idle_timeout && self.received < fewest
    }

    fn take(&mut self, frame: Frame<Bytes>) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        let frame = match frame.into_data() {
            Ok(data) => {
                let len = u64::try_from(data.len()).unwrap_or(u64::MAX);
                let Some(left) = self.left.checked_sub(len) else {
                    return self.fail(UploadEnd::TooLarge);
                };
                self.left = left;
                self.received = self.received.saturating_add(len);
                Frame::data(data)
            }
            Err(other) => match other.into_trailers() {
                Ok(mut trailers) => {
                    strip_trailers(&mut trailers, self.managed());
                    Frame::trailers(trailers)
                }
                Err(_) => Frame::trailers(HeaderMap::new()),
            },
        };
        if frame.is_trailers() || self.incoming.is_end_stream() {
            self.state.set(UploadEnd::Done);
        }
        Poll::Ready(Some(Ok(frame)))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        let Some(streamed) = self.0.as_deref_mut() else {
            return Poll::Ready(None);
        };
        if streamed.watch.is_some() && streamed.is_over(cx) {
            return streamed.fail(UploadEnd::Ended);
        }
        match Pin::new(&mut streamed.incoming).poll_frame(cx) {
            Poll::Pending if streamed.is_over(cx) => streamed.fail(UploadEnd::Ended),
            Poll::Pending if streamed.stalled(cx) => streamed.fail(UploadEnd::Stalled),
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                streamed.state.set(UploadEnd::Done);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(Broken::Framing(_)))) => streamed.fail(UploadEnd::Broken),
            Poll::Ready(Some(Err(Broken::Altered))) => streamed.fail(UploadEnd::Altered),
            Poll::Ready(Some(Ok(_))) if streamed.is_too_slow() => streamed.fail(UploadEnd::Stalled),
            Poll::Ready(Some(Ok(frame))) => {
                streamed.state.touch();
                streamed.take(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|streamed| streamed.incoming.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(
            || SizeHint::with_exact(0),
            |streamed| streamed.incoming.size_hint(),
        )
    }
}
