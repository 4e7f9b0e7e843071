//! The body of an answer: the service's, or ours.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of an answer: the service's, streamed as it comes, or a refusal of ours.
    #[derive(Debug)]
    pub struct AnswerBody<R> {
        #[pin]
        source: Source<R>,
    }
}

pin_project! {
    #[project = SourceView]
    #[derive(Debug)]
    enum Source<R> {
        Service { #[pin] body: R },
        Own { bytes: Option<Bytes> },
    }
}

impl<R> AnswerBody<R> {
    pub(crate) const fn of_service(body: R) -> Self {
        let source = Source::Service { body };
        Self { source }
    }

    pub(crate) fn own(bytes: Bytes) -> Self {
        let bytes = Some(bytes).filter(|bytes| !bytes.is_empty());
        let source = Source::Own { bytes };
        Self { source }
    }
}

impl<R: Body> Body for AnswerBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        match self.project().source.project() {
            SourceView::Own { bytes } => Poll::Ready(bytes.take().map(|own| Ok(Frame::data(own)))),
            SourceView::Service { body } => body
                .poll_frame(cx)
                .map_ok(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own { bytes } => bytes.is_none(),
            Source::Service { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own { bytes } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Source::Service { body } => body.size_hint(),
        }
    }
}
