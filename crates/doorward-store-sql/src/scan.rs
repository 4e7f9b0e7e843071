//! Long scans: a thread of their own reads and decodes, so that no request waits behind them.

use std::thread;

use doorward_store::StoreError;
use rusqlite::{Connection, Row};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::error::translate;

const BATCH: usize = 512;
const BATCHES_AHEAD: usize = 4;

/// A batch, the end (`None`) or an error.
type Message<T> = Result<Option<Vec<T>>, StoreError>;

/// The rows of a scan, batch by batch.
pub(crate) struct Batches<T>(Receiver<Message<T>>);

impl<T> Batches<T> {
    /// The next batch; `None` when every row came.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<T>>, StoreError> {
        // SECURITY: a scan that broke off must not look like one that is complete, or the rest of
        // the revocations would be missing.
        self.0.recv().await.unwrap_or_else(|| {
            Err(StoreError::Unavailable(
                "the thread that reads has ended early".to_owned(),
            ))
        })
    }
}

/// Reads all rows of a statement without parameters, from one moment.
pub(crate) fn start<T: Send + 'static>(
    connection: Connection,
    sql: &'static str,
    record: impl Fn(&Row<'_>) -> rusqlite::Result<T> + Send + 'static,
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
    Ok(Batches(batches))
}

fn scan<T>(
    connection: &Connection,
    sql: &str,
    record: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    sender: &Sender<Message<T>>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(row) = rows.next()? {
        batch.push(record(row)?);
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if sender.blocking_send(Ok(Some(full))).is_err() {
                // Nobody reads any more.
                return Ok(());
            }
        }
    }
    let _ = sender.blocking_send(Ok(Some(batch)));
    let _ = sender.blocking_send(Ok(None));
    Ok(())
}

#[cfg(test)]
mod tests {
    use doorward_store::StoreError;
    use rusqlite::Connection;

    #[tokio::test]
    async fn r126_a_scan_that_breaks_off_is_an_error() {
        let connection = Connection::open_in_memory().unwrap();
        let sql = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000)
            SELECT n FROM c";
        let record = |row: &rusqlite::Row<'_>| {
            let n: i64 = row.get(0)?;
            assert!(n < 1500, "breaks off on purpose");
            Ok(n)
        };
        let mut batches = super::start(connection, sql, record).unwrap();
        let end = loop {
            match batches.next().await {
                Ok(Some(_)) => {}
                end => break end,
            }
        };
        assert!(matches!(end, Err(StoreError::Unavailable(_))), "{end:?}");
    }
}
