//! Pulls the plug while refresh tokens rotate: whoever was told of a successor keeps it, and whoever
//! was not gets the same one on the next try.

use doorward_store::conformance::sample::{refresh_family, refresh_use};
use doorward_store::{RefreshRotation, Store};

use super::child::{self, Process};
use super::directory::Directory;
use crate::SqliteStore;

/// Rounds of killing. Each has hundreds of rotations behind it.
const ROUNDS: usize = 8;
/// Calls with one token at once.
const AT_ONCE: usize = 8;

/// Rotates from one number on, with several calls for each token.
async fn rotate(store: &SqliteStore, generation: i64) -> Vec<i64> {
    let calls: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let shown = refresh_use(1, generation, 10);
                store.refresh_families().rotate(shown).await.unwrap()
            })
        })
        .collect();
    let mut successors = Vec::new();
    for call in calls {
        match call.await.unwrap() {
            RefreshRotation::Rotated(family) | RefreshRotation::Replayed(family) => {
                successors.push(family.generation);
            }
            other => panic!("{other:?}"),
        }
    }
    successors
}

/// The other process: says each successor that it was given.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotates_until_killed() {
    let Some((database, task)) = child::orders() else {
        return;
    };
    let store = SqliteStore::open(&database).unwrap();
    let mut generation: i64 = task.parse().unwrap();
    for _ in 0..1_000_000 {
        let successors = rotate(&store, generation).await;
        generation += 1;
        assert!(successors.iter().all(|one| *one == generation));
        child::say(&generation.to_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i09_i10_kill_9_leaves_one_live_token_that_the_client_gets() {
    let directory = Directory::new();
    let database = directory.file("store.db");
    let store = SqliteStore::open(&database).unwrap();
    let families = store.refresh_families();
    families.start(refresh_family(1)).await.unwrap();
    let mut known: i64 = 1;
    for round in 0..ROUNDS {
        let test = "tests::refresh::rotates_until_killed";
        let mut process = Process::start(test, &database, &known.to_string());
        for _ in 0..(3 + round * 7) {
            let said = process.hear().expect("the other process ended too early");
            known = said.parse().unwrap();
        }
        process.kill();
        while let Some(said) = process.hear() {
            known = said.parse().unwrap();
        }
        drop(process);
        let stored = families.lookup("family-001").await.unwrap().unwrap();
        assert_eq!(stored.revoked_at, None, "nobody is logged out");
        assert!(
            (known..=known + 1).contains(&stored.generation),
            "told of {known}, stored {}",
            stored.generation
        );
        // The client shows the last token that it was told of, and goes on.
        let successors = rotate(&store, known).await;
        known += 1;
        assert!(successors.iter().all(|one| *one == known), "{successors:?}");
    }
}
