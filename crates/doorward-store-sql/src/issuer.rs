//! Trusted issuers in SQL: one JSON document each.

use async_trait::async_trait;
use doorward_store::{Entity, IssuerRecord, Issuers, StoreError};
use rusqlite::{OptionalExtension, Row};

use crate::change::note;
use crate::error::{translate, translate_insert};
use crate::row::Columns;
use crate::sqlite::SqliteStore;
use crate::statement::statements;

statements! {
    PUT = "INSERT INTO issuer (name, issuer, document) VALUES ($1, $2, $3)
        ON CONFLICT (name) DO UPDATE SET issuer = excluded.issuer, document = excluded.document";
    REMOVE = "DELETE FROM issuer WHERE name = $1";
    LIST = "SELECT name, issuer, document FROM issuer ORDER BY name";
    BY_NAME = "SELECT name, issuer, document FROM issuer WHERE name = $1";
}

#[async_trait]
impl Issuers for SqliteStore {
    async fn put(&self, issuer: IssuerRecord) -> Result<(), StoreError> {
        let document =
            serde_json::to_string(&issuer).map_err(|error| StoreError::Io(error.to_string()))?;
        self.writer
            .write(move |on| {
                let name = issuer.name.as_str();
                on.prepare_cached(PUT)
                    .and_then(|mut s| s.execute((name, issuer.issuer.as_str(), document)))
                    .map_err(|e| translate_insert(&e, Entity::Issuer, name))?;
                note(on, Entity::Issuer, name)
            })
            .await
    }

    async fn remove(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.writer
            .write(move |on| {
                let removed = on
                    .prepare_cached(REMOVE)
                    .and_then(|mut statement| statement.execute([&name]))
                    .map_err(|e| translate(&e))?;
                if removed > 0 {
                    note(on, Entity::Issuer, &name)?;
                }
                Ok(removed > 0)
            })
            .await
    }

    async fn list(&self) -> Result<Vec<IssuerRecord>, StoreError> {
        self.read(|on| on.prepare_cached(LIST)?.query_map([], record)?.collect())
    }

    async fn lookup(&self, name: &str) -> Result<Option<IssuerRecord>, StoreError> {
        self.read(|on| {
            on.prepare_cached(BY_NAME)?
                .query_row([name], record)
                .optional()
        })
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<IssuerRecord> {
    let mut columns = Columns::of(row);
    let (name, issuer): (String, String) = (columns.take()?, columns.take()?);
    // What the table is searched by and what the document says must be the same.
    columns.parse(|text| {
        let record: IssuerRecord = serde_json::from_str(text).ok()?;
        (record.name == name && record.issuer == issuer).then_some(record)
    })
}
