//! The body of a permitted call: streamed within its rule's bound, or as it was judged.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use doorward_core::body::BodyExpectation;
use doorward_core::rejection::BodyFault;
use doorward_core::request::ManagedHeaders;
use doorward_core::room::Place;
use doorward_core::{Gate, Permit};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderName, TRAILER, TRANSFER_ENCODING};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use thiserror::Error;

use super::expected::Expected;

/// A source of errors of any kind.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why the rest of a body never comes.
#[derive(Debug, Error)]
pub enum BodyError {
    /// It is larger than the rule allows. Whatever the service answers, the caller gets 413.
    #[error("the request body is larger than its rule allows")]
    TooLarge,
    /// It is not the one that the caller has signed. Its last bytes never come, and whatever the
    /// service answers, the caller gets 401.
    #[error("the request body is not the one that was signed")]
    Altered,
    /// The caller or the connection failed.
    #[error("the request body broke off: {0}")]
    Broken(#[source] BoxError),
}

/// Tells the layer what was wrong with a body while the service read it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch(Option<Arc<AtomicU8>>);

impl Watch {
    /// Watches where something can go wrong.
    pub(crate) fn new(limit: Option<u64>, expectation: &BodyExpectation) -> Self {
        let watched = limit.is_some() || !expectation.is_any();
        Self(watched.then(Arc::default))
    }

    /// What was wrong.
    pub(crate) fn fault(&self) -> Option<BodyFault> {
        match self.0.as_ref()?.load(Ordering::Acquire) {
            1 => Some(BodyFault::TooLarge),
            2 => Some(BodyFault::Altered),
            _ => None,
        }
    }

    /// Remembers what is wrong, and says it to the service.
    fn note(&self, fault: BodyFault) -> BodyError {
        let (code, error) = match fault {
            BodyFault::TooLarge => (1, BodyError::TooLarge),
            _ => (2, BodyError::Altered),
        };
        if let Some(seen) = &self.0 {
            seen.store(code, Ordering::Release);
        }
        error
    }
}

pin_project! {
    /// The body that a guarded service gets: the caller's, streamed within the bound of its rule
    /// and without trailers that only we may send; or, where a rule judges bodies, exactly the
    /// bytes that were judged.
    pub struct GuardedBody<B> {
        #[pin]
        source: Source<B>,
    }
}

pin_project! {
    #[project = SourceView]
    enum Source<B> {
        Streamed {
            #[pin]
            body: B,
            left: u64,
            watch: Watch,
            expected: Expected,
            gate: Arc<Gate>,
        },
        Judged {
            bytes: Option<Bytes>,
            // Given back when the body is dropped.
            place: Place,
        },
    }
}

impl<B> GuardedBody<B> {
    /// Streams a body within the bound of the permit's rule, as far as it is what the permit's
    /// credential covers.
    ///
    /// # Errors
    /// [`BodyFault::Altered`] for an empty body that should not be.
    pub(crate) fn streamed(
        body: B,
        permit: &Permit,
        watch: &Watch,
        gate: &Arc<Gate>,
    ) -> Result<Self, BodyFault>
    where
        B: Body,
    {
        let expected = Expected::new(permit.body_expectation(), body.is_end_stream())?;
        let source = Source::Streamed {
            body,
            left: permit.rule().forwarding.max_body.unwrap_or(u64::MAX),
            watch: watch.clone(),
            expected,
            gate: Arc::clone(gate),
        };
        Ok(Self { source })
    }

    /// Gives these bytes and nothing after them.
    pub(crate) fn judged(bytes: Bytes, place: Place) -> Self {
        let bytes = Some(bytes).filter(|bytes| !bytes.is_empty());
        let source = Source::Judged { bytes, place };
        Self { source }
    }
}

impl<B> Body for GuardedBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let (mut body, left, watch, expected, gate) = match self.project().source.project() {
            SourceView::Judged { bytes, .. } => {
                return Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))));
            }
            SourceView::Streamed {
                body,
                left,
                watch,
                expected,
                gate,
            } => (body, left, watch, expected, gate),
        };
        loop {
            if watch.fault().is_some() {
                return Poll::Ready(None);
            }
            if let Some(rest) = expected.rest() {
                return Poll::Ready(rest.map(Ok));
            }
            let frame = match ready!(body.as_mut().poll_frame(cx)) {
                None => {
                    let ended = expected.end();
                    let rest = expected.rest().flatten().map(Ok);
                    return Poll::Ready(
                        ended.map_or_else(|fault| Some(Err(watch.note(fault))), |()| rest),
                    );
                }
                Some(Err(cause)) => {
                    return Poll::Ready(Some(Err(BodyError::Broken(cause.into()))));
                }
                Some(Ok(frame)) => bounded(frame, left, gate.managed()),
            };
            match frame.and_then(|frame| expected.take(frame)) {
                Ok(None) => {}
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Err(fault) => return Poll::Ready(Some(Err(watch.note(fault)))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Judged { bytes, .. } => bytes.is_none(),
            Source::Streamed {
                body,
                watch,
                expected,
                ..
            } => watch.fault().is_some() || expected.is_over(body.is_end_stream()),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Judged { bytes, .. } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Source::Streamed { body, .. } => body.size_hint(),
        }
    }
}

/// Keeps a frame within the bound of the body, and trailers without what only we may send.
fn bounded<D: Buf>(
    frame: Frame<D>,
    left: &mut u64,
    managed: &ManagedHeaders,
) -> Result<Frame<Bytes>, BodyFault> {
    let mut frame = frame.map_data(|mut data| data.copy_to_bytes(data.remaining()));
    if let Some(data) = frame.data_ref() {
        let rest = left.checked_sub(data.len() as u64);
        *left = rest.ok_or(BodyFault::TooLarge)?;
    }
    if let Some(trailers) = frame.trailers_mut() {
        strip_trailers(trailers, managed);
    }
    Ok(frame)
}

/// SECURITY: trailers that are merged into headers would bring in what the head may not have.
fn strip_trailers(trailers: &mut HeaderMap, managed: &ManagedHeaders) {
    const FRAMING: [HeaderName; 5] = [CONTENT_LENGTH, COOKIE, HOST, TRAILER, TRANSFER_ENCODING];
    let ends_here = |name: &&HeaderName| managed.ends_here(name, false) || FRAMING.contains(name);
    let gone: Vec<HeaderName> = trailers.keys().filter(ends_here).cloned().collect();
    for name in gone {
        trailers.remove(name);
    }
}
