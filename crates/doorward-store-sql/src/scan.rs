//! Long scans: a thread of their own reads and decodes, so that no request waits behind them.

use std::thread;

use doorward_store::StoreError;
use rusqlite::{Connection, Row};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::error::translate;

const BATCHES_AHEAD: usize = 4;
/// How many records come at a time.
const RECORDS: usize = 512;

/// A batch, the end (`None`) or an error.
type Message<B> = Result<Option<B>, StoreError>;

/// The rows of a scan, batch by batch.
pub(crate) struct Batches<B>(Receiver<Message<B>>);

impl<B> Batches<B> {
    /// The next batch; `None` when every row came.
    pub(crate) async fn next(&mut self) -> Result<Option<B>, StoreError> {
        // SECURITY: a scan that broke off must not look like one that is complete, or the rest of
        // the revocations would be missing.
        self.0.recv().await.unwrap_or_else(|| {
            Err(StoreError::Unavailable(
                "the thread that reads has ended early".to_owned(),
            ))
        })
    }
}

/// Reads all rows of a statement without parameters, from one moment, as records.
pub(crate) fn records<T: Send + 'static>(
    connection: Connection,
    sql: &'static str,
    record: impl Fn(&Row<'_>) -> rusqlite::Result<T> + Send + 'static,
) -> Result<Batches<Vec<T>>, StoreError> {
    start(connection, sql, move |row, batch: &mut Vec<T>| {
        batch.push(record(row).map_err(|e| translate(&e))?);
        Ok(batch.len() == RECORDS)
    })
}

/// Reads all rows of a statement without parameters, from one moment. `take` puts a row into a
/// batch and tells whether the batch is full.
pub(crate) fn start<B: Default + Send + 'static>(
    connection: Connection,
    sql: &'static str,
    take: impl FnMut(&Row<'_>, &mut B) -> Result<bool, StoreError> + Send + 'static,
) -> Result<Batches<B>, StoreError> {
    let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
    thread::Builder::new()
        .name("store-scan".to_owned())
        .spawn(move || {
            if let Err(error) = scan(&connection, sql, take, &sender) {
                let _ = sender.blocking_send(Err(error));
            }
        })
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    Ok(Batches(batches))
}

fn scan<B: Default>(
    connection: &Connection,
    sql: &str,
    mut take: impl FnMut(&Row<'_>, &mut B) -> Result<bool, StoreError>,
    sender: &Sender<Message<B>>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare(sql).map_err(|e| translate(&e))?;
    let mut rows = statement.query([]).map_err(|e| translate(&e))?;
    let mut batch = B::default();
    while let Some(row) = rows.next().map_err(|e| translate(&e))? {
        if take(row, &mut batch)?
            && sender
                .blocking_send(Ok(Some(std::mem::take(&mut batch))))
                .is_err()
        {
            // Nobody reads any more.
            return Ok(());
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
        let take = |row: &rusqlite::Row<'_>, batch: &mut Vec<i64>| {
            let n: i64 = row.get(0).unwrap();
            assert!(n < 1500, "breaks off on purpose");
            batch.push(n);
            Ok(batch.len() == 500)
        };
        let mut batches = super::start(connection, sql, take).unwrap();
        let end = loop {
            match batches.next().await {
                Ok(Some(_)) => {}
                end => break end,
            }
        };
        assert!(matches!(end, Err(StoreError::Unavailable(_))), "{end:?}");
    }
}
