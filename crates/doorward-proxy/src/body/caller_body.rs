//! A caller's request body, which is read on a little when nobody wants it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Version;
use http::header::EXPECT;
use http::request::Parts;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use doorward_core::room::Place;

/// How much of an unwanted body is read, in bytes.
const MOST: usize = 256 * 1024;
/// How long an unwanted body is read.
const LONGEST: Duration = Duration::from_secs(1);

/// A request body as it comes in.
///
/// A body that is dropped resets its HTTP/2 stream or HTTP/1 connection, and callers that are
/// still sending (curl among them) then lose the answer that was on its way: a refusal would look
/// like a broken connection. So a dropped body is read and thrown away in the background, within
/// bounds. Not where the caller waits for `100 Continue`: reading would ask for the body.
pub(crate) struct CallerBody {
    incoming: Option<Incoming>,
    is_coming: bool,
    held: Option<Box<Held>>,
}

/// A body that was read to its end.
#[derive(Default)]
struct Held {
    bytes: Option<Bytes>,
    place: Option<Place>,
}

impl CallerBody {
    /// Takes a body.
    pub(crate) fn new(incoming: Incoming, head: &Parts) -> Self {
        Self {
            incoming: Some(incoming),
            is_coming: head.version == Version::HTTP_2 || !head.headers.contains_key(EXPECT),
            held: None,
        }
    }

    /// Keeps the place in memory of what was read from this body.
    pub(super) fn keep(&mut self, place: Place) {
        self.held.get_or_insert_default().place = Some(place);
    }

    /// Gives these bytes in the place of what comes in.
    pub(super) fn with(mut self, bytes: Bytes) -> Self {
        self.incoming = None;
        self.held.get_or_insert_default().bytes = Some(bytes).filter(|bytes| !bytes.is_empty());
        self
    }

    fn held(&self) -> Option<&Bytes> {
        self.held.as_ref()?.bytes.as_ref()
    }
}

impl Drop for CallerBody {
    fn drop(&mut self) {
        let Some(incoming) = self.incoming.take().filter(|_| self.is_coming) else {
            return;
        };
        if incoming.is_end_stream() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LONGEST, read_away(incoming)));
        }
    }
}

async fn read_away(mut incoming: Incoming) {
    let mut read = 0;
    let mut next = async || std::future::poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await;
    while let Some(Ok(frame)) = next().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > MOST {
            return;
        }
    }
}

impl Body for CallerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(bytes) = self.held.as_mut().and_then(|held| held.bytes.take()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match &mut self.incoming {
            Some(incoming) => Pin::new(incoming).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held().is_none() && self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match (self.held(), &self.incoming) {
            (Some(bytes), _) => SizeHint::with_exact(bytes.len() as u64),
            (None, Some(incoming)) => incoming.size_hint(),
            (None, None) => SizeHint::default(),
        }
    }
}
