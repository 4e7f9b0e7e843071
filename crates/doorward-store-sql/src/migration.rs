//! The history of the schema.

use doorward_store::StoreError;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::translate;
use crate::statement::statements;

/// One step of the schema. A step that was released is never edited; a mistake gets a new step.
#[derive(Clone, Copy)]
pub(crate) struct Migration {
    pub(crate) version: i64,
    pub(crate) sql: &'static str,
}

/// All steps, numbered from 1 without gaps.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        sql: include_str!("migrations/0001_initial.sql"),
    },
    Migration {
        version: 2,
        sql: include_str!("migrations/0002_issued_certificate.sql"),
    },
    Migration {
        version: 3,
        sql: include_str!("migrations/0003_client_key.sql"),
    },
    Migration {
        version: 4,
        sql: include_str!("migrations/0004_sign_in.sql"),
    },
    Migration {
        version: 5,
        sql: include_str!("migrations/0005_client.sql"),
    },
    Migration {
        version: 6,
        sql: include_str!("migrations/0006_acme.sql"),
    },
    Migration {
        version: 7,
        sql: include_str!("migrations/0007_refresh_family.sql"),
    },
];

statements! {
    RECORD = "INSERT INTO schema_migration (version, checksum) VALUES ($1, $2)";
    RECORDED = "SELECT version, checksum FROM schema_migration ORDER BY version";
}

const CREATE_HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_migration \
     (version BIGINT PRIMARY KEY, checksum TEXT NOT NULL)";

/// Looks at a database without changing anything, and says how many steps it has.
///
/// # Errors
/// [`StoreError::NewerSchema`], [`StoreError::NotADatabase`] (also for the SQLite database of
/// another program) or [`StoreError::Corrupt`].
pub(crate) fn inspect(connection: &Connection, known: &[Migration]) -> Result<usize, StoreError> {
    if !has_history(connection)? {
        return Ok(0);
    }
    let mut statement = connection.prepare(RECORDED).map_err(|e| translate(&e))?;
    let rows = statement
        .query_map([], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| translate(&e))?;
    let newest = known.last().map_or(0, |migration| migration.version);
    if let Some((found, _)) = rows.last().filter(|(found, _)| *found > newest) {
        return Err(StoreError::NewerSchema {
            found: *found,
            known: newest,
        });
    }
    for ((version, sum), migration) in rows.iter().zip(known) {
        if *version != migration.version || *sum != checksum(migration.sql) {
            return Err(StoreError::Corrupt(format!(
                "schema step {version} is not the one this Doorward knows"
            )));
        }
    }
    Ok(rows.len())
}

/// Brings a database up to date in one transaction: killed at any point, it is as it was before or
/// as it should be.
pub(crate) fn migrate(connection: &mut Connection, known: &[Migration]) -> Result<(), StoreError> {
    if inspect(connection, known)? == known.len() {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|e| translate(&e))?;
    // Another process may have been first while this one waited for the lock.
    let done = inspect(&transaction, known)?;
    apply(&transaction, known.get(done..).unwrap_or_default()).map_err(|e| translate(&e))?;
    transaction.commit().map_err(|e| translate(&e))
}

fn apply(transaction: &Transaction<'_>, missing: &[Migration]) -> rusqlite::Result<()> {
    transaction.execute_batch(CREATE_HISTORY)?;
    for migration in missing {
        transaction.execute_batch(migration.sql)?;
        transaction.execute(RECORD, (migration.version, checksum(migration.sql)))?;
    }
    Ok(())
}

/// Tells whether the database is ours; false for an empty one.
fn has_history(connection: &Connection) -> Result<bool, StoreError> {
    // One statement sees one moment: between two, another process could make the tables, and its
    // database would be taken for that of another program.
    const TABLES: &str = "SELECT count(*), count(CASE name WHEN 'schema_migration' THEN 1 END)
        FROM sqlite_master";
    let (all, ours): (i64, i64) = connection
        .query_row(TABLES, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(|e| translate(&e))?;
    if all > 0 && ours == 0 {
        return Err(StoreError::NotADatabase);
    }
    Ok(ours > 0)
}

/// FNV-1a over the text without carriage returns. It guards against edited steps, not attackers:
/// whoever can write the table can write its sums.
fn checksum(sql: &str) -> String {
    let hash = sql
        .bytes()
        .filter(|byte| *byte != b'\r')
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}
