//! Two processes on one file, as the server and the command line are.

use doorward_store::conformance::sample::{self, at};
use doorward_store::{ApiKeyRotation, Stage, Store};

use super::child::{self, Process};
use super::directory::Directory;
use crate::SqliteStore;

const KEYS: u64 = 60;
const PROCESSES: u64 = 4;

/// The other process: races for every key and for the first signing key.
#[tokio::test]
async fn races_with_others() {
    let Some((database, task)) = child::orders() else {
        return;
    };
    let me: u64 = task.parse().unwrap();
    let store = SqliteStore::open(&database).unwrap();
    let initial = sample::signing_key(me * 2, Stage::Active);
    let next = sample::signing_key(me * 2 + 1, Stage::Next);
    let keys = store.signing_keys().ensure(initial, next).await.unwrap();
    child::say(&format!(
        "signs {}",
        keys.iter().map(|key| key.kid.as_str()).collect::<String>()
    ));
    for n in 0..KEYS {
        let successor = sample::api_key((me + 1) * 1000 + n);
        let answer = store
            .api_keys()
            .rotate(&sample::api_key_id(n), successor, at(50))
            .await
            .unwrap();
        if matches!(answer, ApiKeyRotation::Rotated { .. }) {
            child::say(&format!("won {n}"));
        }
    }
    child::say("done");
}

/// Each key has one successor and all processes sign with the same key.
#[tokio::test]
async fn r129_processes_on_one_file_have_one_winner_each() {
    let directory = Directory::new();
    let database = directory.file("store.db");
    let store = SqliteStore::open(&database).unwrap();
    for n in 0..KEYS {
        store.api_keys().create(sample::api_key(n)).await.unwrap();
    }
    let test = "tests::processes::races_with_others";
    let processes: Vec<_> = (0..PROCESSES)
        .map(|n| Process::start(test, &database, &n.to_string()))
        .collect();
    let (mut won, mut signs) = (Vec::new(), Vec::new());
    for mut process in processes {
        loop {
            let line = process.hear().expect("the other process failed");
            match line.split_once(' ') {
                Some(("won", n)) => won.push(n.parse::<u64>().unwrap()),
                Some((_, kids)) => signs.push(kids.to_owned()),
                None => break,
            }
        }
    }
    won.sort_unstable();
    assert_eq!(won, (0..KEYS).collect::<Vec<_>>());
    assert!(signs.iter().all(|kids| *kids == signs[0]));
    let stored = store.api_keys().list(None, 1000).await.unwrap();
    assert_eq!(stored.len() as u64, 2 * KEYS);
}

/// The other process: makes the database together with others, before it is there.
#[test]
fn opens_at_once() {
    let Some((database, _)) = child::orders() else {
        return;
    };
    drop(SqliteStore::open(&database).unwrap());
    child::say("open");
}

/// A first start of several processes at once makes one database.
#[test]
fn first_starts_at_once_all_succeed() {
    for _ in 0..10 {
        let directory = Directory::new();
        let database = directory.file("store.db");
        let test = "tests::processes::opens_at_once";
        let processes: Vec<_> = (0..6)
            .map(|_| Process::start(test, &database, ""))
            .collect();
        for mut process in processes {
            assert_eq!(process.hear().as_deref(), Some("open"));
        }
    }
}
