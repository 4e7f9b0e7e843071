//! When an upstream must have answered.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::pulse::Pulse;

/// A moment, and what wakes the request at it: the watchdog of its connection where that polls
/// requests, or else a timer.
pub(crate) struct Deadline<'p> {
    /// How long the upstream may be silent.
    pub(super) bound: Duration,
    at: Instant,
    pulse: &'p Pulse,
    is_set: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<'p> Deadline<'p> {
    /// The moment `bound` after `started`.
    pub(crate) fn new(started: Instant, bound: Duration, pulse: &'p Pulse) -> Self {
        Self {
            bound,
            at: started + bound,
            pulse,
            is_set: false,
            timer: None,
        }
    }

    /// Moves the moment.
    pub(super) fn put_off(&mut self, at: Instant) {
        self.at = at;
        self.is_set = false;
    }

    /// Tells whether the moment has passed; arranges to be polled when it does.
    pub(super) fn has_passed(&mut self, cx: &mut Context<'_>) -> bool {
        if self.is_set && Instant::now() >= self.at {
            return true;
        }
        self.is_set = true;
        if self.pulse.set_alarm(self.at) {
            return false;
        }
        let at = self.at;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx) == Poll::Ready(())
    }
}
