//! What the conformance suite can't say: files, processes and faults.

mod child;
mod crash;
mod damage;
mod directory;
mod processes;
mod refresh;

use std::sync::Arc;
use std::time::Duration;

use doorward_store::conformance::Handles;

use crate::SqliteStore;
use directory::Directory;

const BUSY: Duration = Duration::from_secs(5);

fn fresh() -> Handles {
    let directory = Directory::new();
    let first = SqliteStore::open(&directory.file("store.db")).unwrap();
    let second = SqliteStore::open(&directory.file("store.db")).unwrap();
    Handles::new(Arc::new(first), Arc::new(second), directory)
}

doorward_store::conformance_suite!(fresh);

/// Every statement is understood, and its parameters are numbered in the order they appear.
#[test]
fn every_statement_prepares() {
    let directory = Directory::new();
    drop(SqliteStore::open(&directory.file("store.db")).unwrap());
    let connection = rusqlite::Connection::open(directory.file("store.db")).unwrap();
    let entities = [
        crate::acme::ALL,
        crate::api_key::ALL,
        crate::authorization::ALL,
        crate::consent::ALL,
        crate::session::ALL,
        crate::change::ALL,
        crate::issued_certificate::ALL,
        crate::client::ALL,
        crate::client_key::ALL,
        crate::issuer::ALL,
        crate::key_scan::ALL,
        crate::migration::ALL,
        crate::refresh_family::ALL,
        crate::revoked_token::ALL,
        crate::signing_key::ALL,
        crate::user::ALL,
    ];
    let mut prepared = 0;
    for (name, text) in entities.into_iter().flatten() {
        let statement = connection
            .prepare(text)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        for n in 1..=statement.parameter_count() {
            assert_eq!(
                statement.parameter_name(n),
                Some(format!("${n}").as_str()),
                "{name}"
            );
        }
        prepared += 1;
    }
    assert!(prepared > 35, "{prepared}");
}
