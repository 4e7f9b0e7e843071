//! The writing thread.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use doorward_core::clock::Clock;

use super::output::Output;
use super::queue::{Queue, Work};
use crate::metrics::Metrics;

/// How long to wait before writing is tried again, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How often a failure is told on standard error, in microseconds.
const WARN_EVERY: u64 = 60_000_000;
/// How much memory a batch keeps for the next one.
const KEEP_BATCH: usize = 1 << 20;

/// Writes lines until the queue ends.
pub(super) struct Writer {
    queue: Arc<Queue>,
    output: Box<dyn Output>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    warned_at: Option<u64>,
}

/// Tells waiting threads that the writer is gone, however it ends.
struct End(Arc<Queue>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.ended();
    }
}

impl Writer {
    /// A writer for a queue.
    pub(super) fn new(
        queue: Arc<Queue>,
        output: Box<dyn Output>,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            queue,
            output,
            metrics,
            clock,
            warned_at: None,
        }
    }

    /// Writes until the queue ends.
    pub(super) fn run(mut self) {
        let _end = End(Arc::clone(&self.queue));
        let mut batch = Vec::new();
        loop {
            match self.queue.next(&mut batch) {
                Work::End => return,
                Work::Reopen => {
                    self.reopen();
                }
                Work::Write(lines) => {
                    let written = self.write_all(&batch);
                    if !written {
                        self.metrics.log_records_lost(lines);
                    }
                    self.queue.finished(lines, written);
                    batch.clear();
                    batch.shrink_to(KEEP_BATCH);
                }
            }
        }
    }

    /// Writes a batch, however long it takes; false when the process ends before.
    fn write_all(&mut self, batch: &[u8]) -> bool {
        let mut at = 0;
        let mut delay = RETRY.0;
        let mut is_last = false;
        while let Some(rest) = batch.get(at..).filter(|rest| !rest.is_empty()) {
            let failure = match self.output.write(rest) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(written) => {
                    at = at.saturating_add(written);
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            self.metrics.log_write_failed();
            self.warn(&failure);
            if is_last {
                return false;
            }
            let retry = self.queue.failed(delay);
            is_last = retry.is_last;
            delay = (delay * 2).min(RETRY.1);
            if retry.reopen && self.reopen() {
                at = line_start(batch, at);
            }
        }
        true
    }

    /// Opens the target again; tells whether it is another one.
    fn reopen(&mut self) -> bool {
        match self.output.reopen() {
            Ok(is_other) => is_other,
            Err(error) => {
                self.metrics.log_write_failed();
                self.warn(&error);
                false
            }
        }
    }

    /// Tells the operator, once a minute at most.
    fn warn(&mut self, error: &io::Error) {
        let now = self.clock.monotonic_micros();
        let is_due = |at: u64| now.saturating_sub(at) >= WARN_EVERY;
        if self.warned_at.is_none_or(is_due) {
            self.warned_at = Some(now);
            // When even this fails there is nobody left to tell.
            let _told = writeln!(
                io::stderr(),
                "doorward: the decision log cannot be written: {error}"
            );
        }
    }
}

/// Where the line begins in which `at` is, so that no line is divided between two files.
fn line_start(batch: &[u8], at: usize) -> usize {
    batch
        .get(..at)
        .and_then(|done| done.iter().rposition(|b| *b == b'\n'))
        .map_or(0, |end| end + 1)
}
