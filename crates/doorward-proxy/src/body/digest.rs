//! A request body that is checked while it passes (RFC 9530): the last bytes are held back until
//! all of it was seen, so that an altered body never completes at the upstream.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use doorward_core::body::{BodyCheck, BodyExpectation};
use http_body::{Body, Frame, SizeHint};
use thiserror::Error;

use super::CallerBody;

/// Why a body ends before its end.
#[derive(Debug, Error)]
pub(crate) enum Broken {
    /// Its framing is broken, or the caller hung up.
    #[error("the body is broken")]
    Framing(hyper::Error),
    /// It is not what the credential says.
    #[error("the body is not the one that was signed")]
    Altered,
}

/// A caller's body, and what it must be.
pub(crate) struct CheckedBody {
    incoming: CallerBody,
    guard: Guard,
}

enum Guard {
    /// Nothing is asked of it, or all was found good.
    Any,
    /// It must be empty.
    Empty,
    /// It must have digests.
    Digest(Box<Running>),
}

struct Running {
    /// Taken when the body has ended.
    check: Option<Box<dyn BodyCheck>>,
    /// The last bytes that came.
    held: Bytes,
    /// The trailers, once the bytes before them were found good.
    trailers: Option<Frame<Bytes>>,
}

impl CheckedBody {
    /// Takes a body. An empty one that should not be is refused at once.
    pub(crate) fn new(incoming: CallerBody, expectation: &BodyExpectation) -> Result<Self, Broken> {
        let ended = incoming.is_end_stream();
        let guard = match expectation {
            BodyExpectation::Any => Guard::Any,
            BodyExpectation::Empty => Guard::Empty,
            BodyExpectation::Digest(digest) if ended => {
                if !digest.begin().matches() {
                    return Err(Broken::Altered);
                }
                Guard::Any
            }
            BodyExpectation::Digest(digest) => Guard::Digest(Box::new(Running {
                check: Some(digest.begin()),
                held: Bytes::new(),
                trailers: None,
            })),
        };
        Ok(Self { incoming, guard })
    }
}

impl Running {
    /// Takes a frame; gives the one before it.
    fn take(&mut self, frame: Frame<Bytes>) -> Result<Option<Frame<Bytes>>, Broken> {
        match frame.into_data() {
            Ok(data) => {
                if let Some(check) = &mut self.check {
                    check.update(&data);
                }
                if data.is_empty() {
                    return Ok(None);
                }
                let before = std::mem::replace(&mut self.held, data);
                Ok((!before.is_empty()).then(|| Frame::data(before)))
            }
            Err(trailers) => {
                self.trailers = Some(trailers);
                self.end()
            }
        }
    }

    /// Judges the whole; gives what is left of it, piece by piece.
    fn end(&mut self) -> Result<Option<Frame<Bytes>>, Broken> {
        // SECURITY: before this line the upstream does not have the last bytes.
        if let Some(check) = self.check.take()
            && !check.matches()
        {
            self.held.clear();
            self.trailers = None;
            return Err(Broken::Altered);
        }
        if !self.held.is_empty() {
            return Ok(Some(Frame::data(std::mem::take(&mut self.held))));
        }
        Ok(self.trailers.take())
    }

    const fn is_over(&self) -> bool {
        self.check.is_none()
    }

    fn is_spent(&self) -> bool {
        self.is_over() && self.held.is_empty() && self.trailers.is_none()
    }
}

impl Body for CheckedBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let Self { incoming, guard } = &mut *self;
        loop {
            if let Guard::Digest(running) = guard
                && running.is_over()
            {
                return Poll::Ready(running.end().transpose());
            }
            let polled = match Pin::new(&mut *incoming).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(Broken::Framing(error))));
                }
                Poll::Ready(polled) => polled.and_then(Result::ok),
            };
            match (&mut *guard, polled) {
                (Guard::Any, frame) => return Poll::Ready(frame.map(Ok)),
                (Guard::Empty, Some(frame)) if frame.data_ref().is_some_and(Bytes::is_empty) => {}
                (Guard::Empty, Some(_)) => return Poll::Ready(Some(Err(Broken::Altered))),
                (Guard::Empty, None) => return Poll::Ready(None),
                (Guard::Digest(running), None) => return Poll::Ready(running.end().transpose()),
                (Guard::Digest(running), Some(frame)) => match running.take(frame) {
                    Ok(None) => {}
                    taken => return Poll::Ready(taken.transpose()),
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.guard {
            Guard::Any | Guard::Empty => self.incoming.is_end_stream(),
            Guard::Digest(running) => running.is_spent(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.incoming.size_hint();
        let Guard::Digest(running) = &self.guard else {
            return hint;
        };
        let held = u64::try_from(running.held.len()).unwrap_or(u64::MAX);
        let mut whole = SizeHint::new();
        if let Some(upper) = hint.upper() {
            whole.set_upper(upper.saturating_add(held));
        }
        whole.set_lower(hint.lower().saturating_add(held));
        whole
    }
}
