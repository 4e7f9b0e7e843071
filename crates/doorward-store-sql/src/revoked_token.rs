//! Revoked tokens in SQL.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_store::revoked_token::SWEEP_MARGIN;
use doorward_store::{Entity, RevokedToken, RevokedTokens, StoreError};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::change::note;
use crate::error::translate;
use crate::row::{Columns, count};
use crate::sqlite::SqliteStore;
use crate::statement::statements;

statements! {
    REVOKE = "INSERT INTO revoked_token (issuer, jti, expires_at, revoked_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (issuer, jti) DO UPDATE SET
            expires_at = CASE WHEN revoked_token.expires_at > excluded.expires_at
                THEN revoked_token.expires_at ELSE excluded.expires_at END,
            revoked_at = CASE WHEN revoked_token.revoked_at < excluded.revoked_at
                THEN revoked_token.revoked_at ELSE excluded.revoked_at END";
    BY_NAME = "SELECT issuer, jti, expires_at, revoked_at FROM revoked_token
        WHERE issuer = $1 AND jti = $2";
    LIST = "SELECT issuer, jti, expires_at, revoked_at FROM revoked_token ORDER BY issuer, jti";
    SWEEP = "DELETE FROM revoked_token WHERE expires_at <= $1";
}

#[async_trait]
impl RevokedTokens for SqliteStore {
    async fn revoke(&self, token: RevokedToken) -> Result<(), StoreError> {
        self.writer.write(move |on| revoke(on, &token)).await
    }

    async fn lookup(&self, issuer: &str, jti: &str) -> Result<Option<RevokedToken>, StoreError> {
        self.read(|on| {
            on.prepare_cached(BY_NAME)?
                .query_row([issuer, jti], record)
                .optional()
        })
    }

    async fn list(&self) -> Result<Vec<RevokedToken>, StoreError> {
        let mut tokens = Vec::new();
        let mut batches = crate::scan::records(self.extra_reader()?, LIST, record)?;
        while let Some(batch) = batches.next().await? {
            tokens.extend(batch);
        }
        Ok(tokens)
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let before = now.minus(SWEEP_MARGIN);
        self.writer
            .write(move |on| {
                on.prepare_cached(SWEEP)
                    .and_then(|mut statement| statement.execute([before.millis()]))
                    .map(count)
                    .map_err(|e| translate(&e))
            })
            .await
    }
}

/// Revokes a token in the transaction that ends what gave it.
pub(crate) fn revoke(on: &Connection, token: &RevokedToken) -> Result<(), StoreError> {
    let RevokedToken {
        issuer,
        jti,
        expires_at,
        revoked_at,
    } = token;
    let values = (issuer, jti, expires_at.millis(), revoked_at.millis());
    on.prepare_cached(REVOKE)
        .and_then(|mut statement| statement.execute(values))
        .map_err(|e| translate(&e))?;
    let id = RevokedToken::change_id(issuer, jti);
    note(on, Entity::RevokedToken, &id)
}

fn record(row: &Row<'_>) -> rusqlite::Result<RevokedToken> {
    let mut columns = Columns::of(row);
    Ok(RevokedToken {
        issuer: columns.take()?,
        jti: columns.take()?,
        expires_at: columns.moment()?,
        revoked_at: columns.moment()?,
    })
}
