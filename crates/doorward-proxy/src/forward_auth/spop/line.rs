//! The bytes of a connection: frames in, answers out, each in its time.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::{NORMAL, TIMED_OUT, TOO_BIG};
use crate::limits::Limits;

/// Room for one read.
const READ: usize = 16 * 1024;
/// The bytes that tell a frame's length.
const PREFIX: usize = 4;

/// A connection, and what has come of the next frames.
pub(super) struct Line<S> {
    stream: S,
    inbox: BytesMut,
    /// When the frame that is not whole yet began to come.
    began: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            inbox: BytesMut::new(),
            began: Instant::now(),
        }
    }

    /// The next frame without its length, if it is whole; the code of a disconnect when it is
    /// larger than `most`.
    pub(super) fn take(&mut self, most: usize) -> Result<Option<Bytes>, u64> {
        let Some(length) = self.inbox.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| TOO_BIG)?;
        if length > most {
            return Err(TOO_BIG);
        }
        if self.inbox.len() - PREFIX < length {
            return Ok(None);
        }
        self.inbox.advance(PREFIX);
        let frame = self.inbox.split_to(length).freeze();
        if !self.inbox.is_empty() {
            self.began = Instant::now();
        }
        Ok(Some(frame))
    }

    /// Reads more; the code of a disconnect at the end, and when nothing comes for too long or a
    /// frame that has begun takes too long. Nothing is lost when it is given up.
    pub(super) async fn more(&mut self, limits: &Limits) -> Result<(), u64> {
        let begins = self.inbox.is_empty();
        let end = if begins {
            Instant::now() + limits.idle_timeout
        } else {
            self.began + limits.header_timeout
        };
        if self.inbox.capacity() - self.inbox.len() < READ / 4 {
            self.inbox.reserve(READ);
        }
        let read = timeout_at(end, self.stream.read_buf(&mut self.inbox)).await;
        match read {
            Err(_) => Err(TIMED_OUT),
            Ok(Ok(0) | Err(_)) => Err(NORMAL),
            Ok(Ok(_)) => {
                if begins {
                    self.began = Instant::now();
                }
                Ok(())
            }
        }
    }

    /// Writes everything, in time.
    pub(super) async fn write(&mut self, bytes: &[u8], limits: &Limits) -> Result<(), ()> {
        let written = timeout(limits.write_timeout, self.stream.write_all(bytes)).await;
        matches!(written, Ok(Ok(()))).then_some(()).ok_or(())
    }

    /// Ends it.
    pub(super) async fn close(&mut self, limits: &Limits) {
        let _closed = timeout(limits.write_timeout, self.stream.shutdown()).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn frames_are_whole_however_they_come() {
        let (mut peer, own) = tokio::io::duplex(7);
        let limits = Limits::default();
        let sent = [
            &[0, 0, 0, 3][..],
            b"abc",
            &[0, 0, 0, 0],
            &[0, 0, 0, 10],
            b"0123456789",
        ];
        let sent = sent.concat();
        let writer = tokio::spawn(async move {
            for byte in sent {
                peer.write_all(&[byte]).await.unwrap();
            }
            peer
        });
        let mut line = Line::new(own);
        let mut frames = Vec::new();
        while frames.len() < 3 {
            match line.take(10).unwrap() {
                Some(frame) => frames.push(frame),
                None => line.more(&limits).await.unwrap(),
            }
        }
        assert_eq!(frames, [&b"abc"[..], b"", b"0123456789"]);
        let mut peer = writer.await.unwrap();
        line.write(b"yes", &limits).await.unwrap();
        let mut read = [0; 3];
        peer.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"yes");
        peer.write_all(&[0, 0, 0, 11]).await.unwrap();
        line.more(&limits).await.unwrap();
        assert_eq!(line.take(10), Err(TOO_BIG));
    }

    #[tokio::test(start_paused = true)]
    async fn r108_silence_and_half_a_frame_end_in_time() {
        let limits = Limits::default();
        let (_peer, own) = tokio::io::duplex(64);
        let started = Instant::now();
        assert_eq!(Line::new(own).more(&limits).await, Err(TIMED_OUT));
        assert_eq!(started.elapsed().as_secs(), limits.idle_timeout.as_secs());
        // A byte now and then does not keep half a frame alive.
        let (mut peer, own) = tokio::io::duplex(64);
        let pause = limits.header_timeout / 3;
        let drip = tokio::spawn(async move {
            while peer.write_all(&[0]).await.is_ok() {
                tokio::time::sleep(pause).await;
            }
        });
        let mut line = Line::new(own);
        line.inbox.extend_from_slice(&[0, 0, 4, 0]);
        line.began = Instant::now();
        let started = Instant::now();
        let code = loop {
            assert_eq!(line.take(5000), Ok(None));
            if let Err(code) = line.more(&limits).await {
                break code;
            }
        };
        assert_eq!(code, TIMED_OUT);
        assert_eq!(started.elapsed().as_secs(), limits.header_timeout.as_secs());
        drop(line);
        drip.await.unwrap();
    }
}
