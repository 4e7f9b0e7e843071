//! Opening the database.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use doorward_store::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction};

use crate::error::translate;
use crate::file::DatabaseFile;
use crate::migration::{self, MIGRATIONS, Migration};
use crate::reader::Readers;
use crate::writer::Writer;

/// How long a statement waits for another process.
const BUSY: Duration = Duration::from_secs(5);
/// How long a read may hold up the thread it runs on.
const BUSY_READER: Duration = Duration::from_millis(500);

/// A store in one SQLite file. A clone is the same store.
#[derive(Clone)]
pub struct SqliteStore {
    pub(crate) readers: Arc<Readers>,
    pub(crate) writer: Arc<Writer>,
    pub(crate) file: Arc<DatabaseFile>,
}

impl SqliteStore {
    /// Opens the database at `path`, makes it when there is none and brings its schema up to date.
    ///
    /// Blocks: it belongs into the start of the program. The file is readable by its owner only;
    /// the directory must be writable, because SQLite keeps two more files beside it. Not for
    /// network file systems.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`], [`StoreError::NotADatabase`], [`StoreError::Corrupt`],
    /// [`StoreError::Locked`], [`StoreError::Full`], [`StoreError::ReadOnly`] or
    /// [`StoreError::Io`], each before anything was changed.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, MIGRATIONS, BUSY)
    }

    /// Opens the database at `path` as [`SqliteStore::open`] does, but never makes one.
    ///
    /// For whoever knows that there is one: a disk that was not mounted or a mistyped path would
    /// otherwise give an empty store, in which no token is revoked.
    ///
    /// # Errors
    /// Those of [`SqliteStore::open`], and [`StoreError::NotADatabase`] when the file is missing
    /// or empty.
    pub fn open_existing(path: &Path) -> Result<Self, StoreError> {
        match path.metadata() {
            Ok(file) if file.len() > 0 => Self::open(path),
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(StoreError::Io(format!("{}: {error}", path.display())))
            }
            _ => Err(StoreError::NotADatabase),
        }
    }

    /// Tells whether anything was ever written. Blocks, as [`SqliteStore::open`] does.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has_history(&self) -> Result<bool, StoreError> {
        let head = self.read(|on| crate::change::head(on))?;
        Ok(head > 0)
    }

    pub(crate) fn open_with(
        path: &Path,
        migrations: &[Migration],
        busy: Duration,
    ) -> Result<Self, StoreError> {
        let file = Arc::new(DatabaseFile::claim(path)?);
        let mut connection = connect(file.path(), busy)?;
        migration::inspect(&connection, migrations)?;
        use_wal(&connection, busy)?;
        migration::migrate(&mut connection, migrations)?;
        let readers = Readers::open(|| connect_reader(file.path(), busy.min(BUSY_READER)))?;
        let writer = Writer::start(connection, file.clone())?;
        Ok(Self {
            readers: Arc::new(readers),
            writer: Arc::new(writer),
            file,
        })
    }

    /// Runs a read in one transaction.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        // SECURITY: in a file that was replaced, others revoke what this one would still admit.
        self.file.check_in_place()?;
        self.readers.read(work)
    }

    /// A reader of its own, for a long scan.
    pub(crate) fn extra_reader(&self) -> Result<Connection, StoreError> {
        self.file.check_in_place()?;
        connect_reader(self.file.path(), BUSY)
    }
}

fn connect(path: &Path, busy: Duration) -> Result<Connection, StoreError> {
    // SECURITY: without SQLITE_OPEN_CREATE, so that a file removed since `claim` is not made again
    // with another mode, and without SQLITE_OPEN_URI, so that a path is only a path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(busy)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.execute_batch(
            "PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON;
             PRAGMA cell_size_check = ON;
             PRAGMA journal_size_limit = 67108864;",
        )?;
        Ok(connection)
    };
    open().map_err(|e| translate(&e))
}

fn connect_reader(path: &Path, busy: Duration) -> Result<Connection, StoreError> {
    let connection = connect(path, busy)?;
    connection
        .execute_batch("PRAGMA query_only = ON")
        .map_err(|e| translate(&e))?;
    Ok(connection)
}

/// Switches to the write-ahead log. SQLite does not wait for others here, so this does.
fn use_wal(connection: &Connection, busy: Duration) -> Result<(), StoreError> {
    let started = Instant::now();
    loop {
        let mode = connection
            .query_row("PRAGMA journal_mode = WAL", [], |row| {
                row.get::<_, String>(0)
            })
            .map_err(|e| translate(&e));
        match mode {
            Ok(mode) if mode.eq_ignore_ascii_case("wal") => return Ok(()),
            // SECURITY: anything else would weaken what a crash leaves behind.
            Ok(mode) => {
                return Err(StoreError::Io(format!(
                    "journal mode {mode} instead of wal"
                )));
            }
            Err(StoreError::Locked) if started.elapsed() < busy => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error),
        }
    }
}
