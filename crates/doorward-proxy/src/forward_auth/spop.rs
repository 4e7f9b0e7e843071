//! HAProxy's SPOE: an agent that speaks SPOP 2.0, with frames in one piece and any number of
//! questions under way on a connection. Variables of the transaction are the answer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use doorward_core::Front;
use doorward_core::request::RequestFault;
use http::{Method, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::judge::{Call, Verdict, judge_call};
use super::{Dialect, ForwardAuth};
use crate::access_log::Access;
use crate::door::{Door, Snapshot};
use crate::drain::Drain;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::listener::Peer;

mod ack;
mod frame;
mod hello;
mod notify;

use frame::{AGENT_DISCONNECT, Broken, Frame, HAPROXY_DISCONNECT, HAPROXY_HELLO, NOTIFY, Value};
use hello::Hello;

/// The most questions of one connection that are under way.
const MANY: usize = 128;
/// The longest that a question may take; HAProxy's `timeout processing` is shorter.
const LONGEST: Duration = Duration::from_secs(10);

/// What we say at the end (section 3.5 of the description).
const NORMAL: u64 = 0;
const TIMED_OUT: u64 = 2;
const TOO_BIG: u64 = 3;
const INVALID: u64 = 4;
const FRAGMENTED: u64 = 10;
/// One of our own: the peer may not ask.
const NOT_TRUSTED: u64 = 100;

/// The agent, as one connection sees it.
pub(crate) struct Agent {
    pub(super) door: Arc<Door>,
    pub(super) listener: usize,
    pub(super) peer: Peer,
}

impl Agent {
    /// Serves a connection to its end.
    pub(crate) async fn serve<S>(self, stream: S, limits: &Limits, drain: Drain)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (mut read, mut write) = tokio::io::split(stream);
        let met = match self.check_peer() {
            Ok(()) => meet(&mut read, limits).await,
            Err(code) => Err(code),
        };
        let greeting = match met {
            Ok(hello) => hello.answer(),
            Err(code) => goodbye(code),
        };
        let greeting = greeting.unwrap_or_default();
        let said = write.write_all(&greeting);
        let said = timeout(limits.write_timeout, said).await;
        let (Ok(hello), Ok(Ok(()))) = (met, said) else {
            return;
        };
        if hello.is_check {
            return;
        }
        let (answers, queue) = mpsc::channel(MANY);
        let writer = tokio::spawn(write_all(write, queue, limits.write_timeout));
        let mut judges = JoinSet::new();
        let agent = Arc::new(self);
        let listen = agent.listen(&mut read, (hello.size, limits), &answers, &mut judges);
        let code = tokio::select! {
            code = listen => code,
            () = drain.begun() => NORMAL,
        };
        while judges.join_next().await.is_some() {}
        if let Some(last) = goodbye(code) {
            let _gone = answers.send(last).await;
        }
        drop(answers);
        let _written = writer.await;
    }

    /// Takes questions until the connection ends; the code to end it with.
    async fn listen<S: AsyncRead>(
        self: &Arc<Self>,
        read: &mut ReadHalf<S>,
        (size, limits): (usize, &Limits),
        answers: &mpsc::Sender<Vec<u8>>,
        judges: &mut JoinSet<()>,
    ) -> u64 {
        loop {
            while judges.try_join_next().is_some() {}
            let bytes = match read_frame(read, size, (limits.idle_timeout, limits)).await {
                Ok(bytes) => bytes,
                Err(code) => return code,
            };
            let ids = match Frame::read(&bytes) {
                Ok(frame) if frame.kind == NOTIFY => (frame.stream, frame.number),
                Ok(frame) if frame.kind == HAPROXY_DISCONNECT => return NORMAL,
                Ok(_) | Err(Broken::Malformed) => return INVALID,
                Err(Broken::Fragment) => return FRAGMENTED,
            };
            // As many answers may wait as questions may be under way.
            let Ok(place) = answers.clone().reserve_owned().await else {
                return NORMAL;
            };
            let agent = Arc::clone(self);
            judges.spawn(async move {
                if let Some(answer) = agent.answer(&bytes, ids, size).await {
                    place.send(answer);
                }
            });
        }
    }

    /// Answers one question.
    async fn answer(&self, bytes: &[u8], ids: (u64, u64), size: usize) -> Option<Vec<u8>> {
        let started = Instant::now();
        let snapshot = self.door.snapshot();
        let payload = Frame::read(bytes).ok()?.payload;
        let judged = timeout(LONGEST, self.judge(&snapshot, payload)).await;
        let verdict = judged.unwrap_or_else(|_| refused(Fault::ResponseTimeout));
        let decision = verdict.decision_id();
        let status = match &verdict {
            Verdict::Allowed(_) => StatusCode::OK,
            Verdict::Preflight(_, answer) => answer.status(),
            Verdict::Refused(_, answer) => answer.status(),
        };
        let answer = ack::write(verdict, ids, size);
        snapshot.access.finished(&Access {
            decision,
            status,
            bytes_out: answer.as_ref().map_or(0, |answer| answer.len() as u64),
            complete: answer.is_some(),
            duration: started.elapsed(),
        });
        answer
    }

    async fn judge(&self, snapshot: &Arc<Snapshot>, payload: &[u8]) -> Verdict {
        let Some(settings) = self.settings(snapshot) else {
            return self.unread(snapshot, RequestFault::PeerNotTrusted);
        };
        let tale = match notify::read(payload) {
            Ok(tale) => tale,
            Err(fault) => return self.unread(snapshot, fault),
        };
        if tale.headers.len() > snapshot.limits.header_count {
            return refused(Fault::HeadTooLarge);
        }
        let call = Call {
            peer: self.peer,
            client: tale.client,
            original: tale.original,
            headers: tale.headers,
            body: None,
        };
        judge_call(snapshot, settings, call).await
    }

    /// What is configured for the peer; nothing where it may not ask, or no longer.
    fn settings<'s>(&self, snapshot: &'s Snapshot) -> Option<&'s ForwardAuth> {
        let settings = snapshot.forward_auth.get(&self.listener)?;
        let may_ask =
            settings.dialect == Dialect::Spop && settings.peers.contains(self.peer.client);
        may_ask.then_some(settings)
    }

    fn check_peer(&self) -> Result<(), u64> {
        let snapshot = self.door.snapshot();
        if self.settings(&snapshot).is_some() {
            return Ok(());
        }
        let _recorded = self.unread(&snapshot, RequestFault::PeerNotTrusted);
        Err(NOT_TRUSTED)
    }

    fn unread(&self, snapshot: &Snapshot, fault: RequestFault) -> Verdict {
        let method = Method::from_bytes(b"NOTIFY").unwrap_or_default();
        let call = (&method, "");
        let gate = &snapshot.gate;
        let refusal = gate.refuse_unread(Front::HaproxySpoe, call, self.peer.client, fault);
        Verdict::Refused(Some(refusal.decision_id()), refusal.response())
    }
}

fn refused(fault: Fault) -> Verdict {
    Verdict::Refused(None, fault.response(None))
}

/// Reads the first frame.
async fn meet<S: AsyncRead>(read: &mut ReadHalf<S>, limits: &Limits) -> Result<Hello, u64> {
    let first = read_frame(read, hello::MOST, (limits.header_timeout, limits)).await?;
    match Frame::read(&first) {
        Ok(frame) if frame.kind == HAPROXY_HELLO => Hello::read(frame.payload),
        Err(Broken::Fragment) => Err(FRAGMENTED),
        _ => Err(INVALID),
    }
}

/// Reads a frame without its length: how long until it begins, and how long it takes, is bounded.
async fn read_frame<S: AsyncRead>(
    read: &mut ReadHalf<S>,
    most: usize,
    (patience, limits): (Duration, &Limits),
) -> Result<Bytes, u64> {
    let ended = |_: io::Error| NORMAL;
    let length = timeout(patience, read.read_u32()).await;
    let length = length.map_err(|_| TIMED_OUT)?.map_err(ended)?;
    let length = usize::try_from(length).map_err(|_| TOO_BIG)?;
    if length > most {
        return Err(TOO_BIG);
    }
    let mut bytes = vec![0; length];
    let rest = timeout(limits.header_timeout, read.read_exact(&mut bytes)).await;
    rest.map_err(|_| TIMED_OUT)?.map_err(ended)?;
    Ok(bytes.into())
}

/// Writes answers in the order in which they are ready.
async fn write_all<S: AsyncWrite>(
    mut write: WriteHalf<S>,
    mut queue: mpsc::Receiver<Vec<u8>>,
    patience: Duration,
) {
    while let Some(answer) = queue.recv().await {
        let written = timeout(patience, write.write_all(&answer)).await;
        if !matches!(written, Ok(Ok(()))) {
            return;
        }
    }
    let _closed = timeout(patience, write.shutdown()).await;
}

/// Our last frame.
fn goodbye(code: u64) -> Option<Vec<u8>> {
    let text: &[u8] = match code {
        NORMAL => b"bye",
        TIMED_OUT => b"too slow",
        TOO_BIG => b"the frame is too big",
        FRAGMENTED => b"frames come in one piece",
        NOT_TRUSTED => b"not one of trusted_peers",
        _ => b"not what was expected",
    };
    let mut writer = frame::Writer::new(AGENT_DISCONNECT, 0, 0);
    writer.text(b"status-code");
    writer.value(Value::Number(code));
    writer.text(b"message");
    writer.value(Value::Text(text));
    writer.finish(hello::MOST)
}

/// Reads any bytes as frame and payload, for the fuzzer; tells whether they are a question that
/// could be judged.
#[doc(hidden)]
#[must_use]
pub fn is_spop_question(bytes: &[u8]) -> bool {
    let Ok(frame) = Frame::read(bytes) else {
        return false;
    };
    let _hello = Hello::read(frame.payload);
    notify::read(frame.payload).is_ok_and(|tale| tale.original.target.as_str().starts_with('/'))
}
