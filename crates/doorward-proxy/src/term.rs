//! How long a call may go on: until its credential ends.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use doorward_core::credential::CredentialId;
use doorward_core::{Permit, Timestamp};
use tokio::time::{Instant, Sleep, sleep};

use crate::door::Snapshot;
use crate::endings::Heard;

/// How often a long call looks whether its credential still lives.
const LOOK: Duration = Duration::from_millis(500);
/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(5);

/// When a call must end.
#[derive(Clone)]
pub(crate) struct Term {
    credential: CredentialId,
    not_after: Timestamp,
    /// The last change of credentials before the call was judged.
    heard: u64,
}

/// Looks after a call that takes long. Made when a call first has to wait, so that short ones
/// pay nothing for it.
pub(crate) struct Watch {
    term: Term,
    next: Pin<Box<Sleep>>,
}

impl Term {
    /// The term of a permitted call; none where nobody is known, or streams run on. `heard` was
    /// noted before the call was judged.
    pub(crate) fn of(permit: &Permit, heard: u64, snapshot: &Snapshot) -> Option<Self> {
        let principal = permit
            .principal()
            .filter(|_| !snapshot.limits.streams_run_on)?;
        Some(Self {
            credential: principal.identity().credential_id.clone(),
            not_after: principal.not_after(),
            heard,
        })
    }

    /// Tells whether it is over.
    fn is_over(&mut self, snapshot: &Snapshot) -> bool {
        if snapshot.gate.now() >= self.not_after {
            return true;
        }
        match snapshot.endings.since(self.heard, self.credential.as_str()) {
            Heard::Changed => true,
            Heard::Nothing(heard) => {
                self.heard = heard;
                false
            }
        }
    }

    fn pause(&self, snapshot: &Snapshot) -> Duration {
        let left = self.not_after.since(snapshot.gate.now());
        left.clamp(SHORTEST, LOOK)
    }
}

impl Watch {
    pub(crate) fn new(term: Term, snapshot: &Snapshot) -> Self {
        let next = Box::pin(sleep(term.pause(snapshot)));
        Self { term, next }
    }

    /// Tells whether the call is over; arranges to be polled when it may be.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>, snapshot: &Snapshot) -> bool {
        while self.next.as_mut().poll(cx).is_ready() {
            if self.term.is_over(snapshot) {
                return true;
            }
            let pause = self.term.pause(snapshot);
            self.next.as_mut().reset(Instant::now() + pause);
        }
        false
    }
}

/// Waits until a call is over.
pub(crate) async fn over(term: Option<Term>, snapshot: &Snapshot) {
    match term {
        None => std::future::pending().await,
        Some(term) => {
            let mut watch = Watch::new(term, snapshot);
            std::future::poll_fn(|cx| match watch.poll_over(cx, snapshot) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
        }
    }
}
