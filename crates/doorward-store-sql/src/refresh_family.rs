//! Refresh families in SQL.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_store::refresh_family::{RefreshStep, step};
use doorward_store::{
    RefreshFamilies, RefreshFamilyRecord, RefreshRotation, RefreshUse, RevokedToken, StoreError,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::translate;
use crate::revoked_token;
use crate::row::{Columns, Seen, count, limit, millis, texts_to_json};
use crate::sqlite::SqliteStore;
use crate::statement::statements;

macro_rules! columns {
    () => {
        "id, client_id, subject, sid, scopes, audiences, dpop_jkt, auth_time, acr, generation, \
         rotated_at, idle_until, expires_at, revoked_at, created_at"
    };
}

statements! {
    INSERT = concat!(
        "INSERT INTO refresh_family (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, \
         $10, $11, $12, $13, $14, $15) ON CONFLICT (id) DO NOTHING"
    );
    BY_ID = concat!("SELECT ", columns!(), " FROM refresh_family WHERE id = $1");
    OF_SUBJECT = concat!(
        "SELECT ", columns!(), " FROM refresh_family WHERE subject = $1
            AND ($2 IS NULL OR client_id = $2)
            AND revoked_at IS NULL AND expires_at > $3 AND idle_until > $3
        ORDER BY id"
    );
    ROTATE = "UPDATE refresh_family SET generation = generation + 1, rotated_at = $1,
            idle_until = $2
        WHERE id = $3 AND generation = $4 AND revoked_at IS NULL";
    REVOKE = "UPDATE refresh_family SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL";
    SWEEP = "DELETE FROM refresh_family WHERE id IN (SELECT id FROM refresh_family
        WHERE expires_at <= $1 OR idle_until <= $1 LIMIT $2)";
}

#[async_trait]
impl RefreshFamilies for SqliteStore {
    async fn start(&self, family: RefreshFamilyRecord) -> Result<bool, StoreError> {
        self.writer.write(move |on| insert(on, &family)).await
    }

    async fn lookup(&self, id: &str) -> Result<Option<RefreshFamilyRecord>, StoreError> {
        self.read(|on| by_id(on, id))
    }

    async fn rotate(&self, shown: RefreshUse) -> Result<RefreshRotation, StoreError> {
        self.writer.write(move |on| rotate(on, shown)).await
    }

    async fn revoke(&self, id: &str, ends: RevokedToken) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.writer.write(move |on| revoke(on, &id, &ends)).await
    }

    async fn list(
        &self,
        subject: &str,
        client_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<RefreshFamilyRecord>, StoreError> {
        self.read(|on| {
            on.prepare_cached(OF_SUBJECT)?
                .query_map((subject, client_id, now.millis()), record)?
                .collect()
        })
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<u64, StoreError> {
        self.writer
            .write(move |on| {
                on.prepare_cached(SWEEP)
                    .and_then(|mut statement| statement.execute((now.millis(), limit(most))))
                    .map(count)
                    .map_err(|e| translate(&e))
            })
            .await
    }
}

fn by_id(on: &Connection, id: &str) -> rusqlite::Result<Option<RefreshFamilyRecord>> {
    on.prepare_cached(BY_ID)?.query_row([id], record).optional()
}

/// Read and change are one transaction of the only writer: no other process is in between.
fn rotate(on: &Connection, shown: RefreshUse) -> Result<RefreshRotation, StoreError> {
    let found = by_id(on, &shown.id).map_err(|e| translate(&e))?;
    let Some(mut family) = found else {
        return Ok(RefreshRotation::Ended);
    };
    match step(&family, &shown) {
        RefreshStep::Refuse => Ok(RefreshRotation::Ended),
        RefreshStep::Replay => Ok(RefreshRotation::Replayed(family)),
        RefreshStep::Rotate => {
            let values = params![
                shown.now.millis(),
                shown.idle_until.millis(),
                shown.id,
                shown.generation
            ];
            let moved = on
                .prepare_cached(ROTATE)
                .and_then(|mut statement| statement.execute(values))
                .map_err(|e| translate(&e))?;
            if moved != 1 {
                return Ok(RefreshRotation::Ended);
            }
            family.generation += 1;
            family.rotated_at = shown.now;
            family.idle_until = shown.idle_until;
            Ok(RefreshRotation::Rotated(family))
        }
        RefreshStep::Revoke => {
            revoke(on, &shown.id, &shown.ends)?;
            family.revoked_at = Some(shown.ends.revoked_at);
            Ok(RefreshRotation::Reused(family))
        }
    }
}

fn revoke(on: &Connection, id: &str, ends: &RevokedToken) -> Result<bool, StoreError> {
    let revoked = on
        .prepare_cached(REVOKE)
        .and_then(|mut statement| statement.execute((ends.revoked_at.millis(), id)))
        .map_err(|e| translate(&e))?;
    if revoked == 1 {
        revoked_token::revoke(on, ends)?;
    }
    Ok(revoked == 1)
}

fn insert(on: &Connection, family: &RefreshFamilyRecord) -> Result<bool, StoreError> {
    let values = params![
        family.id,
        family.client_id,
        family.subject,
        family.sid,
        family.scopes.to_string(),
        texts_to_json(&family.audiences),
        family.dpop_jkt,
        millis(family.auth_time),
        family.acr,
        family.generation,
        family.rotated_at.millis(),
        family.idle_until.millis(),
        family.expires_at.millis(),
        millis(family.revoked_at),
        family.created_at.millis(),
    ];
    on.prepare_cached(INSERT)
        .and_then(|mut statement| statement.execute(values))
        .map(|rows| rows == 1)
        .map_err(|e| translate(&e))
}

fn record(row: &Row<'_>) -> rusqlite::Result<RefreshFamilyRecord> {
    let mut columns = Columns::of(row);
    Ok(RefreshFamilyRecord {
        id: columns.take()?,
        client_id: columns.take()?,
        subject: columns.take()?,
        sid: columns.take()?,
        scopes: columns.scopes(&Seen::nothing())?,
        audiences: columns.texts()?,
        dpop_jkt: columns.take()?,
        auth_time: columns.maybe_moment()?,
        acr: columns.take()?,
        generation: columns.take()?,
        rotated_at: columns.moment()?,
        idle_until: columns.moment()?,
        expires_at: columns.moment()?,
        revoked_at: columns.maybe_moment()?,
        created_at: columns.moment()?,
    })
}
