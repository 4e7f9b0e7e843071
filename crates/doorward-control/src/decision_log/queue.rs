//! Lines on their way to the writing thread.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How long the writer lets lines gather before it writes them, so that it is woken and the
/// disk is asked once for many.
const GATHER: Duration = Duration::from_millis(2);

/// Lines that wait, and what both sides know of each other.
pub(super) struct Queue {
    max_pending: usize,
    state: Mutex<State>,
    /// Wakes the writer.
    work: Condvar,
    /// Wakes those who wait for the writer.
    progress: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    /// Lines put and lines done with, since the start.
    put: u64,
    done: u64,
    is_writer_idle: bool,
    is_failing: bool,
    hurry: bool,
    reopen: bool,
    closing: bool,
    ended: bool,
}

/// Whether a line was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    Yes,
    Lost,
}

/// What the writer is to do.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Work {
    /// Write the lines that were handed over, this many.
    Write(u64),
    /// Open the file again.
    Reopen,
    /// Nothing more will come.
    End,
}

impl Queue {
    /// A queue of at most so many bytes.
    pub(super) fn new(max_pending: usize) -> Self {
        Self {
            max_pending,
            state: Mutex::default(),
            work: Condvar::new(),
            progress: Condvar::new(),
        }
    }

    /// Takes a line if there is room; with `must_work`, only if writing works. Other lines leave
    /// a quarter of the room free for these.
    pub(super) fn put(&self, line: &[u8], must_work: bool) -> Taken {
        let mut state = self.state.lock();
        // SECURITY: calls that are refused anyway cost an attacker nothing; their records must
        // not use up the room without which calls would be refused.
        let room = if must_work {
            self.max_pending
        } else {
            self.max_pending / 4 * 3
        };
        let is_full = state.lines.len().saturating_add(line.len()) > room;
        if is_full || state.closing || (must_work && state.is_failing) {
            return Taken::Lost;
        }
        state.lines.extend_from_slice(line);
        state.put += 1;
        let wake = std::mem::take(&mut state.is_writer_idle);
        drop(state);
        if wake {
            self.work.notify_one();
        }
        Taken::Yes
    }

    /// Tells whether lines are written and there is room for more.
    pub(super) fn works(&self) -> bool {
        let state = self.state.lock();
        !state.is_failing && !state.ended && state.lines.len() <= self.max_pending / 2
    }

    pub(super) fn ask_to_reopen(&self) {
        let mut state = self.state.lock();
        state.reopen = true;
        self.work.notify_one();
    }

    /// Waits until the lines put so far are written; false after a failure or `timeout`.
    pub(super) fn flush(&self, timeout: Duration) -> bool {
        let mut state = self.state.lock();
        state.hurry = true;
        self.work.notify_one();
        let until = Instant::now() + timeout;
        let target = state.put;
        while state.done < target && !state.is_failing && !state.ended {
            if self.progress.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        state.done >= target && !state.is_failing
    }

    /// Lets the writer write what is left and end; false when something is left.
    pub(super) fn close(&self, timeout: Duration) -> bool {
        let mut state = self.state.lock();
        state.closing = true;
        self.work.notify_one();
        let until = Instant::now() + timeout;
        while !state.ended {
            if self.progress.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        state.done == state.put && !state.is_failing
    }

    /// Tells whether the writer has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.state.lock().ended
    }

    /// Waits for work. `batch` is empty, and receives the lines to write.
    pub(super) fn next(&self, batch: &mut Vec<u8>) -> Work {
        let mut state = self.state.lock();
        loop {
            if std::mem::take(&mut state.reopen) {
                return Work::Reopen;
            }
            if !state.lines.is_empty() {
                break;
            }
            if state.closing {
                return Work::End;
            }
            state.hurry = false;
            state.is_writer_idle = true;
            self.work.wait(&mut state);
            state.is_writer_idle = false;
        }
        if !state.closing && !state.hurry {
            self.work.wait_for(&mut state, GATHER);
        }
        std::mem::swap(&mut state.lines, batch);
        Work::Write(state.put - state.done)
    }

    /// Hears that lines are written, or that they never will be.
    pub(super) fn finished(&self, lines: u64, written: bool) {
        let mut state = self.state.lock();
        if written {
            state.done += lines;
            state.is_failing = false;
        }
        self.progress.notify_all();
    }

    /// Hears that writing failed, and waits until it is to be tried again.
    pub(super) fn failed(&self, delay: Duration) -> Retry {
        let mut state = self.state.lock();
        state.is_failing = true;
        self.progress.notify_all();
        if !state.reopen && !state.closing {
            self.work.wait_for(&mut state, delay);
        }
        Retry {
            reopen: std::mem::take(&mut state.reopen),
            is_last: state.closing,
        }
    }

    /// Hears that the writer ends.
    pub(super) fn ended(&self) {
        let mut state = self.state.lock();
        state.ended = true;
        self.progress.notify_all();
    }
}

/// How writing is to be tried again.
pub(super) struct Retry {
    /// After opening the file again.
    pub(super) reopen: bool,
    /// Once, because the process ends.
    pub(super) is_last: bool,
}
