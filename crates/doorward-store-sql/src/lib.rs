//! The SQLite store: the only crate of Doorward with SQL.
//!
//! What it is: [`SqliteStore`], one file per entity with its statements, and the migrations. One
//! thread writes and commits waiting writes together; reads run where they are asked for. Several
//! processes may share the file.
//!
//! What it never does: put a value into the text of a statement, hold a lock over an `await`,
//! answer a write before it is on the disk, open a database that a newer version wrote.
//!
//! Where to start: [`SqliteStore::open`], then `writer`. Statements keep to what PostgreSQL
//! understands as well.

mod acme;
mod api_key;
mod authorization;
mod change;
mod client;
mod client_key;
mod consent;
mod error;
mod file;
mod health;
mod issued_certificate;
mod issuer;
mod key_scan;
mod migration;
mod reader;
mod refresh_family;
mod revoked_token;
mod row;
mod scan;
mod session;
mod signing_key;
mod sqlite;
mod statement;
#[cfg(test)]
mod tests;
mod user;
mod writer;

pub use sqlite::SqliteStore;
