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
}

impl CallerBody {
    /// Takes a body.
    pub(crate) fn new(incoming: Incoming, head: &Parts) -> Self {
        Self {
            incoming: Some(incoming),
            is_coming: head.version == Version::HTTP_2 || !head.headers.contains_key(EXPECT),
        }
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
        match &mut self.incoming {
            Some(incoming) => Pin::new(incoming).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming
            .as_ref()
            .map_or_else(SizeHint::default, Body::size_hint)
    }
}
