//! Clients in SQL.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_store::{
    ClientAuthMethod, ClientId, ClientRecord, ClientSecretRecord, Clients, Entity, GrantType,
    StoreError,
};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::change::note;
use crate::error::{translate, translate_insert};
use crate::row::{Columns, Seen, millis, texts_from_json, texts_to_json};
use crate::sqlite::SqliteStore;
use crate::statement::statements;

macro_rules! columns {
    () => {
        "id, name, auth_method, secret_digest, secret_pepper_id, old_secret_digest, \
         old_secret_pepper_id, old_secret_expires_at, jwks, jwks_uri, grant_types, redirect_uris, \
         post_logout_redirect_uris, scopes, audiences, require_pkce, created_at"
    };
}

statements! {
    INSERT = concat!(
        "INSERT INTO client (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
         $11, $12, $13, $14, $15, $16, $17)"
    );
    LIST = concat!("SELECT ", columns!(), " FROM client ORDER BY id");
    BY_ID = concat!("SELECT ", columns!(), " FROM client WHERE id = $1");
    ROTATE = "UPDATE client SET old_secret_digest = secret_digest,
            old_secret_pepper_id = secret_pepper_id, old_secret_expires_at = $1,
            secret_digest = $2, secret_pepper_id = $3
        WHERE id = $4 AND secret_digest IS NOT NULL";
    REMOVE = "DELETE FROM client WHERE id = $1";
}

#[async_trait]
impl Clients for SqliteStore {
    async fn add(&self, client: ClientRecord) -> Result<(), StoreError> {
        self.writer.write(move |on| insert(on, &client)).await
    }

    async fn lookup(&self, id: &ClientId) -> Result<Option<ClientRecord>, StoreError> {
        self.read(|on| {
            on.prepare_cached(BY_ID)?
                .query_row([id.as_str()], record)
                .optional()
        })
    }

    async fn list(&self) -> Result<Vec<ClientRecord>, StoreError> {
        self.read(|on| on.prepare_cached(LIST)?.query_map([], record)?.collect())
    }

    async fn rotate_secret(
        &self,
        id: &ClientId,
        new: ClientSecretRecord,
        old_expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let id = id.clone();
        self.writer
            .write(move |on| {
                let values = params![
                    old_expires_at.millis(),
                    new.digest,
                    new.pepper_id,
                    id.as_str()
                ];
                let changed = on
                    .prepare_cached(ROTATE)
                    .and_then(|mut statement| statement.execute(values))
                    .map_err(|e| translate(&e))?;
                noted(on, &id, changed)
            })
            .await
    }

    async fn remove(&self, id: &ClientId) -> Result<bool, StoreError> {
        let id = id.clone();
        self.writer
            .write(move |on| {
                let changed = on
                    .prepare_cached(REMOVE)
                    .and_then(|mut statement| statement.execute([id.as_str()]))
                    .map_err(|e| translate(&e))?;
                noted(on, &id, changed)
            })
            .await
    }
}

fn noted(on: &Connection, id: &ClientId, changed: usize) -> Result<bool, StoreError> {
    if changed == 1 {
        note(on, Entity::Client, id.as_str())?;
    }
    Ok(changed == 1)
}

fn insert(on: &Connection, client: &ClientRecord) -> Result<(), StoreError> {
    let (secret, old) = (client.secret.as_ref(), client.old_secret.as_ref());
    let grants: Vec<String> = client
        .grant_types
        .iter()
        .map(|one| one.as_str().to_owned())
        .collect();
    let values = params![
        client.id.as_str(),
        client.name,
        client.auth_method.as_str(),
        secret.map(|one| one.digest),
        secret.map(|one| &one.pepper_id),
        old.map(|one| one.digest),
        old.map(|one| &one.pepper_id),
        millis(old.and_then(|one| one.expires_at)),
        client.jwks,
        client.jwks_uri,
        texts_to_json(&grants),
        texts_to_json(&client.redirect_uris),
        texts_to_json(&client.post_logout_redirect_uris),
        client.scopes.to_string(),
        texts_to_json(&client.audiences),
        i64::from(client.require_pkce),
        client.created_at.millis(),
    ];
    on.prepare_cached(INSERT)
        .and_then(|mut statement| statement.execute(values))
        .map_err(|e| translate_insert(&e, Entity::Client, client.id.as_str()))?;
    note(on, Entity::Client, client.id.as_str())
}

fn record(row: &Row<'_>) -> rusqlite::Result<ClientRecord> {
    let mut columns = Columns::of(row);
    Ok(ClientRecord {
        id: columns.parse(|text| ClientId::parse(text).ok())?,
        name: columns.take()?,
        auth_method: columns.parse(ClientAuthMethod::parse)?,
        secret: secret(columns.take()?, columns.take()?, None)?,
        old_secret: {
            let (digest, pepper_id) = (columns.take()?, columns.take()?);
            secret(digest, pepper_id, columns.maybe_moment()?)?
        },
        jwks: columns.take()?,
        jwks_uri: columns.take()?,
        grant_types: columns.parse(grant_types)?,
        redirect_uris: columns.texts()?,
        post_logout_redirect_uris: columns.texts()?,
        scopes: columns.scopes(&Seen::nothing())?,
        audiences: columns.texts()?,
        require_pkce: columns.take::<i64>()? != 0,
        created_at: columns.moment()?,
    })
}

fn grant_types(json: &str) -> Option<Vec<GrantType>> {
    let words = texts_from_json(json)?;
    words.iter().map(|word| GrantType::parse(word)).collect()
}

fn secret(
    digest: Option<[u8; 32]>,
    pepper_id: Option<String>,
    expires_at: Option<Timestamp>,
) -> rusqlite::Result<Option<ClientSecretRecord>> {
    match (digest, pepper_id) {
        (None, None) => Ok(None),
        (Some(digest), Some(pepper_id)) => Ok(Some(ClientSecretRecord {
            digest,
            pepper_id,
            expires_at,
        })),
        _ => Err(rusqlite::Error::InvalidColumnType(
            3,
            String::new(),
            Type::Null,
        )),
    }
}
