//! Reads, run where they are asked for: they take microseconds, less than a change of thread.

use std::sync::atomic::{AtomicUsize, Ordering};

use doorward_store::StoreError;
use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, Transaction};

use crate::error::translate;

const READERS: usize = 4;

/// A few connections that only read.
pub(crate) struct Readers {
    first: Mutex<Connection>,
    others: Vec<Mutex<Connection>>,
    turn: AtomicUsize,
}

impl Readers {
    pub(crate) fn open(
        connect: impl Fn() -> Result<Connection, StoreError>,
    ) -> Result<Self, StoreError> {
        let others: Result<_, _> = (1..READERS).map(|_| connect().map(Mutex::new)).collect();
        Ok(Self {
            first: Mutex::new(connect()?),
            others: others?,
            turn: AtomicUsize::new(0),
        })
    }

    /// Runs a read in one transaction, so that all its statements see the same rows.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut connection = self.borrow();
        let run = || {
            let transaction = connection.transaction()?;
            let answer = work(&transaction)?;
            transaction.finish()?;
            Ok(answer)
        };
        run().map_err(|e| translate(&e))
    }

    /// Takes a free connection, or waits for one in turn.
    fn borrow(&self) -> MutexGuard<'_, Connection> {
        let all = || std::iter::once(&self.first).chain(&self.others);
        if let Some(free) = all().find_map(Mutex::try_lock) {
            return free;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % READERS;
        all().nth(turn).unwrap_or(&self.first).lock()
    }
}
