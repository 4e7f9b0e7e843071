//! HAProxy's SPOE: an agent that speaks SPOP 2.0, with frames in one piece and any number of
//! questions under way on a connection. Variables of the transaction are the answer.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use doorward_core::Front;
use doorward_core::request::RequestFault;
use http::{Method, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::judge::{Call, Verdict, judge_call};
use super::{Asker, Dialect, ForwardAuth};
use crate::access_log::Access;
use crate::door::{Door, Snapshot};
use crate::drain::Drain;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::listener::Peer;

mod ack;
mod frame;
mod hello;
mod line;
mod notify;

use frame::{AGENT_DISCONNECT, Broken, Frame, HAPROXY_DISCONNECT, HAPROXY_HELLO, NOTIFY, Value};
use hello::Hello;
use line::Line;

/// The most questions of one connection that are under way.
const MANY: usize = 128;
/// As many bytes of answers are written before more is judged.
const ENOUGH: usize = 64 * 1024;
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
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut line = Line::new(stream);
        let met = match self.check_peer() {
            Ok(()) => meet(&mut line, limits).await,
            Err(code) => Err(code),
        };
        let greeting = match met {
            Ok(hello) => hello.answer(),
            Err(code) => goodbye(code),
        };
        let said = line.write(&greeting.unwrap_or_default(), limits).await;
        let (Ok(hello), Ok(())) = (met, said) else {
            return;
        };
        if hello.is_check {
            return;
        }
        let mut work = Work {
            agent: Arc::new(self),
            size: hello.size,
            judges: JoinSet::new(),
            answers: Vec::new(),
        };
        let code = work.listen(&mut line, limits, drain).await;
        while let Some(done) = work.judges.join_next().await {
            work.keep(done.ok().flatten());
        }
        work.keep(goodbye(code));
        if line.write(&work.answers, limits).await.is_ok() {
            line.close(limits).await;
        }
    }

    /// Answers one question.
    async fn answer(&self, payload: &[u8], ids: (u64, u64), size: usize) -> Option<Vec<u8>> {
        let started = Instant::now();
        let snapshot = self.door.snapshot();
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
            client: tale.client,
            original: tale.original,
            headers: tale.headers,
            body: None,
        };
        let asker = Asker {
            settings,
            listener: self.listener,
            peer: self.peer,
        };
        judge_call(snapshot, asker, call).await
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

/// What is under way on a connection.
struct Work {
    agent: Arc<Agent>,
    /// The largest frame that was agreed to.
    size: usize,
    judges: JoinSet<Option<Vec<u8>>>,
    /// What is ready to be written, in the order in which it became so.
    answers: Vec<u8>,
}

impl Work {
    /// Takes questions and gives answers until the connection ends; the code to end it with.
    async fn listen<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        line: &mut Line<S>,
        limits: &Limits,
        drain: Drain,
    ) -> u64 {
        let mut begun = pin!(drain.begun());
        loop {
            let has_room = self.judges.len() < MANY;
            if has_room && self.answers.len() < ENOUGH {
                match line
                    .take(self.size)
                    .map(|frame| frame.map(|bytes| self.begin(&bytes)))
                {
                    // Whatever has come is judged before anything is written.
                    Ok(Some(Ok(()))) => continue,
                    Ok(None) => {}
                    Ok(Some(Err(code))) | Err(code) => return code,
                }
            }
            if !self.answers.is_empty() {
                if line.write(&self.answers, limits).await.is_err() {
                    return NORMAL;
                }
                self.answers.clear();
                continue;
            }
            tokio::select! {
                more = line.more(limits), if has_room => match more {
                    Ok(()) => {}
                    Err(code) => return code,
                },
                Some(done) = self.judges.join_next() => self.keep(done.ok().flatten()),
                () = &mut begun => return NORMAL,
            }
        }
    }

    /// Begins to judge what a frame asks; the code of a disconnect where it asks nothing.
    fn begin(&mut self, bytes: &Bytes) -> Result<(), u64> {
        let (ids, payload) = match Frame::read(bytes) {
            Ok(frame) if frame.kind == NOTIFY => {
                ((frame.stream, frame.number), bytes.slice_ref(frame.payload))
            }
            Ok(frame) if frame.kind == HAPROXY_DISCONNECT => return Err(NORMAL),
            Ok(_) | Err(Broken::Malformed) => return Err(INVALID),
            Err(Broken::Fragment) => return Err(FRAGMENTED),
        };
        let (agent, size) = (Arc::clone(&self.agent), self.size);
        let mut judging = Box::pin(async move { agent.answer(&payload, ids, size).await });
        // Most questions wait for nothing, and need no task of their own.
        match judging
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(answer) => self.keep(answer),
            Poll::Pending => {
                self.judges.spawn(judging);
            }
        }
        Ok(())
    }

    fn keep(&mut self, answer: Option<Vec<u8>>) {
        match answer {
            Some(answer) if self.answers.is_empty() => self.answers = answer,
            Some(answer) => self.answers.extend_from_slice(&answer),
            None => {}
        }
    }
}

/// Reads the first frame.
async fn meet<S: AsyncRead + AsyncWrite + Unpin>(
    line: &mut Line<S>,
    limits: &Limits,
) -> Result<Hello, u64> {
    let first = loop {
        if let Some(first) = line.take(hello::MOST)? {
            break first;
        }
        let in_time = timeout(limits.header_timeout, line.more(limits)).await;
        in_time.map_err(|_| TIMED_OUT)??;
    };
    match Frame::read(&first) {
        Ok(frame) if frame.kind == HAPROXY_HELLO => Hello::read(frame.payload),
        Err(Broken::Fragment) => Err(FRAGMENTED),
        _ => Err(INVALID),
    }
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
