//! API keys in SQL.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_core::net::Cidrs;
use doorward_core::scope::ScopeSet;
use doorward_store::{
    ApiKeyAmended, ApiKeyAmendment, ApiKeyId, ApiKeyRecord, ApiKeyRotation, ApiKeys, Entity,
    Environment, KeyKind, KeyVisitor, StoreError,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::change::note;
use crate::error::{translate, translate_insert};
use crate::row::{Columns, Seen, cidrs_to_json, limit, millis, texts_to_json};
use crate::sqlite::SqliteStore;
use crate::statement::statements;

macro_rules! columns {
    () => {
        "id, name, owner, kind, environment, digest, pepper_id, hint, scopes, roles, \
         allowed_cidrs, not_before, expires_at, revoked_at, created_at, last_used_at, \
         exposed_at, replaced_by"
    };
}

statements! {
    INSERT = concat!(
        "INSERT INTO api_key (", columns!(), ") VALUES ",
        "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
    );
    BY_ID = concat!("SELECT ", columns!(), " FROM api_key WHERE id = $1");
    BY_DIGEST = concat!("SELECT ", columns!(), " FROM api_key WHERE digest = $1");
    PAGE = concat!("SELECT ", columns!(), " FROM api_key WHERE id > $1 ORDER BY id LIMIT $2");
    ALL_KEYS = concat!("SELECT ", columns!(), " FROM api_key");
    REVOKE = "UPDATE api_key SET revoked_at = $1
        WHERE id = $2 AND (revoked_at IS NULL OR revoked_at > $1)";
    REVOKED_AT = "SELECT revoked_at FROM api_key WHERE id = $1";
    EXPOSE = "UPDATE api_key SET exposed_at = $1
        WHERE id = $2 AND (exposed_at IS NULL OR exposed_at > $1)";
    EXPOSED_AT = "SELECT exposed_at FROM api_key WHERE id = $1";
    REPLACE = "UPDATE api_key SET replaced_by = $1,
            expires_at = CASE WHEN expires_at < $2 THEN expires_at ELSE $2 END
        WHERE id = $3 AND revoked_at IS NULL AND replaced_by IS NULL
        RETURNING expires_at";
    STANDING = "SELECT revoked_at, replaced_by FROM api_key WHERE id = $1";
    AMEND = concat!(
        "UPDATE api_key SET name = COALESCE($1, name), scopes = COALESCE($2, scopes),
            roles = COALESCE($3, roles), allowed_cidrs = COALESCE($4, allowed_cidrs),
            expires_at = CASE WHEN $5 THEN $6 ELSE expires_at END
        WHERE id = $7 AND revoked_at IS NULL AND replaced_by IS NULL
        RETURNING ", columns!()
    );
    REHASH = "UPDATE api_key SET digest = $1, pepper_id = $2 WHERE id = $3 AND digest = $4";
    TOUCH = "UPDATE api_key SET last_used_at = $1
        WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)";
}

#[async_trait]
impl ApiKeys for SqliteStore {
    async fn create(&self, key: ApiKeyRecord) -> Result<(), StoreError> {
        self.writer.write(move |on| insert(on, &key)).await
    }

    async fn lookup(&self, id: &ApiKeyId) -> Result<Option<ApiKeyRecord>, StoreError> {
        self.read(|on| {
            on.prepare_cached(BY_ID)?
                .query_row([id.as_str()], record)
                .optional()
        })
    }

    async fn lookup_digest(&self, digest: &[u8; 32]) -> Result<Option<ApiKeyRecord>, StoreError> {
        self.read(|on| {
            on.prepare_cached(BY_DIGEST)?
                .query_row([digest], record)
                .optional()
        })
    }

    async fn list(
        &self,
        after: Option<&ApiKeyId>,
        most: usize,
    ) -> Result<Vec<ApiKeyRecord>, StoreError> {
        let after = after.map_or("", ApiKeyId::as_str);
        self.read(|on| {
            on.prepare_cached(PAGE)?
                .query_map((after, limit(most)), record)?
                .collect()
        })
    }

    async fn for_each(
        &self,
        visit: &mut (dyn FnMut(ApiKeyRecord) + Send),
    ) -> Result<(), StoreError> {
        let (scopes, cidrs) = (Seen::nothing(), Seen::nothing());
        let record = move |row: &Row<'_>| record_seeing(row, &scopes, &cidrs);
        let mut batches = crate::scan::records(self.extra_reader()?, ALL_KEYS, record)?;
        while let Some(batch) = batches.next().await? {
            batch.into_iter().for_each(&mut *visit);
        }
        Ok(())
    }

    async fn visit_all(&self, visitor: &mut dyn KeyVisitor) -> Result<(), StoreError> {
        crate::key_scan::visit_all(self.extra_reader()?, visitor).await
    }

    async fn revoke(&self, id: &ApiKeyId, at: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let id = id.clone();
        self.writer
            .write(move |on| keep_earliest(on, [REVOKE, REVOKED_AT], &id, at))
            .await
    }

    async fn rotate(
        &self,
        old: &ApiKeyId,
        successor: ApiKeyRecord,
        old_expires_at: Timestamp,
    ) -> Result<ApiKeyRotation, StoreError> {
        let old = old.clone();
        self.writer
            .write(move |on| rotate(on, &old, successor, old_expires_at))
            .await
    }

    async fn amend(
        &self,
        id: &ApiKeyId,
        amendment: ApiKeyAmendment,
    ) -> Result<ApiKeyAmended, StoreError> {
        let id = id.clone();
        self.writer
            .write(move |on| amend(on, &id, &amendment))
            .await
    }

    async fn rehash(
        &self,
        id: &ApiKeyId,
        expected_digest: &[u8; 32],
        new_digest: &[u8; 32],
        new_pepper_id: &str,
    ) -> Result<bool, StoreError> {
        let (id, expected, new) = (id.clone(), *expected_digest, *new_digest);
        let pepper_id = new_pepper_id.to_owned();
        self.writer
            .write(move |on| {
                let changed = on
                    .prepare_cached(REHASH)
                    .and_then(|mut s| s.execute((new, pepper_id, id.as_str(), expected)))
                    .map_err(|e| translate_insert(&e, Entity::ApiKey, id.as_str()))?;
                if changed == 1 {
                    note(on, Entity::ApiKey, id.as_str())?;
                }
                Ok(changed == 1)
            })
            .await
    }

    async fn touch(&self, uses: &[(ApiKeyId, Timestamp)]) -> Result<(), StoreError> {
        if uses.is_empty() {
            return Ok(());
        }
        let uses = uses.to_vec();
        self.writer
            .write(move |on| {
                let touch = || -> rusqlite::Result<()> {
                    let mut statement = on.prepare_cached(TOUCH)?;
                    for (id, at) in &uses {
                        statement.execute((at.millis(), id.as_str()))?;
                    }
                    Ok(())
                };
                touch().map_err(|e| translate(&e))
            })
            .await
    }

    async fn mark_exposed(
        &self,
        id: &ApiKeyId,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let id = id.clone();
        self.writer
            .write(move |on| keep_earliest(on, [EXPOSE, EXPOSED_AT], &id, at))
            .await
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<ApiKeyRecord> {
    record_seeing(row, &Seen::nothing(), &Seen::nothing())
}

fn record_seeing(
    row: &Row<'_>,
    scopes: &Seen<ScopeSet>,
    cidrs: &Seen<Cidrs>,
) -> rusqlite::Result<ApiKeyRecord> {
    let id = |text: &str| ApiKeyId::parse(text).ok();
    let mut columns = Columns::of(row);
    Ok(ApiKeyRecord {
        id: columns.parse(id)?,
        name: columns.take()?,
        owner: columns.take()?,
        kind: columns.parse(KeyKind::parse)?,
        environment: columns.parse(Environment::parse)?,
        digest: columns.take()?,
        pepper_id: columns.take()?,
        hint: columns.take()?,
        scopes: columns.scopes(scopes)?,
        roles: columns.texts()?,
        allowed_cidrs: columns.cidrs(cidrs)?,
        not_before: columns.maybe_moment()?,
        expires_at: columns.maybe_moment()?,
        revoked_at: columns.maybe_moment()?,
        created_at: columns.moment()?,
        last_used_at: columns.maybe_moment()?,
        exposed_at: columns.maybe_moment()?,
        replaced_by: columns.maybe(id)?,
    })
}

fn insert(on: &Connection, key: &ApiKeyRecord) -> Result<(), StoreError> {
    let values = params![
        key.id.as_str(),
        key.name,
        key.owner,
        key.kind.as_str(),
        key.environment.as_str(),
        key.digest,
        key.pepper_id,
        key.hint,
        key.scopes.to_string(),
        texts_to_json(&key.roles),
        cidrs_to_json(&key.allowed_cidrs),
        millis(key.not_before),
        millis(key.expires_at),
        millis(key.revoked_at),
        key.created_at.millis(),
        millis(key.last_used_at),
        millis(key.exposed_at),
        key.replaced_by.as_ref().map(ApiKeyId::as_str),
    ];
    on.prepare_cached(INSERT)
        .and_then(|mut statement| statement.execute(values))
        .map_err(|e| translate_insert(&e, Entity::ApiKey, key.id.as_str()))?;
    note(on, Entity::ApiKey, key.id.as_str())
}

/// Sets a moment unless an earlier one is set, and returns the one that stands.
fn keep_earliest(
    on: &Connection,
    [update, select]: [&str; 2],
    id: &ApiKeyId,
    at: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let set = || {
        on.prepare_cached(update)?
            .execute((at.millis(), id.as_str()))
    };
    if set().map_err(|e| translate(&e))? == 1 {
        note(on, Entity::ApiKey, id.as_str())?;
        return Ok(Some(at));
    }
    let stands = || {
        on.prepare_cached(select)?
            .query_row([id.as_str()], |row| row.get(0))
            .optional()
    };
    stands()
        .map(|row| row.map(Timestamp::from_millis))
        .map_err(|e| translate(&e))
}

fn rotate(
    on: &Connection,
    old: &ApiKeyId,
    mut successor: ApiKeyRecord,
    asked: Timestamp,
) -> Result<ApiKeyRotation, StoreError> {
    let values = (successor.id.as_str(), asked.millis(), old.as_str());
    let replace = || {
        on.prepare_cached(REPLACE)?
            .query_row(values, |row| row.get::<_, i64>(0))
            .optional()
    };
    let Some(ends) = replace().map_err(|e| translate(&e))? else {
        return Ok(match standing(on, old)? {
            Standing::Revoked(at) => ApiKeyRotation::Revoked { at },
            Standing::Replaced(by) => ApiKeyRotation::Replaced { by },
        });
    };
    note(on, Entity::ApiKey, old.as_str())?;
    successor.replaced_by = None;
    insert(on, &successor)?;
    Ok(ApiKeyRotation::Rotated {
        old_expires_at: Timestamp::from_millis(ends),
    })
}

fn amend(
    on: &Connection,
    id: &ApiKeyId,
    amendment: &ApiKeyAmendment,
) -> Result<ApiKeyAmended, StoreError> {
    let values = params![
        amendment.name,
        amendment.scopes.as_ref().map(ToString::to_string),
        amendment.roles.as_deref().map(texts_to_json),
        amendment.allowed_cidrs.as_ref().map(cidrs_to_json),
        amendment.expires_at.is_some(),
        millis(amendment.expires_at.flatten()),
        id.as_str(),
    ];
    let amend = || {
        on.prepare_cached(AMEND)?
            .query_row(values, record)
            .optional()
    };
    let Some(record) = amend().map_err(|e| translate(&e))? else {
        return Ok(match standing(on, id)? {
            Standing::Revoked(at) => ApiKeyAmended::Revoked { at },
            Standing::Replaced(by) => ApiKeyAmended::Replaced { by },
        });
    };
    note(on, Entity::ApiKey, id.as_str())?;
    Ok(ApiKeyAmended::Amended(Box::new(record)))
}

/// Why a key is not changed any more.
enum Standing {
    Revoked(Timestamp),
    Replaced(ApiKeyId),
}

fn standing(on: &Connection, id: &ApiKeyId) -> Result<Standing, StoreError> {
    let standing = || {
        on.prepare_cached(STANDING)?
            .query_row([id.as_str()], |row| {
                let mut columns = Columns::of(row);
                let by = |text: &str| ApiKeyId::parse(text).ok();
                Ok((columns.maybe_moment()?, columns.maybe(by)?))
            })
            .optional()
    };
    match standing().map_err(|e| translate(&e))? {
        Some((Some(at), _)) => Ok(Standing::Revoked(at)),
        Some((None, Some(by))) => Ok(Standing::Replaced(by)),
        Some((None, None)) => Err(StoreError::Conflict {
            entity: Entity::ApiKey,
            id: id.to_string(),
        }),
        None => Err(StoreError::NotFound {
            entity: Entity::ApiKey,
            id: id.to_string(),
        }),
    }
}
