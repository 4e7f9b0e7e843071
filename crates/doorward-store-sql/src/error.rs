//! What SQLite's errors mean to the operator.

use doorward_store::{Entity, StoreError};
use rusqlite::ErrorCode;

/// Translates an error of SQLite. Texts of SQLite never hold values, only names of the schema.
pub(crate) fn translate(error: &rusqlite::Error) -> StoreError {
    let Some(code) = error.sqlite_error_code() else {
        return match error {
            // A column that holds something else than the schema says.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => StoreError::Corrupt(error.to_string()),
            _ => StoreError::Io(error.to_string()),
        };
    };
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Locked,
        ErrorCode::DiskFull => StoreError::Full,
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => StoreError::ReadOnly,
        ErrorCode::NotADatabase => StoreError::NotADatabase,
        ErrorCode::DatabaseCorrupt => StoreError::Corrupt(error.to_string()),
        _ => StoreError::Io(error.to_string()),
    }
}

/// Translates an error of a statement that stores a row: a taken key is a conflict.
pub(crate) fn translate_insert(error: &rusqlite::Error, entity: Entity, id: &str) -> StoreError {
    if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) {
        return StoreError::Conflict {
            entity,
            id: id.to_owned(),
        };
    }
    translate(error)
}

#[cfg(test)]
mod tests {
    use doorward_store::StoreError;
    use rusqlite::ffi;

    use super::translate;

    #[test]
    fn r128_codes_become_what_the_operator_can_act_on() {
        let failed = |code| translate(&rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        assert_eq!(failed(ffi::SQLITE_FULL), StoreError::Full);
        assert_eq!(failed(ffi::SQLITE_READONLY), StoreError::ReadOnly);
        assert_eq!(failed(ffi::SQLITE_READONLY_DBMOVED), StoreError::ReadOnly);
        assert_eq!(failed(ffi::SQLITE_BUSY), StoreError::Locked);
        assert_eq!(failed(ffi::SQLITE_NOTADB), StoreError::NotADatabase);
        assert!(matches!(
            failed(ffi::SQLITE_CORRUPT),
            StoreError::Corrupt(_)
        ));
        assert!(matches!(failed(ffi::SQLITE_IOERR_WRITE), StoreError::Io(_)));
        assert!(matches!(failed(ffi::SQLITE_CANTOPEN), StoreError::Io(_)));
    }
}
