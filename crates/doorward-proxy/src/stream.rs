//! A caller's byte stream, with what was read ahead of it and a pulse.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::head_guard::{HeadGuard, POISON};
use crate::pulse::Pulse;

/// A stream that reports to its connection's watchdog.
pub(crate) struct CallerStream<S> {
    inner: S,
    ahead: Bytes,
    pulse: Arc<Pulse>,
    guard: Guard,
}

/// What watches over the bytes that come in.
enum Guard {
    /// Nothing: HTTP/2 frames its messages itself.
    Off,
    /// The guard of HTTP/1.
    On(HeadGuard),
    /// Something was found: the parser gets what is left of the poison, and then the end.
    Found(&'static [u8]),
}

impl<S> CallerStream<S> {
    pub(crate) fn new(inner: S, ahead: Bytes, pulse: Arc<Pulse>, guard: Option<HeadGuard>) -> Self {
        Self {
            inner,
            ahead,
            pulse,
            guard: guard.map_or(Guard::Off, Guard::On),
        }
    }

    /// Shows what was read beyond `before` to the guard, and cuts off what it finds.
    fn inspect(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let Guard::On(guard) = &mut self.guard else {
            return;
        };
        if self.pulse.is_tunnel() {
            self.guard = Guard::Off;
            return;
        }
        let Some(read) = buf.filled().get(before..) else {
            return;
        };
        if let Err(keep) = guard.look(read) {
            buf.set_filled(before + keep);
            self.guard = Guard::Found(POISON);
            self.poison(buf);
        }
    }

    /// Hands over as much of the poison as fits.
    fn poison(&mut self, buf: &mut ReadBuf<'_>) {
        if let Guard::Found(left) = &mut self.guard {
            let (now, later) = left.split_at(left.len().min(buf.remaining()));
            buf.put_slice(now);
            *left = later;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CallerStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if matches!(self.guard, Guard::Found(_)) {
            self.poison(buf);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        if self.ahead.is_empty() {
            ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        } else {
            let take = self.ahead.len().min(buf.remaining());
            buf.put_slice(&self.ahead.split_to(take));
        }
        if buf.filled().len() > before {
            self.pulse.read();
            self.inspect(buf, before);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CallerStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.pulse.written(written.is_pending());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.pulse.written(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.pulse.written(flushed.is_pending());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.pulse.written(closed.is_pending());
        closed
    }
}

/// How an HTTP/2 connection begins (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Reads until it is clear whether a plain connection speaks HTTP/2; returns what was read.
pub(crate) async fn read_ahead<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<(bool, Bytes)> {
    use tokio::io::AsyncReadExt as _;
    let mut ahead = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut ahead).await? == 0 {
            return Ok((false, ahead.into()));
        }
        let known = ahead.len().min(PREFACE.len());
        if ahead.get(..known) != PREFACE.get(..known) {
            return Ok((false, ahead.into()));
        }
        if known == PREFACE.len() {
            return Ok((true, ahead.into()));
        }
        ahead.reserve(64);
    }
}
