//! Signing keys in SQL.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_store::{
    Entity, SigningKeyRecord, SigningKeyRotation, SigningKeys, Stage, StoreError,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::change::note;
use crate::error::{translate, translate_insert};
use crate::row::{Columns, count, millis};
use crate::sqlite::SqliteStore;
use crate::statement::statements;

macro_rules! columns {
    () => {
        "kid, algorithm, stage, sealed, public_jwk, created_at, activated_at, retired_at, \
         expires_at"
    };
}

statements! {
    INSERT = concat!(
        "INSERT INTO signing_key (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    );
    LIST = concat!("SELECT ", columns!(), " FROM signing_key ORDER BY created_at, kid");
    KID_OF_STAGE = "SELECT kid FROM signing_key WHERE stage = $1";
    RETIRE = "UPDATE signing_key SET stage = 'retired', retired_at = $1, expires_at = $2
        WHERE kid = $3 AND stage = 'active'";
    ACTIVATE = "UPDATE signing_key SET stage = 'active', activated_at = $1
        WHERE stage = 'next' RETURNING kid";
    SWEEP = "DELETE FROM signing_key WHERE stage = 'retired' AND expires_at <= $1 RETURNING kid";
}

#[async_trait]
impl SigningKeys for SqliteStore {
    async fn list(&self) -> Result<Vec<SigningKeyRecord>, StoreError> {
        self.read(|on| list(on))
    }

    async fn ensure(
        &self,
        initial: SigningKeyRecord,
        next: SigningKeyRecord,
    ) -> Result<Vec<SigningKeyRecord>, StoreError> {
        self.writer
            .write(move |on| {
                for (stage, key) in [(Stage::Active, initial), (Stage::Next, next)] {
                    let taken = on
                        .prepare_cached(KID_OF_STAGE)
                        .and_then(|mut s| s.exists([stage.as_str()]))
                        .map_err(|e| translate(&e))?;
                    if !taken {
                        insert(on, stage, &key)?;
                    }
                }
                list(on).map_err(|e| translate(&e))
            })
            .await
    }

    async fn rotate(
        &self,
        rotation: SigningKeyRotation,
    ) -> Result<Vec<SigningKeyRecord>, StoreError> {
        self.writer.write(move |on| rotate(on, &rotation)).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.writer
            .write(move |on| {
                let sweep = || -> rusqlite::Result<Vec<String>> {
                    on.prepare_cached(SWEEP)?
                        .query_map([now.millis()], |row| row.get(0))?
                        .collect()
                };
                let gone = sweep().map_err(|e| translate(&e))?;
                gone.iter()
                    .try_for_each(|kid| note(on, Entity::SigningKey, kid))?;
                Ok(count(gone.len()))
            })
            .await
    }
}

fn rotate(
    on: &Connection,
    rotation: &SigningKeyRotation,
) -> Result<Vec<SigningKeyRecord>, StoreError> {
    let SigningKeyRotation {
        expected_active,
        new_next,
        now,
        retired_expires_at,
    } = rotation;
    let values = (now.millis(), retired_expires_at.millis(), expected_active);
    let retired = on
        .prepare_cached(RETIRE)
        .and_then(|mut statement| statement.execute(values))
        .map_err(|e| translate(&e))?;
    let entity = Entity::SigningKey;
    if retired != 1 {
        return Err(StoreError::Conflict {
            entity,
            id: expected_active.clone(),
        });
    }
    note(on, entity, expected_active)?;
    let activate = || -> rusqlite::Result<Option<String>> {
        on.prepare_cached(ACTIVATE)?
            .query_row([now.millis()], |row| row.get(0))
            .optional()
    };
    let activated = activate().map_err(|e| translate(&e))?;
    let not_found = || StoreError::NotFound {
        entity,
        id: Stage::Next.as_str().to_owned(),
    };
    note(on, entity, &activated.ok_or_else(not_found)?)?;
    insert(on, Stage::Next, new_next)?;
    list(on).map_err(|e| translate(&e))
}

fn insert(on: &Connection, stage: Stage, key: &SigningKeyRecord) -> Result<(), StoreError> {
    let values = params![
        key.kid,
        key.algorithm,
        stage.as_str(),
        key.sealed,
        key.public_jwk,
        key.created_at.millis(),
        millis(key.activated_at),
        millis(key.retired_at),
        millis(key.expires_at),
    ];
    on.prepare_cached(INSERT)
        .and_then(|mut statement| statement.execute(values))
        .map_err(|e| translate_insert(&e, Entity::SigningKey, &key.kid))?;
    note(on, Entity::SigningKey, &key.kid)
}

fn list(on: &Connection) -> rusqlite::Result<Vec<SigningKeyRecord>> {
    on.prepare_cached(LIST)?.query_map([], record)?.collect()
}

fn record(row: &Row<'_>) -> rusqlite::Result<SigningKeyRecord> {
    let mut columns = Columns::of(row);
    Ok(SigningKeyRecord {
        kid: columns.take()?,
        algorithm: columns.take()?,
        stage: columns.parse(Stage::parse)?,
        sealed: columns.take()?,
        public_jwk: columns.take()?,
        created_at: columns.moment()?,
        activated_at: columns.maybe_moment()?,
        retired_at: columns.maybe_moment()?,
        expires_at: columns.maybe_moment()?,
    })
}
