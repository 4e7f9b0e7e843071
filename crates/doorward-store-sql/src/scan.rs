//! Long scans: a thread of their own reads and decodes, so that no request waits behind them.

use std::thread;

use doorward_store::StoreError;
use rusqlite::{Connection, Row};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::error::translate;

const BATCH: usize = 512;
const BATCHES_AHEAD: usize = 4;

type Batches<T> = Receiver<Result<Vec<T>, StoreError>>;

/// Reads all rows of a statement without parameters, from one moment. An error comes as the last
/// batch, so an end without one means that every row came.
pub(crate) fn start<T: Send + 'static>(
    connection: Connection,
    sql: &'static str,
    record: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Batches<T>, StoreError> {
    let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
    thread::Builder::new()
        .name("store-scan".to_owned())
        .spawn(move || {
            if let Err(error) = scan(&connection, sql, record, &sender) {
                let _ = sender.blocking_send(Err(translate(&error)));
            }
        })
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    Ok(batches)
}

fn scan<T>(
    connection: &Connection,
    sql: &str,
    record: fn(&Row<'_>) -> rusqlite::Result<T>,
    sender: &Sender<Result<Vec<T>, StoreError>>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(row) = rows.next()? {
        batch.push(record(row)?);
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if sender.blocking_send(Ok(full)).is_err() {
                // Nobody reads any more.
                return Ok(());
            }
        }
    }
    let _ = sender.blocking_send(Ok(batch));
    Ok(())
}
