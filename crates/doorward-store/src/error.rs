//! What can go wrong with a store.

use thiserror::Error;

use crate::change::Entity;

/// Why a store did not do what it was asked. Unless a variant says otherwise, nothing was written.
///
/// The sentences are for the operator. They name identifiers in escaped form and never a digest,
/// a hash or a key.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// The row exists already, or somebody else changed it first.
    #[error(
        "{entity} {id:?} exists already or was changed by somebody else meanwhile: look at it \
         again, then repeat with another value"
    )]
    Conflict {
        /// What kind of row.
        entity: Entity,
        /// Which row the caller tried to write.
        id: String,
    },
    /// The row to change is not there.
    #[error("{entity} {id:?} does not exist: list what is there and check the spelling")]
    NotFound {
        /// What kind of row.
        entity: Entity,
        /// Which row.
        id: String,
    },
    /// Another process held the database for longer than the store waits.
    #[error(
        "the database is locked by another process: look for a backup or a command that is still \
         running, then try again"
    )]
    Locked,
    /// The disk, the quota or the database's own size limit is used up.
    #[error("the disk is full: free some space; Doorward goes on by itself")]
    Full,
    /// The file or its directory can't be written.
    #[error(
        "the database is read-only: give the user that runs Doorward write permission to the file \
         and its directory, and check that the file system is mounted writable"
    )]
    ReadOnly,
    /// A newer Doorward wrote this database.
    #[error(
        "the database has schema {found}, this Doorward knows up to {known}: run the newer \
         version, or restore the backup made before the upgrade"
    )]
    NewerSchema {
        /// The version in the database.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// The file is something else.
    #[error("the file is not a Doorward database: check the path; nothing was changed")]
    NotADatabase,
    /// The database contradicts itself.
    #[error("the database is damaged ({0}): stop Doorward and restore a backup")]
    Corrupt(String),
    /// The operating system refused a read or a write. A write may or may not have happened.
    #[error("the database could not be read or written ({0}): check the disk and the path")]
    Io(String),
    /// The store gave no answer. A write may or may not have happened.
    #[error("the store is not available ({0}): try again shortly")]
    Unavailable(String),
}

impl StoreError {
    /// Tells whether the store failed, rather than the request it was given. A fault is answered
    /// with 503 and never with an admission.
    #[must_use]
    pub const fn is_fault(&self) -> bool {
        !matches!(self, Self::Conflict { .. } | Self::NotFound { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::StoreError;
    use crate::change::Entity;

    #[test]
    fn r121_error_text_neutralises_line_breaks_in_identifiers() {
        let error = StoreError::NotFound {
            entity: Entity::User,
            id: "a\r\nb\u{1b}[2J".to_owned(),
        };
        let text = error.to_string();
        assert!(!text.contains(['\r', '\n', '\u{1b}']), "{text}");
        assert!(text.starts_with("user "), "{text}");
    }
}
