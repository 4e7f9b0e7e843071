//! Keys of clients in SQL.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_store::{
    ClientKeyId, ClientKeyMaterial, ClientKeyRecord, ClientKeys, Entity, StoreError,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::change::note;
use crate::error::{translate, translate_insert};
use crate::row::{Columns, Seen, cidrs_to_json, millis, texts_to_json};
use crate::sqlite::SqliteStore;
use crate::statement::statements;

macro_rules! columns {
    () => {
        "id, name, owner, algorithm, public_key, sealed, scopes, roles, allowed_cidrs, \
         not_before, expires_at, revoked_at, created_at"
    };
}

statements! {
    INSERT = concat!(
        "INSERT INTO client_key (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, \
         $10, $11, $12, $13)"
    );
    LIST = concat!("SELECT ", columns!(), " FROM client_key ORDER BY id");
    BY_ID = concat!("SELECT ", columns!(), " FROM client_key WHERE id = $1");
    REVOKE = "UPDATE client_key SET revoked_at = $1
        WHERE id = $2 AND (revoked_at IS NULL OR revoked_at > $1)";
    REVOKED_AT = "SELECT revoked_at FROM client_key WHERE id = $1";
}

#[async_trait]
impl ClientKeys for SqliteStore {
    async fn add(&self, key: ClientKeyRecord) -> Result<(), StoreError> {
        self.writer.write(move |on| insert(on, &key)).await
    }

    async fn lookup(&self, id: &ClientKeyId) -> Result<Option<ClientKeyRecord>, StoreError> {
        self.read(|on| {
            on.prepare_cached(BY_ID)?
                .query_row([id.as_str()], record)
                .optional()
        })
    }

    async fn list(&self) -> Result<Vec<ClientKeyRecord>, StoreError> {
        self.read(|on| on.prepare_cached(LIST)?.query_map([], record)?.collect())
    }

    async fn revoke(
        &self,
        id: &ClientKeyId,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let id = id.clone();
        self.writer.write(move |on| revoke(on, &id, at)).await
    }
}

fn insert(on: &Connection, key: &ClientKeyRecord) -> Result<(), StoreError> {
    let (public_key, sealed) = match &key.material {
        ClientKeyMaterial::Public(text) => (Some(text), None),
        ClientKeyMaterial::Sealed(bytes) => (None, Some(bytes)),
    };
    let values = params![
        key.id.as_str(),
        key.name,
        key.owner,
        key.algorithm,
        public_key,
        sealed,
        key.scopes.to_string(),
        texts_to_json(&key.roles),
        cidrs_to_json(&key.allowed_cidrs),
        millis(key.not_before),
        millis(key.expires_at),
        millis(key.revoked_at),
        key.created_at.millis(),
    ];
    on.prepare_cached(INSERT)
        .and_then(|mut statement| statement.execute(values))
        .map_err(|e| translate_insert(&e, Entity::ClientKey, key.id.as_str()))?;
    note(on, Entity::ClientKey, key.id.as_str())
}

fn revoke(
    on: &Connection,
    id: &ClientKeyId,
    at: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let set = || {
        on.prepare_cached(REVOKE)?
            .execute((at.millis(), id.as_str()))
    };
    if set().map_err(|e| translate(&e))? == 1 {
        note(on, Entity::ClientKey, id.as_str())?;
        return Ok(Some(at));
    }
    let stands = || {
        on.prepare_cached(REVOKED_AT)?
            .query_row([id.as_str()], |row| row.get(0))
            .optional()
    };
    stands()
        .map(|row| row.map(Timestamp::from_millis))
        .map_err(|e| translate(&e))
}

fn record(row: &Row<'_>) -> rusqlite::Result<ClientKeyRecord> {
    let mut columns = Columns::of(row);
    Ok(ClientKeyRecord {
        id: columns.parse(|text| ClientKeyId::parse(text).ok())?,
        name: columns.take()?,
        owner: columns.take()?,
        algorithm: columns.take()?,
        material: material(columns.take()?, columns.take()?)?,
        scopes: columns.scopes(&Seen::nothing())?,
        roles: columns.texts()?,
        allowed_cidrs: columns.cidrs(&Seen::nothing())?,
        not_before: columns.maybe_moment()?,
        expires_at: columns.maybe_moment()?,
        revoked_at: columns.maybe_moment()?,
        created_at: columns.moment()?,
    })
}

fn material(
    public_key: Option<String>,
    sealed: Option<Vec<u8>>,
) -> rusqlite::Result<ClientKeyMaterial> {
    match (public_key, sealed) {
        (Some(text), None) => Ok(ClientKeyMaterial::Public(text)),
        (None, Some(bytes)) => Ok(ClientKeyMaterial::Sealed(bytes)),
        _ => Err(rusqlite::Error::InvalidColumnType(
            4,
            String::new(),
            rusqlite::types::Type::Null,
        )),
    }
}
