//! Whether a body is the one that its credential covers (RFC 9530). The last bytes are held back
//! until all were seen: an altered body never completes at the service.

use bytes::Bytes;
use doorward_core::body::{BodyCheck, BodyExpectation};
use doorward_core::rejection::BodyFault;
use http::HeaderMap;
use http_body::Frame;

/// What a body must be, and how much of it has come.
pub(crate) enum Expected {
    /// Any body.
    Any,
    /// None.
    Empty,
    /// One with the digests that were signed.
    Digest(Box<Running>),
}

/// The check of a body that is coming.
pub(crate) struct Running {
    /// Taken when the body has ended.
    check: Option<Box<dyn BodyCheck>>,
    /// The last bytes that came.
    held: Bytes,
    trailers: Option<HeaderMap>,
}

/// Tells whether whole bytes are what a credential covers.
pub(crate) fn fits(expectation: &BodyExpectation, bytes: &[u8]) -> bool {
    match expectation {
        BodyExpectation::Any => true,
        BodyExpectation::Empty => bytes.is_empty(),
        BodyExpectation::Digest(digest) => {
            let mut check = digest.begin();
            check.update(bytes);
            check.matches()
        }
    }
}

impl Expected {
    /// Begins to check a body, which has `ended` already when it is empty.
    ///
    /// # Errors
    /// [`BodyFault::Altered`] for an empty body that should not be.
    pub(crate) fn new(expectation: &BodyExpectation, ended: bool) -> Result<Self, BodyFault> {
        match expectation {
            BodyExpectation::Any => Ok(Self::Any),
            BodyExpectation::Empty => Ok(Self::Empty),
            BodyExpectation::Digest(_) if ended && !fits(expectation, b"") => {
                Err(BodyFault::Altered)
            }
            BodyExpectation::Digest(_) if ended => Ok(Self::Any),
            BodyExpectation::Digest(digest) => Ok(Self::Digest(Box::new(Running {
                check: Some(digest.begin()),
                held: Bytes::new(),
                trailers: None,
            }))),
        }
    }

    /// Takes what has come; gives what may be passed on.
    ///
    /// # Errors
    /// [`BodyFault::Altered`].
    pub(crate) fn take(&mut self, frame: Frame<Bytes>) -> Result<Option<Frame<Bytes>>, BodyFault> {
        match self {
            Self::Any => Ok(Some(frame)),
            Self::Empty if frame.data_ref().is_some_and(|data| !data.is_empty()) => {
                Err(BodyFault::Altered)
            }
            Self::Empty => Ok(None),
            Self::Digest(running) => match frame.into_data() {
                Ok(data) => Ok(running.hold(data)),
                Err(other) => {
                    running.trailers = other.into_trailers().ok();
                    self.end()?;
                    Ok(self.rest().flatten())
                }
            },
        }
    }

    /// Judges the whole.
    ///
    /// # Errors
    /// [`BodyFault::Altered`].
    pub(crate) fn end(&mut self) -> Result<(), BodyFault> {
        let Self::Digest(running) = self else {
            return Ok(());
        };
        // SECURITY: before this line the service does not have the last bytes.
        if running.check.take().is_none_or(|check| check.matches()) {
            return Ok(());
        }
        running.held.clear();
        running.trailers = None;
        Err(BodyFault::Altered)
    }

    /// What is left of a body that has ended, piece by piece; `None` while it has not.
    pub(crate) fn rest(&mut self) -> Option<Option<Frame<Bytes>>> {
        let Self::Digest(running) = self else {
            return None;
        };
        if running.check.is_some() {
            return None;
        }
        if !running.held.is_empty() {
            return Some(Some(Frame::data(std::mem::take(&mut running.held))));
        }
        Some(running.trailers.take().map(Frame::trailers))
    }

    /// Tells whether nothing more comes, of a body that has `ended` or not.
    pub(crate) fn is_over(&self, ended: bool) -> bool {
        match self {
            Self::Any | Self::Empty => ended,
            Self::Digest(running) => {
                running.check.is_none() && running.held.is_empty() && running.trailers.is_none()
            }
        }
    }
}

impl Running {
    /// Holds bytes; gives those before them.
    fn hold(&mut self, data: Bytes) -> Option<Frame<Bytes>> {
        if let Some(check) = &mut self.check {
            check.update(&data);
        }
        if data.is_empty() {
            return None;
        }
        let before = std::mem::replace(&mut self.held, data);
        (!before.is_empty()).then(|| Frame::data(before))
    }
}
