//! The one thread that writes. Writes that wait are committed together, and each is answered only
//! after the commit that holds it.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};

use doorward_store::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::translate;
use crate::file::DatabaseFile;

/// How many writes may wait. More are refused: a disk that stands still must not fill the memory.
const QUEUE: usize = 1024;
/// How many writes one commit holds at most.
const BATCH: usize = 64;

/// Hands writes to the thread.
pub(crate) struct Writer {
    queue: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

/// A write that waits: run inside the transaction, answered after the commit.
trait Job: Send {
    /// Does the write; an error undoes this write only.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError>;
    /// Tells the caller how it ended.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Task<T, W> {
    work: Option<W>,
    outcome: Option<T>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Job for Task<T, W>
where
    T: Send,
    W: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let work = self.work.take().ok_or_else(gone)?;
        self.outcome = Some(work(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self {
            outcome, caller, ..
        } = *self;
        // A caller that went away is no reason to undo the write.
        let _ = caller.send(committed.and_then(|()| outcome.ok_or_else(gone)));
    }
}

impl Writer {
    pub(crate) fn start(
        connection: Connection,
        file: Arc<DatabaseFile>,
    ) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::sync_channel(QUEUE);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || serve(&connection, &file, &jobs))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Runs a write and waits until it is on the disk. The write happens even when the caller stops
    /// waiting.
    ///
    /// # Errors
    /// What `work` returns, after its changes were undone, or the reason why the commit failed.
    pub(crate) async fn write<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Task {
            work: Some(work),
            outcome: None,
            caller,
        });
        self.queue
            .as_ref()
            .ok_or_else(gone)?
            .try_send(job)
            .map_err(|error| match error {
                TrySendError::Full(_) => {
                    StoreError::Unavailable("too many writes are waiting for the disk".to_owned())
                }
                TrySendError::Disconnected(_) => gone(),
            })?;
        answer.await.map_err(|_| gone())?
    }

    /// Fails when the thread has ended.
    pub(crate) fn check_alive(&self) -> Result<(), StoreError> {
        match &self.thread {
            Some(thread) if !thread.is_finished() => Ok(()),
            _ => Err(gone()),
        }
    }
}

/// Lets waiting writes finish and closes the file.
impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the thread that writes has ended; restart Doorward".to_owned())
}

fn serve(connection: &Connection, file: &DatabaseFile, jobs: &Receiver<Box<dyn Job>>) {
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(BATCH - 1));
        let answers = commit(connection, file, &mut batch);
        for (job, answer) in batch.into_iter().zip(answers) {
            job.answer(answer);
        }
    }
}

/// Runs a batch in one transaction and returns one answer for each job.
fn commit(
    connection: &Connection,
    file: &DatabaseFile,
    batch: &mut [Box<dyn Job>],
) -> Vec<Result<(), StoreError>> {
    let mut run = || {
        connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(|e| translate(&e))?;
        let mut answers = Vec::with_capacity(batch.len());
        for job in &mut *batch {
            answers.push(run_one(connection, job.as_mut())?);
        }
        // SECURITY: a commit to a file without a name is forgotten with the process.
        file.check_in_place()?;
        connection
            .execute_batch("COMMIT")
            .map_err(|e| translate(&e))?;
        Ok(answers)
    };
    run().unwrap_or_else(|error: StoreError| {
        if !connection.is_autocommit() {
            // When even this fails the next BEGIN does, and that is reported.
            let _ = connection.execute_batch("ROLLBACK");
        }
        batch.iter().map(|_| Err(error.clone())).collect()
    })
}

/// Runs one job. The inner result is the job's own; the outer one is an error that took the whole
/// transaction with it.
fn run_one(
    connection: &Connection,
    job: &mut dyn Job,
) -> Result<Result<(), StoreError>, StoreError> {
    let savepoint = |sql| connection.execute_batch(sql).map_err(|e| translate(&e));
    savepoint("SAVEPOINT job")?;
    let answer = job.run(connection);
    if let Err(error) = &answer {
        // SECURITY: a full disk and some others roll everything back. The jobs before this one in
        // the batch are gone then and must not be answered as done.
        if connection.is_autocommit() {
            return Err(error.clone());
        }
        savepoint("ROLLBACK TO job")?;
    }
    savepoint("RELEASE job")?;
    Ok(answer)
}
