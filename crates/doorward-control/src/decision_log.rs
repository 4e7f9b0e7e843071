//! The log: one JSON line per decision, per finished response and per change of state.
//!
//! A line is formatted on the thread that decides, and written by a thread of its own, so that a
//! slow disk does not slow calls down. When writing fails, what was taken stays in memory, up to
//! a bound, and is written when writing works again. The operator chooses what happens to calls
//! meanwhile: they are served, or refused. A call that was judged in the moment before a failure
//! is noticed has its record in memory only; a record is never on disk before the call goes on.

use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use doorward_core::clock::Clock;
use doorward_core::decision::{Decision, Journal, NotRecorded};
use doorward_core::rejection::{Reason, Rejection};
use doorward_oauth::{Audit, TokenRecord};
use parking_lot::Mutex;
use thiserror::Error;

use crate::admin::Check;
use crate::metrics::Metrics;
use output::Output;
use queue::{Queue, Taken};
use ring::Ring;
use writer::Writer;

mod line;
mod output;
mod queue;
mod ring;
mod token_line;
mod writer;

pub use line::{AccessRecord, FaultRecord};

/// How many decisions are remembered for `explain`.
const REMEMBERED: usize = 4096;
/// How many bytes may wait to be written.
const MAX_PENDING: usize = 8 << 20;
/// How long a line of unusual length may keep its memory.
const KEEP_BUFFER: usize = 16 << 10;

/// Where lines go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A file, created for its owner alone, appended to.
    File(PathBuf),
    /// Nowhere. Decisions are counted and remembered all the same.
    Off,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("on standard output"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Off => f.write_str("nowhere"),
        }
    }
}

/// What happens to calls while lines cannot be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnFailure {
    /// They are served; lines beyond the bound are lost and counted.
    Serve,
    /// They are refused with 503 until writing works again.
    Refuse,
}

/// What a log is made of.
pub struct Settings {
    /// Where lines go.
    pub target: Target,
    /// What happens when they cannot.
    pub on_failure: OnFailure,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Counts decisions and failures.
    pub metrics: Arc<Metrics>,
}

/// The log could not be opened.
#[derive(Debug, Error)]
#[error("the log {target} cannot be opened: {cause}")]
pub struct LogError {
    /// Where lines should have gone.
    pub target: String,
    /// Why they cannot.
    pub cause: std::io::Error,
}

/// The log of decisions, and the memory of the last ones.
pub struct DecisionLog {
    on_failure: OnFailure,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    ring: Ring,
    /// Absent when lines go nowhere.
    queue: Option<Arc<Queue>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl DecisionLog {
    /// Opens the target and starts the writing thread.
    ///
    /// # Errors
    /// [`LogError`] when the target cannot be opened or the thread not started.
    pub fn start(settings: Settings) -> Result<Self, LogError> {
        let error = |cause| LogError {
            target: settings.target.to_string(),
            cause,
        };
        let output = output::open(&settings.target).map_err(error)?;
        Self::with_output(settings, output)
    }

    fn with_output(settings: Settings, output: Option<Box<dyn Output>>) -> Result<Self, LogError> {
        let mut log = Self {
            on_failure: settings.on_failure,
            clock: settings.clock,
            metrics: settings.metrics,
            ring: Ring::new(REMEMBERED),
            queue: None,
            writer: Mutex::new(None),
        };
        if let Some(output) = output {
            let queue = Arc::new(Queue::new(MAX_PENDING));
            let writer = Writer::new(
                Arc::clone(&queue),
                output,
                Arc::clone(&log.metrics),
                Arc::clone(&log.clock),
            );
            let thread = std::thread::Builder::new()
                .name("decision-log".to_owned())
                .spawn(move || writer.run())
                .map_err(|cause| LogError {
                    target: settings.target.to_string(),
                    cause,
                })?;
            log.queue = Some(queue);
            log.writer = Mutex::new(Some(thread));
        }
        Ok(log)
    }

    /// Writes the record of a finished response.
    pub fn access(&self, record: &AccessRecord) {
        // The response is gone; there is nothing left to refuse.
        let _taken = with_buffer(|line| {
            record.write_json(self.clock.now(), line);
            self.enqueue(line, false)
        });
    }

    /// Writes why a permitted call could not be passed on.
    pub fn fault(&self, record: &FaultRecord<'_>) {
        let _taken = with_buffer(|line| {
            record.write_json(self.clock.now(), line);
            self.enqueue(line, false)
        });
    }

    /// The line of one of the last 4096 decisions.
    #[must_use]
    pub fn explain(&self, decision_id: &str) -> Option<String> {
        self.ring.find(decision_id)
    }

    /// Tells whether lines are being written.
    #[must_use]
    pub fn works(&self) -> bool {
        self.queue.as_ref().is_none_or(|queue| queue.works())
    }

    /// Opens the file again, after a rotation moved it away. The writing thread does it, and
    /// writes on to the old file when it cannot.
    pub fn reopen(&self) {
        if let Some(queue) = &self.queue {
            queue.ask_to_reopen();
        }
    }

    /// Waits until everything that was taken so far is written; false when writing fails or
    /// takes longer than `timeout`.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.queue.as_ref().is_none_or(|queue| queue.flush(timeout))
    }

    /// Writes what is left and ends the writing thread; false when not everything could be
    /// written in `timeout`. What comes later is lost, or refused.
    pub fn close(&self, timeout: Duration) -> bool {
        let Some(queue) = &self.queue else {
            return true;
        };
        let is_written = queue.close(timeout);
        if queue.has_ended()
            && let Some(thread) = self.writer.lock().take()
        {
            // A writer that panicked has written nothing more, which `is_written` tells.
            let _ended = thread.join();
        }
        is_written
    }

    /// Hands a line to the writing thread.
    fn enqueue(&self, line: &[u8], must_work: bool) -> Result<(), NotRecorded> {
        let Some(queue) = &self.queue else {
            return Ok(());
        };
        match queue.put(line, must_work) {
            Taken::Yes => Ok(()),
            Taken::Lost if must_work => Err(NotRecorded),
            Taken::Lost => {
                self.metrics.log_records_lost(1);
                Ok(())
            }
        }
    }

    /// Records a decision that is final.
    fn take(&self, decision: &Decision<'_>, must_work: bool) -> Result<(), NotRecorded> {
        if self.queue.is_some() {
            with_buffer(|line| {
                decision.write_json(line);
                self.enqueue(line, must_work)
            })?;
        }
        self.ring.remember(decision);
        self.metrics.decision(decision);
        Ok(())
    }
}

impl Journal for DecisionLog {
    fn record(&self, decision: &Decision<'_>) -> Result<(), NotRecorded> {
        // A refused call cannot be refused twice: its record is kept if there is room.
        let must_work = self.on_failure == OnFailure::Refuse && decision.rejection.is_none();
        self.take(decision, must_work).map_err(|NotRecorded| {
            let refused = Decision {
                rejection: Some(&UNRECORDED),
                ..*decision
            };
            let _taken = self.take(&refused, false);
            NotRecorded
        })
    }
}

impl Audit for DecisionLog {
    fn record(&self, record: &TokenRecord<'_>) -> bool {
        let must_work = self.on_failure == OnFailure::Refuse && record.error.is_none();
        let taken = with_buffer(|line| {
            token_line::write_json(record, self.clock.now(), line);
            self.enqueue(line, must_work)
        });
        taken.is_ok()
    }
}

impl Check for DecisionLog {
    fn name(&self) -> &'static str {
        "journal"
    }

    fn state(&self, _now: u64) -> Result<(), &'static str> {
        if self.works() {
            Ok(())
        } else {
            Err("the decision log cannot be written")
        }
    }
}

impl Drop for DecisionLog {
    fn drop(&mut self) {
        self.close(Duration::from_secs(2));
    }
}

/// What the gate answers when a record is refused, so that the record says what the caller saw.
static UNRECORDED: Rejection = Rejection::Unavailable {
    reason: &Reason {
        code: "journal_unavailable",
        meaning: "The decision could not be recorded, and the configuration asks for a record of \
                  every call.",
        fix: "Make room for the log, or set `log.on_failure = \"serve\"`.",
    },
    retry_after: Duration::from_secs(5),
};

/// Lends the thread's buffer, empty.
fn with_buffer<T>(write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    let mut line = BUFFER.try_with(RefCell::take).unwrap_or_default();
    line.clear();
    let result = write(&mut line);
    if line.capacity() <= KEEP_BUFFER {
        let _kept = BUFFER.try_with(|buffer| buffer.replace(line));
    }
    result
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
