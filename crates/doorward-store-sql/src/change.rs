//! The change log in SQL.

use async_trait::async_trait;
use doorward_store::{Change, ChangeFeed, Changes, Entity, StoreError};
use rusqlite::Connection;

use crate::error::translate;
use crate::row::{Columns, limit};
use crate::sqlite::SqliteStore;
use crate::statement::statements;

// One row counts, so that numbers follow the order of commit on every database: whoever writes
// holds the row until the end of the transaction.
statements! {
    COUNT = "UPDATE change_head SET head = head + 1 WHERE id = 1 RETURNING head";
    APPEND = "INSERT INTO change_log (seq, entity, id) VALUES ($1, $2, $3)";
    HEAD = "SELECT head, floor FROM change_head WHERE id = 1";
    SINCE = "SELECT seq, entity, id FROM change_log WHERE seq > $1 ORDER BY seq LIMIT $2";
    SWEEP = "DELETE FROM change_log WHERE seq < $1";
    RAISE_FLOOR = "UPDATE change_head
        SET floor = CASE WHEN head < $1 THEN head ELSE $1 END
        WHERE id = 1 AND floor < $1";
}

/// Notes a change in the transaction that makes it.
pub(crate) fn note(connection: &Connection, entity: Entity, id: &str) -> Result<(), StoreError> {
    let append = || -> rusqlite::Result<()> {
        let seq: i64 = connection
            .prepare_cached(COUNT)?
            .query_row([], |row| row.get(0))?;
        connection
            .prepare_cached(APPEND)?
            .execute((seq, entity.as_str(), id))?;
        Ok(())
    };
    append().map_err(|e| translate(&e))
}

/// The number of the last change; zero when there was none.
pub(crate) fn head(connection: &Connection) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare_cached(HEAD)?;
    statement.query_row([], |row| row.get(0))
}

#[async_trait]
impl ChangeFeed for SqliteStore {
    async fn head(&self) -> Result<i64, StoreError> {
        self.read(|on| head(on))
    }

    async fn since(&self, seq: i64, most: usize) -> Result<Changes, StoreError> {
        self.read(|on| {
            let (head, floor): (i64, i64) = on
                .prepare_cached(HEAD)?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let entries = on
                .prepare_cached(SINCE)?
                .query_map((seq, limit(most)), |row| {
                    let mut columns = Columns::of(row);
                    Ok(Change {
                        seq: columns.take()?,
                        entity: columns.parse(Entity::parse)?,
                        id: columns.take()?,
                    })
                })?
                .collect::<Result<_, _>>()?;
            Ok(Changes {
                entries,
                complete_from_seq: floor <= seq && seq <= head,
            })
        })
    }

    async fn sweep(&self, before: i64) -> Result<u64, StoreError> {
        self.writer
            .write(move |on| {
                let sweep = || -> rusqlite::Result<usize> {
                    on.prepare_cached(RAISE_FLOOR)?
                        .execute([before.saturating_sub(1)])?;
                    on.prepare_cached(SWEEP)?.execute([before])
                };
                sweep().map(crate::row::count).map_err(|e| translate(&e))
            })
            .await
    }
}
