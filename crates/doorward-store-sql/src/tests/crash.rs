//! Pulls the plug: a process that writes is killed, and what it was told is done must be done.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use doorward_store::conformance::sample::{self, at};
use doorward_store::{ApiKeyId, ApiKeyRecord, Entity, SigningKeyRotation, Stage, Store};

use super::child::{self, Process};
use super::directory::Directory;
use crate::SqliteStore;
use crate::migration::{MIGRATIONS, Migration, inspect};

const ROUNDS: u64 = 10;
const SECOND_STEP: &str = "
    CREATE TABLE big (n BIGINT PRIMARY KEY);
    INSERT INTO big
        WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 200000)
        SELECT n FROM c;
    CREATE TABLE last_of_step (n BIGINT PRIMARY KEY);";

fn two_steps() -> [Migration; 2] {
    [
        MIGRATIONS[0],
        Migration {
            version: 2,
            sql: SECOND_STEP,
        },
    ]
}

/// The other process: creates, revokes and rotates without end from number `task` on, in several
/// tasks at once so that commits hold more than one write, and says each write that is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_until_killed() {
    let Some((database, task)) = child::orders() else {
        return;
    };
    let store = SqliteStore::open(&database).unwrap();
    let start: u64 = task.parse().unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|n| tokio::spawn(write_on(store.clone(), start + n)))
        .collect();
    tokio::spawn(rotate_signing_keys(store, start));
    for task in tasks {
        task.await.unwrap();
    }
}

async fn write_on(store: SqliteStore, start: u64) {
    let keys = store.api_keys();
    for n in (start..start + 500_000).step_by(8) {
        let id = sample::api_key_id(n);
        keys.create(sample::api_key(n)).await.unwrap();
        child::say(&format!("created {n}"));
        if n % 3 == 0 {
            keys.revoke(&id, at(77)).await.unwrap();
            child::say(&format!("revoked {n}"));
        } else if n % 3 == 1 {
            let successor = sample::api_key(n + 500_000);
            let _ = keys.rotate(&id, successor, at(50)).await.unwrap();
            child::say(&format!("rotated {n}"));
        }
        store
            .revoked_tokens()
            .revoke(sample::revoked_token(n, 50))
            .await
            .unwrap();
        child::say(&format!("token {n}"));
    }
}

async fn rotate_signing_keys(store: SqliteStore, start: u64) {
    let keys = store.signing_keys();
    let first = sample::signing_key(start, Stage::Active);
    let mut stored = keys
        .ensure(first, sample::signing_key(start + 1, Stage::Next))
        .await
        .unwrap();
    for n in start + 2.. {
        let active = stored
            .iter()
            .find(|key| key.stage == Stage::Active)
            .unwrap();
        let rotation = SigningKeyRotation {
            expected_active: active.kid.clone(),
            new_next: sample::signing_key(n, Stage::Next),
            now: at(1),
            retired_expires_at: at(2),
        };
        stored = keys.rotate(rotation).await.unwrap();
        child::say(&format!("signing {n}"));
    }
}

/// No acknowledged write is lost, no revoked key lives, no rotation is half done, whenever the
/// process is killed.
#[tokio::test]
async fn r125_kill_9_loses_no_acknowledged_write() {
    let directory = Directory::new();
    let database = directory.file("store.db");
    let mut said = Vec::new();
    for round in 0..ROUNDS {
        let start = round * 1_000_000;
        let test = "tests::crash::writes_until_killed";
        let mut process = Process::start(test, &database, &start.to_string());
        // A different point each time: after so many acknowledged writes, wherever the others are.
        for _ in 0..(7 + round * 37) {
            said.push(process.hear().expect("the other process ended too early"));
        }
        process.kill();
        while let Some(line) = process.hear() {
            said.push(line);
        }
        drop(process);
        check(&database, &said).await;
    }
    assert!(said.iter().any(|line| line.starts_with("rotated")));
    assert!(said.iter().any(|line| line.starts_with("signing")));
}

async fn check(database: &Path, said: &[String]) {
    let store = SqliteStore::open(database).unwrap();
    let mut keys = BTreeMap::new();
    store
        .api_keys()
        .for_each(&mut |key| drop(keys.insert(key.id.clone(), key)))
        .await
        .unwrap();
    let tokens: BTreeSet<_> = store
        .revoked_tokens()
        .list()
        .await
        .unwrap()
        .into_iter()
        .map(|token| token.jti)
        .collect();
    let signing = store.signing_keys().list().await.unwrap();
    for line in said {
        let (verb, n) = line.split_once(' ').unwrap();
        let n: u64 = n.parse().unwrap();
        let key = || &keys[&sample::api_key_id(n)];
        match verb {
            "created" => assert_eq!(key().digest, sample::digest(n), "{line}"),
            "revoked" => assert_eq!(key().revoked_at, Some(at(77)), "{line}"),
            "rotated" => assert_eq!(key().expires_at, Some(at(50)), "{line}"),
            "token" => assert!(tokens.contains(&sample::revoked_token(n, 50).jti), "{line}"),
            "signing" => {
                let kid = sample::signing_key(n, Stage::Next).kid;
                assert!(signing.iter().any(|key| key.kid == kid), "{line}");
            }
            other => panic!("{other}"),
        }
    }
    check_whole(&keys);
    for stage in [Stage::Active, Stage::Next] {
        assert!(signing.iter().filter(|key| key.stage == stage).count() <= 1);
    }
    check_changes(&store, &keys).await;
    let connection = rusqlite::Connection::open(database).unwrap();
    let sound: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
}

/// A key that was replaced has its successor, and no successor is there without.
fn check_whole(keys: &BTreeMap<ApiKeyId, ApiKeyRecord>) {
    let replaced: BTreeSet<_> = keys
        .values()
        .filter_map(|key| key.replaced_by.as_ref())
        .collect();
    for (id, key) in keys {
        if let Some(by) = &key.replaced_by {
            assert!(keys.contains_key(by), "{id} lost its successor");
        }
        let number: u64 = id.as_str()[4..].parse().unwrap();
        if number % 1_000_000 >= 500_000 {
            assert!(replaced.contains(id), "{id} is the successor of nothing");
        }
    }
}

/// Every row there is has its entry in the log, without gaps.
async fn check_changes(store: &SqliteStore, keys: &BTreeMap<ApiKeyId, ApiKeyRecord>) {
    let changes = store.changes().since(0, usize::MAX).await.unwrap();
    assert!(changes.complete_from_seq);
    assert!(
        changes
            .entries
            .iter()
            .map(|change| change.seq)
            .eq(1..=changes.entries.len() as i64)
    );
    let noted: BTreeSet<_> = changes
        .entries
        .iter()
        .filter(|change| change.entity == Entity::ApiKey)
        .map(|change| change.id.as_str())
        .collect();
    assert!(keys.keys().all(|id| noted.contains(id.as_str())));
}

/// The other process: brings the database from the first step to the second.
#[test]
fn migrates_until_killed() {
    let Some((database, _)) = child::orders() else {
        return;
    };
    child::say("begins");
    SqliteStore::open_with(&database, &two_steps(), super::BUSY).unwrap();
    child::say("migrated");
}

/// A process killed while it migrates leaves the old schema or the new one.
#[test]
fn r125_kill_9_during_migration_leaves_old_or_new() {
    let [first, _] = two_steps();
    for round in 0..ROUNDS {
        let directory = Directory::new();
        let database = directory.file("store.db");
        if round % 2 == 0 {
            drop(SqliteStore::open_with(&database, &[first], super::BUSY).unwrap());
        }
        let mut process = Process::start("tests::crash::migrates_until_killed", &database, "");
        assert_eq!(process.hear().as_deref(), Some("begins"));
        // Spread over the migration: until the log has grown to so many pages, or it is over.
        let log = directory.file("store.db-wal");
        let enough = round * 200_000;
        while std::fs::metadata(&log).map_or(0, |log| log.len()) < enough && process.is_running() {
            std::thread::yield_now();
        }
        process.kill();
        drop(process);
        let connection = rusqlite::Connection::open(&database).unwrap();
        let done = inspect(&connection, &two_steps()).unwrap();
        let last = connection.prepare("SELECT n FROM last_of_step").is_ok();
        let big = connection.prepare("SELECT n FROM big").is_ok();
        assert_eq!((big, last), (done == 2, done == 2), "round {round}");
        drop(connection);
        drop(SqliteStore::open_with(&database, &two_steps(), super::BUSY).unwrap());
        let connection = rusqlite::Connection::open(&database).unwrap();
        let count: i64 = connection
            .query_row("SELECT count(*) FROM big", [], |row| row.get(0))
            .unwrap();
        assert_eq!(count, 200_000);
    }
}

/// A step that fails half way leaves nothing of itself.
#[test]
fn r125_a_failing_migration_changes_nothing() {
    let directory = Directory::new();
    let database = directory.file("store.db");
    let [first, _] = two_steps();
    drop(SqliteStore::open_with(&database, &[first], super::BUSY).unwrap());
    let broken = Migration {
        version: 2,
        sql: "CREATE TABLE half (n BIGINT); NOT SQL;",
    };
    assert!(SqliteStore::open_with(&database, &[first, broken], super::BUSY).is_err());
    let connection = rusqlite::Connection::open(&database).unwrap();
    assert!(connection.prepare("SELECT n FROM half").is_err());
    assert_eq!(inspect(&connection, &[first]).unwrap(), 1);
}
