//! Files that are not what they should be, and resources that run out.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use doorward_store::conformance::sample::{self, at};
use doorward_store::{Health, Store, StoreError};
use rusqlite::Connection;

use super::directory::Directory;
use crate::SqliteStore;
use crate::migration::MIGRATIONS;

fn refusal(path: &Path) -> StoreError {
    SqliteStore::open_with(path, MIGRATIONS, Duration::from_millis(50))
        .err()
        .expect("refused")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn garbage_is_refused_and_left_alone() {
    let directory = Directory::new();
    let path = directory.file("store.db");
    for garbage in [vec![b'x'; 5000], b"short".to_vec(), vec![0; 4096]] {
        fs::write(&path, &garbage).unwrap();
        let error = refusal(&path);
        assert!(matches!(error, StoreError::NotADatabase), "{error:?}");
        assert_eq!(fs::read(&path).unwrap(), garbage);
    }
}

#[test]
fn database_of_another_program_is_refused_and_left_alone() {
    let directory = Directory::new();
    let path = directory.file("store.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE theirs (n)")
        .unwrap();
    let before = fs::read(&path).unwrap();
    assert_eq!(refusal(&path), StoreError::NotADatabase);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn newer_schema_is_refused() {
    let directory = Directory::new();
    let path = directory.file("store.db");
    drop(SqliteStore::open(&path).unwrap());
    let insert = "INSERT INTO schema_migration VALUES (99, 'x')";
    Connection::open(&path)
        .unwrap()
        .execute_batch(insert)
        .unwrap();
    assert_eq!(
        refusal(&path),
        StoreError::NewerSchema {
            found: 99,
            known: MIGRATIONS.len() as i64
        }
    );
}

#[test]
fn edited_history_is_refused() {
    let directory = Directory::new();
    let path = directory.file("store.db");
    drop(SqliteStore::open(&path).unwrap());
    let update = "UPDATE schema_migration SET checksum = 'x'";
    Connection::open(&path)
        .unwrap()
        .execute_batch(update)
        .unwrap();
    assert!(matches!(refusal(&path), StoreError::Corrupt(_)));
}

#[tokio::test]
async fn damaged_pages_are_an_error_and_never_an_empty_answer() {
    let directory = Directory::new();
    let path = directory.file("store.db");
    let store = SqliteStore::open(&path).unwrap();
    for n in 0..200 {
        store.api_keys().create(sample::api_key(n)).await.unwrap();
    }
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(4096) {
        *byte = 0xa5;
    }
    fs::write(&path, bytes).unwrap();
    match SqliteStore::open(&path) {
        Err(error) => assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}"),
        Ok(store) => {
            let answer = store.api_keys().lookup(&sample::api_key_id(1)).await;
            assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_value_without_meaning_is_corruption() {
    let directory = Directory::new();
    let path = directory.file("store.db");
    let store = SqliteStore::open(&path).unwrap();
    for (column, value) in [
        ("kind", "'root'"),
        ("scopes", "'a\"b'"),
        ("roles", "'{}'"),
        ("allowed_cidrs", "'[\"everywhere\"]'"),
        ("revoked_at", "'never'"),
        ("replaced_by", "''"),
        ("scopes", "x'00'"),
    ] {
        let id = sample::api_key_id(1);
        let _ = store.api_keys().create(sample::api_key(1)).await;
        let connection = Connection::open(&path).unwrap();
        connection
            .execute(&format!("UPDATE api_key SET {column} = {value}"), [])
            .unwrap();
        let answer = store.api_keys().lookup(&id).await;
        assert!(
            matches!(answer, Err(StoreError::Corrupt(_))),
            "{column}: {answer:?}"
        );
        let mut seen = 0;
        assert!(
            store.api_keys().for_each(&mut |_| seen += 1).await.is_err(),
            "{column}"
        );
        connection.execute("DELETE FROM api_key", []).unwrap();
    }
}

/// Counts keys.
#[derive(Default)]
struct Count(usize);

impl doorward_store::KeyVisitor for Count {
    fn expect(&mut self, _: usize) {}

    fn visit(&mut self, _: &doorward_store::KeyView<'_>) {
        self.0 += 1;
    }
}

#[tokio::test]
async fn r126_a_key_that_does_not_parse_ends_the_load_and_is_named() {
    let directory = Directory::new();
    let path = directory.file("store.db");
    let store = SqliteStore::open(&path).unwrap();
    for n in 1..=3 {
        store.api_keys().create(sample::api_key(n)).await.unwrap();
    }
    let connection = Connection::open(&path).unwrap();
    let id = sample::api_key_id(2);
    for (column, value) in [
        ("owner", "x'ff'"),
        ("owner", "cast(x'ff' AS TEXT)"),
        ("kind", "'root'"),
        ("kind", "x'736b'"),
        ("environment", "''"),
        ("scopes", "'a\"b'"),
        ("scopes", "cast(x'ff' AS TEXT)"),
        ("roles", "'{}'"),
        ("allowed_cidrs", "'[\"everywhere\"]'"),
        ("not_before", "1.5"),
        ("expires_at", "x'00'"),
        ("revoked_at", "'never'"),
        ("last_used_at", "'x'"),
        ("exposed_at", "'x'"),
    ] {
        let good = format!("SELECT {column} FROM api_key WHERE id = '{id}'");
        let good: rusqlite::types::Value =
            connection.query_row(&good, [], |row| row.get(0)).unwrap();
        let update = format!("UPDATE api_key SET {column} = {value} WHERE id = '{id}'");
        connection.execute(&update, []).unwrap();
        let answer = store.api_keys().visit_all(&mut Count::default()).await;
        let Err(StoreError::Corrupt(what)) = &answer else {
            panic!("{column} {value}: {answer:?}")
        };
        assert!(what.contains(id.as_str()), "{column}: {what}");
        let restore = format!("UPDATE api_key SET {column} = $1 WHERE id = '{id}'");
        connection.execute(&restore, [good]).unwrap();
    }
    for bad in ["''", "'key_'", "x'00'", "NULL", "cast(x'ff' AS TEXT)"] {
        let update = format!("UPDATE api_key SET id = {bad} WHERE id = '{id}'");
        connection.execute(&update, []).unwrap();
        let answer = store.api_keys().visit_all(&mut Count::default()).await;
        assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");
        let restore = format!("UPDATE api_key SET id = '{id}' WHERE id IS {bad}");
        assert_eq!(connection.execute(&restore, []).unwrap(), 1);
    }
    let mut count = Count::default();
    store.api_keys().visit_all(&mut count).await.unwrap();
    assert_eq!(count.0, 3);
}

#[test]
fn open_gives_up_on_a_locked_database() {
    let directory = Directory::new();
    let path = directory.file("store.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert_eq!(refusal(&path), StoreError::Locked);
    other.execute_batch("ROLLBACK").unwrap();
    SqliteStore::open(&path).unwrap();
}

#[tokio::test]
async fn r126_writes_fail_while_locked_and_recover_by_themselves() {
    let directory = Directory::new();
    let path = directory.file("store.db");
    let store = SqliteStore::open_with(&path, MIGRATIONS, Duration::from_millis(50)).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answer = store.api_keys().create(sample::api_key(1)).await;
    assert_eq!(answer, Err(StoreError::Locked));
    assert!(
        store.api_keys().list(None, 1).await.unwrap().is_empty(),
        "reads go on"
    );
    other.execute_batch("ROLLBACK").unwrap();
    store.api_keys().create(sample::api_key(1)).await.unwrap();
}

#[tokio::test]
async fn r128_full_disk_refuses_writes_whole_and_recovers() {
    let directory = Directory::new();
    let store = SqliteStore::open(&directory.file("store.db")).unwrap();
    let limit = |pages: i64| {
        store.writer.write(move |on| {
            let text = format!("PRAGMA max_page_count = {pages}");
            on.query_row(&text, [], |_| Ok(()))
                .map_err(|e| crate::error::translate(&e))
        })
    };
    store.api_keys().create(sample::api_key(0)).await.unwrap();
    limit(1).await.unwrap();
    // All at once, so that one commit holds writes from before and after the disk is full.
    let tasks: Vec<_> = (1..400)
        .map(|n| {
            let store = store.clone();
            let write = async move { store.api_keys().create(sample::api_key(n)).await };
            (n, tokio::spawn(write))
        })
        .collect();
    let mut full = 0;
    for (n, task) in tasks {
        let answer = task.await.unwrap();
        let stored = store
            .api_keys()
            .lookup(&sample::api_key_id(n))
            .await
            .unwrap();
        match answer {
            Ok(()) => assert!(stored.is_some(), "{n} was acknowledged"),
            Err(error) => {
                assert_eq!(error, StoreError::Full);
                assert!(stored.is_none(), "{n} was refused");
                full += 1;
            }
        }
    }
    assert!(full > 0);
    let id = sample::api_key_id(0);
    assert!(
        store.api_keys().lookup(&id).await.unwrap().is_some(),
        "reads go on"
    );
    limit(1_000_000).await.unwrap();
    assert_eq!(
        store.api_keys().revoke(&id, at(5)).await.unwrap(),
        Some(at(5))
    );
}

#[test]
fn k12_file_is_private_and_a_careless_copy_becomes_so() {
    let directory = Directory::new();
    let path = directory.file("store.db");
    let store = SqliteStore::open(&path).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        assert_eq!(
            mode(&directory.file(&format!("store.db{suffix}"))),
            0o600,
            "{suffix}"
        );
    }
    drop(store);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let _store = SqliteStore::open(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_path_is_only_a_path() {
    let directory = Directory::new();
    for name in [":memory:", "file:x?mode=memory"] {
        let path = directory.file(name);
        drop(SqliteStore::open(&path).unwrap());
        assert!(fs::metadata(path).unwrap().len() > 0, "{name}");
    }
    assert!(
        matches!(refusal(&directory.file("")), StoreError::Io(_)),
        "a directory"
    );
    assert!(matches!(
        refusal(&directory.file("no/such")),
        StoreError::Io(_)
    ));
}

#[tokio::test]
async fn r126_a_file_that_was_removed_or_replaced_is_used_no_more() {
    for replaced in [false, true] {
        let directory = Directory::new();
        let path = directory.file("store.db");
        let store = SqliteStore::open(&path).unwrap();
        store.api_keys().create(sample::api_key(1)).await.unwrap();
        store.ping().await.unwrap();
        fs::rename(&path, directory.file("moved.db")).unwrap();
        if replaced {
            fs::copy(directory.file("moved.db"), &path).unwrap();
        }
        let id = sample::api_key_id(1);
        let gone = |error| matches!(error, Some(StoreError::Unavailable(_)));
        assert!(gone(store.ping().await.err()));
        assert!(gone(store.api_keys().lookup(&id).await.err()));
        assert!(gone(store.api_keys().for_each(&mut drop).await.err()));
        assert!(gone(store.api_keys().revoke(&id, at(5)).await.err()));
        assert!(gone(store.changes().since(0, 1).await.err()));
    }
}

#[test]
fn open_existing_makes_nothing() {
    let directory = Directory::new();
    let path = directory.file("store.db");
    assert_eq!(
        SqliteStore::open_existing(&path).err(),
        Some(StoreError::NotADatabase)
    );
    assert!(!path.exists());
    fs::write(&path, "").unwrap();
    assert_eq!(
        SqliteStore::open_existing(&path).err(),
        Some(StoreError::NotADatabase)
    );
    drop(SqliteStore::open(&path).unwrap());
    SqliteStore::open_existing(&path).unwrap();
}

#[tokio::test]
async fn a_refused_write_does_not_undo_its_neighbours() {
    let directory = Directory::new();
    let store = SqliteStore::open(&directory.file("store.db")).unwrap();
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.api_keys().create(sample::api_key(n / 2)).await })
        })
        .collect();
    let mut stored = 0;
    for task in tasks {
        stored += usize::from(task.await.unwrap().is_ok());
    }
    assert_eq!(stored, 100);
    assert_eq!(store.api_keys().list(None, 1000).await.unwrap().len(), 100);
    assert_eq!(store.changes().head().await.unwrap(), 100);
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_the_write() {
    let directory = Directory::new();
    let store = SqliteStore::open(&directory.file("store.db")).unwrap();
    {
        let mut create = store.api_keys().create(sample::api_key(1));
        let once = std::future::poll_fn(|context| {
            let _ = create.as_mut().poll(context);
            std::task::Poll::Ready(())
        });
        once.await;
    }
    // Writes are done in order: once this one is answered, so is the one before.
    store.api_keys().create(sample::api_key(2)).await.unwrap();
    assert!(
        store
            .api_keys()
            .lookup(&sample::api_key_id(1))
            .await
            .unwrap()
            .is_some()
    );
}

/// A database of an older Doorward keeps what it holds and learns what is new.
#[tokio::test]
async fn r125_an_older_database_is_brought_up_to_date() {
    let directory = Directory::new();
    let path = directory.file("store.db");
    let first = SqliteStore::open_with(&path, &MIGRATIONS[..1], super::BUSY).unwrap();
    first.api_keys().create(sample::api_key(1)).await.unwrap();
    drop(first);
    let store = SqliteStore::open(&path).unwrap();
    let id = sample::api_key_id(1);
    assert!(store.api_keys().lookup(&id).await.unwrap().is_some());
    store
        .client_keys()
        .add(sample::client_key(1))
        .await
        .unwrap();
    assert_eq!(store.client_keys().list().await.unwrap().len(), 1);
}
