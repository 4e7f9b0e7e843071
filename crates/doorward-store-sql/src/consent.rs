//! Consents in SQL.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_core::scope::ScopeSet;
use doorward_store::{ConsentRecord, Consents, StoreError, UserName};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::translate;
use crate::row::{Columns, Seen, limit};
use crate::sqlite::SqliteStore;
use crate::statement::statements;

macro_rules! columns {
    () => {
        "user_name, client_id, resource, scopes, granted_at, expires_at"
    };
}

statements! {
    STANDS = "SELECT scopes FROM consent
        WHERE user_name = $1 AND client_id = $2 AND resource = $3 AND expires_at > $4";
    PUT = concat!(
        "INSERT INTO consent (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (user_name, client_id, resource) DO UPDATE SET
            scopes = excluded.scopes,
            granted_at = excluded.granted_at,
            expires_at = excluded.expires_at"
    );
    ONE = concat!(
        "SELECT ", columns!(), " FROM consent
         WHERE user_name = $1 AND client_id = $2 AND resource = $3 AND expires_at > $4"
    );
    OF_USER = concat!(
        "SELECT ", columns!(), " FROM consent WHERE user_name = $1 AND expires_at > $2
         ORDER BY client_id, resource"
    );
    WITHDRAW = "DELETE FROM consent WHERE user_name = $1 AND client_id = $2";
    SWEEP = "DELETE FROM consent WHERE (user_name, client_id, resource) IN
        (SELECT user_name, client_id, resource FROM consent
         WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
}

#[async_trait]
impl Consents for SqliteStore {
    async fn remember(&self, consent: ConsentRecord) -> Result<(), StoreError> {
        self.writer
            .write(move |on| remember(on, &consent).map_err(|e| translate(&e)))
            .await
    }

    async fn lookup(
        &self,
        user: &UserName,
        client_id: &str,
        resource: &str,
        now: Timestamp,
    ) -> Result<Option<ConsentRecord>, StoreError> {
        self.read(|on| {
            on.prepare_cached(ONE)?
                .query_row((user.as_str(), client_id, resource, now.millis()), record)
                .optional()
        })
    }

    async fn list(
        &self,
        user: &UserName,
        now: Timestamp,
    ) -> Result<Vec<ConsentRecord>, StoreError> {
        self.read(|on| {
            on.prepare_cached(OF_USER)?
                .query_map((user.as_str(), now.millis()), record)?
                .collect()
        })
    }

    async fn withdraw(&self, user: &UserName, client_id: &str) -> Result<u64, StoreError> {
        let values = (user.as_str().to_owned(), client_id.to_owned());
        self.changed(WITHDRAW, values).await
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<u64, StoreError> {
        self.changed(SWEEP, (now.millis(), limit(most))).await
    }
}

fn remember(on: &Connection, consent: &ConsentRecord) -> rusqlite::Result<()> {
    let user = consent.user.as_str();
    let key = (
        user,
        &consent.client_id,
        &consent.resource,
        consent.granted_at.millis(),
    );
    let stands = on
        .prepare_cached(STANDS)?
        .query_row(key, |row| Columns::of(row).scopes(&Seen::nothing()))
        .optional()?
        .unwrap_or(ScopeSet::EMPTY);
    let values = params![
        user,
        consent.client_id,
        consent.resource,
        consent.scopes.union(&stands).to_string(),
        consent.granted_at.millis(),
        consent.expires_at.millis(),
    ];
    on.prepare_cached(PUT)?.execute(values).map(|_| ())
}

fn record(row: &Row<'_>) -> rusqlite::Result<ConsentRecord> {
    let mut columns = Columns::of(row);
    Ok(ConsentRecord {
        user: columns.parse(|text| UserName::parse(text).ok())?,
        client_id: columns.take()?,
        resource: columns.take()?,
        scopes: columns.scopes(&Seen::nothing())?,
        granted_at: columns.moment()?,
        expires_at: columns.moment()?,
    })
}
