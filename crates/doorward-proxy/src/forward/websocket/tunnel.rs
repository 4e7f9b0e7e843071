//! Bytes both ways, until both ends have closed, nothing moved, or a frame is too big.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use doorward_core::policy::WebSocketBounds;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, copy_bidirectional_with_sizes,
};
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

use super::frame::{Breach, FrameReader};

const BUFFER: usize = 8 * 1024;

/// How long the frame that is being sent to the caller may take to its end, and then the caller
/// to read why it is cut off.
const FAREWELL: Duration = Duration::from_secs(2);

/// Carries bytes until the end. `bounds` are looked after where they bound anything.
pub(super) async fn carry(
    caller: Upgraded,
    upstream: Upgraded,
    bounds: WebSocketBounds,
    idle: Duration,
) {
    let moved = Moved::new();
    let mut caller = Watched::new(caller, &moved);
    caller.judge = bounds.counts_bytes().then(|| Box::new(Judge::new(bounds)));
    let broke_off = {
        let mut upstream = Upstream::new(upstream, &moved);
        tokio::select! {
            copied = copy_bidirectional_with_sizes(&mut caller, &mut upstream, BUFFER, BUFFER) => {
                copied.is_err()
            }
            () = moved.stopped_for(idle) => false,
        }
    };
    if broke_off {
        let farewell = close(caller.breach(), caller.io);
        let _gone = timeout(FAREWELL, farewell).await;
    }
}

/// Says why, where that can be said, and reads on until the caller has heard it: closed at once, a connection on which
/// something still arrives may lose what was said last.
async fn close(breach: Option<Breach>, mut io: TokioIo<Upgraded>) -> io::Result<()> {
    if let Some(breach) = breach {
        let [high, low] = breach.code().to_be_bytes();
        io.write_all(&[0x88, 2, high, low]).await?;
    }
    io.shutdown().await?;
    let mut unread = [0; 1024];
    while io.read(&mut unread).await? > 0 {}
    Ok(())
}

/// When bytes last moved.
struct Moved {
    began: Instant,
    ms: AtomicU64,
}

impl Moved {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            ms: AtomicU64::new(0),
        })
    }

    fn touch(&self) {
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.ms.store(ms, Ordering::Relaxed);
    }

    async fn stopped_for(&self, idle: Duration) {
        loop {
            let last = self.began + Duration::from_millis(self.ms.load(Ordering::Relaxed));
            if last.elapsed() >= idle {
                return;
            }
            sleep_until(last + idle).await;
        }
    }
}

/// Follows the frames of both directions. A breach stops what the caller sends at once, and
/// what it is sent at the end of a frame, so that the reason can be told.
struct Judge {
    from_caller: FrameReader,
    to_caller: FrameReader,
    breach: Option<Breach>,
    patience: Option<Pin<Box<Sleep>>>,
}

impl Judge {
    fn new(bounds: WebSocketBounds) -> Self {
        Self {
            from_caller: FrameReader::new(bounds),
            to_caller: FrameReader::new(WebSocketBounds::NONE),
            breach: None,
            patience: None,
        }
    }

    /// Waits for the end of the frame that is being sent.
    fn poll_stop(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if !self.to_caller.is_at_boundary() {
            let patience = self
                .patience
                .get_or_insert_with(|| Box::pin(sleep(FAREWELL)));
            ready!(patience.as_mut().poll(cx));
        }
        Poll::Ready(io::ErrorKind::InvalidData.into())
    }
}

/// The caller's end of a tunnel.
struct Watched {
    io: TokioIo<Upgraded>,
    moved: Arc<Moved>,
    judge: Option<Box<Judge>>,
}

impl Watched {
    fn new(io: Upgraded, moved: &Arc<Moved>) -> Self {
        Self {
            io: TokioIo::new(io),
            moved: Arc::clone(moved),
            judge: None,
        }
    }

    /// Why it was stopped, if a frame's end was reached where that can be said.
    fn breach(&self) -> Option<Breach> {
        let judge = self.judge.as_ref()?;
        judge.breach.filter(|_| judge.to_caller.is_at_boundary())
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { io, moved, judge } = &mut *self;
        let stopped = judge.as_mut().filter(|judge| judge.breach.is_some());
        if let Some(judge) = stopped {
            return judge.poll_stop(cx).map(Err);
        }
        let before = buf.filled().len();
        ready!(Pin::new(io).poll_read(cx, buf))?;
        moved.touch();
        if let Some(judge) = judge {
            let new = buf.filled().get(before..).unwrap_or(&[]);
            if let Err(breach) = judge.from_caller.follow(new) {
                // What came with it goes nowhere; a part of its header may have.
                buf.set_filled(before);
                judge.breach = Some(breach);
                return judge.poll_stop(cx).map(Err);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { io, moved, judge } = &mut *self;
        let Some(judge) = judge else {
            let written = Pin::new(io).poll_write(cx, buf);
            if written.is_ready() {
                moved.touch();
            }
            return written;
        };
        let most = match judge.breach {
            None => buf.len(),
            Some(_) => judge.to_caller.left_of_frame(buf),
        };
        if most == 0 && !buf.is_empty() {
            // The reading half knows that it is time to stop.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let written = ready!(Pin::new(io).poll_write(cx, buf.get(..most).unwrap_or(buf)))?;
        moved.touch();
        // What the upstream sends is not bounded; a length that is none only has no end.
        let _unbounded = judge.to_caller.follow(buf.get(..written).unwrap_or(buf));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// The upstream's end of a tunnel. One that has hung up may have said why, and that is read to
/// its end before a failure to write ends the tunnel.
struct Upstream {
    io: TokioIo<Upgraded>,
    moved: Arc<Moved>,
    /// Nothing can be written any more.
    deaf: bool,
    /// Nothing comes any more.
    silent: bool,
}

impl Upstream {
    fn new(io: Upgraded, moved: &Arc<Moved>) -> Self {
        Self {
            io: TokioIo::new(io),
            moved: Arc::clone(moved),
            deaf: false,
            silent: false,
        }
    }

    /// What comes of a failure to write.
    fn failed(&mut self, error: io::Error, bytes: usize) -> io::Result<usize> {
        self.deaf = true;
        if self.silent { Err(error) } else { Ok(bytes) }
    }
}

impl AsyncRead for Upstream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.io).poll_read(cx, buf));
        self.moved.touch();
        self.silent = read.is_err() || buf.filled().len() == before;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Upstream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.deaf {
            return Poll::Ready(self.failed(io::ErrorKind::BrokenPipe.into(), buf.len()));
        }
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, buf));
        self.moved.touch();
        Poll::Ready(written.or_else(|error| self.failed(error, buf.len())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.io).poll_flush(cx));
        Poll::Ready(flushed.or_else(|error| self.failed(error, 0).map(drop)))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = ready!(Pin::new(&mut self.io).poll_shutdown(cx));
        Poll::Ready(shut.or_else(|error| self.failed(error, 0).map(drop)))
    }
}
