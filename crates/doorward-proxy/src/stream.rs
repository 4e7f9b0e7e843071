//! A caller's byte stream, with what was read ahead of it and a pulse.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::head_guard::{HeadGuard, POISON};
use crate::pulse::Pulse;

/// A stream that can be closed without waiting for the other end to read what was sent.
pub(crate) trait Abandon {
    /// Makes the close that follows forget what was not read yet.
    fn abandon(&self);
}

impl Abandon for TcpStream {
    fn abandon(&self) {
        // A socket that is gone already holds nothing.
        let _gone = self.set_zero_linger();
    }
}

#[cfg(test)]
impl Abandon for tokio::io::DuplexStream {
    fn abandon(&self) {}
}

impl<S: Abandon> Abandon for TlsStream<S> {
    fn abandon(&self) {
        self.get_ref().0.abandon();
    }
}

/// A stream that reports to its connection's watchdog.
pub(crate) struct CallerStream<S: Abandon> {
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

/// SECURITY: the system keeps what a closed connection has not sent for as long as the caller reads
/// a byte now and then: megabytes for each, and none of them counted here.
impl<S: Abandon> Drop for CallerStream<S> {
    fn drop(&mut self) {
        if self.pulse.is_abandoned() {
            self.inner.abandon();
        }
    }
}

impl<S: Abandon> CallerStream<S> {
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

impl<S: AsyncRead + Abandon + Unpin> AsyncRead for CallerStream<S> {
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

impl<S: AsyncWrite + Abandon + Unpin> AsyncWrite for CallerStream<S> {
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Mutex;

    use http::{Request, Response};
    use http_body_util::{BodyExt as _, Empty};
    use hyper::body::Incoming;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex, split};

    use super::*;

    /// A small generator of numbers (xorshift).
    struct Dice(u64);
    impl Dice {
        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 >> 33).unwrap() % bound
        }
        fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
            from[self.below(from.len())]
        }
    }

    /// What the parser makes of a stream that arrives in pieces: the requests, whole ones only.
    async fn parse(bytes: &[u8], dice: &mut Dice, guarded: bool) -> (Vec<String>, String) {
        let (ours, theirs) = duplex(1 << 16);
        let guard = guarded.then(|| HeadGuard::new(32 * 1024));
        let stream = CallerStream::new(theirs, Bytes::new(), Pulse::new(true), guard);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let service = service_fn(move |request: Request<Incoming>| {
            let log = Arc::clone(&log);
            async move {
                let (parts, body) = request.into_parts();
                if let Ok(body) = body.collect().await {
                    let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
                    let line = format!("{} {} {body:?}", parts.method, parts.uri);
                    log.lock().unwrap().push(line);
                }
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        });
        let mut builder = http1::Builder::new();
        builder.header_read_timeout(None).half_close(true);
        let conn = builder.serve_connection(TokioIo::new(stream), service);
        let (mut answers, mut sink) = split(ours);
        let mut rest = bytes;
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let (piece, later) = rest.split_at((1 + dice.below(40)).min(rest.len()));
            pieces.push(piece);
            rest = later;
        }
        let write = async {
            for piece in pieces {
                if sink.write_all(piece).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            let _closed = sink.shutdown().await;
        };
        let mut answered = String::new();
        let read = answers.read_to_string(&mut answered);
        let _all = tokio::join!(conn, write, read);
        let seen = seen.lock().unwrap().clone();
        (seen, answered)
    }

    const BODIES: &[&str] = &[
        "\r\n",
        "Content-Length: 0\r\n\r\n",
        "Content-Length: 9\r\n\r\nGET /x \r\n",
        "content-length:4\r\n\r\n\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding:Chunked\r\n\r\n4\r\n\r\n0\r\r\n0a;x=y\r\nGET / HTTP\r\n00\r\nA: b\r\n\r\n",
    ];
    const HEADERS: &[&str] = &["", "X: y\r\n", "Content: 7\r\nA:\r\n", "Expect: x\r\n"];
    const NOISE: &[&str] = &[
        "\n",
        "\r",
        " ",
        ":",
        "#",
        "\0",
        "0",
        "\r\n",
        "\r\n\r\n",
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        ";",
        "f",
        "\t",
        ",",
    ];

    #[tokio::test]
    async fn r103_the_guard_sees_what_the_parser_sees() {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        for round in 0..3000 {
            let mut stream = String::new();
            let count = 1 + dice.below(4);
            for n in 0..count {
                let method = dice.pick(&["GET", "POST", "PUT"]);
                let (headers, body) = (dice.pick(HEADERS), dice.pick(BODIES));
                stream += &format!("{method} /{n} HTTP/1.1\r\nHost: a\r\n{headers}{body}");
            }
            let mutated = round % 3 != 0;
            if mutated {
                let at = dice.below(stream.len());
                stream.insert_str(at, dice.pick(NOISE));
            }
            let (bare, _) = parse(stream.as_bytes(), &mut dice, false).await;
            let (guarded, answers) = parse(stream.as_bytes(), &mut dice, true).await;
            assert!(
                bare.starts_with(&guarded),
                "{stream:?}: {bare:?} {guarded:?}"
            );
            if !mutated {
                assert_eq!((guarded.len(), &guarded), (count, &bare), "{stream:?}");
                assert_eq!(
                    answers.matches("HTTP/1.1 200 OK").count(),
                    count,
                    "{answers}"
                );
            }
        }
    }
}
