//! Users in SQL.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_core::scope::ScopeSet;
use doorward_core::secret::Secret;
use doorward_store::{Entity, StoreError, UserName, UserRecord, Users};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::change::note;
use crate::error::{translate, translate_insert};
use crate::row::{Columns, Seen, limit, millis, texts_to_json};
use crate::sqlite::SqliteStore;
use crate::statement::statements;

macro_rules! columns {
    () => {
        "name, password_hash, scopes, roles, disabled_at, created_at, password_changed_at"
    };
}

statements! {
    INSERT = concat!(
        "INSERT INTO app_user (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7)"
    );
    BY_NAME = concat!("SELECT ", columns!(), " FROM app_user WHERE name = $1");
    PAGE = concat!("SELECT ", columns!(), " FROM app_user WHERE name > $1 ORDER BY name LIMIT $2");
    SET_PASSWORD = "UPDATE app_user SET password_hash = $1, password_changed_at = $2
        WHERE name = $3";
    UPGRADE_PASSWORD = "UPDATE app_user SET password_hash = $1
        WHERE name = $2 AND password_hash = $3";
    DISABLE = "UPDATE app_user SET disabled_at = $1
        WHERE name = $2 AND (disabled_at IS NULL OR disabled_at > $1)";
    DISABLED_AT = "SELECT disabled_at FROM app_user WHERE name = $1";
    ENABLE = "UPDATE app_user SET disabled_at = NULL WHERE name = $1";
    SET_GRANTS = "UPDATE app_user SET scopes = COALESCE($1, scopes),
            roles = COALESCE($2, roles)
        WHERE name = $3";
    REMOVE = "DELETE FROM app_user WHERE name = $1";
}

#[async_trait]
impl Users for SqliteStore {
    async fn create(&self, user: UserRecord) -> Result<(), StoreError> {
        self.import(vec![user]).await
    }

    async fn import(&self, users: Vec<UserRecord>) -> Result<(), StoreError> {
        self.writer
            .write(move |on| users.iter().try_for_each(|user| insert(on, user)))
            .await
    }

    async fn lookup(&self, name: &UserName) -> Result<Option<UserRecord>, StoreError> {
        self.read(|on| {
            on.prepare_cached(BY_NAME)?
                .query_row([name.as_str()], record)
                .optional()
        })
    }

    async fn list(
        &self,
        after: Option<&UserName>,
        most: usize,
    ) -> Result<Vec<UserRecord>, StoreError> {
        let after = after.map_or("", UserName::as_str);
        self.read(|on| {
            on.prepare_cached(PAGE)?
                .query_map((after, limit(most)), record)?
                .collect()
        })
    }

    async fn set_password(
        &self,
        name: &UserName,
        hash: Secret<String>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let name = name.clone();
        self.writer
            .write(move |on| {
                let values = (hash.expose(), at.millis(), name.as_str());
                edit(on, &name, SET_PASSWORD, values)
            })
            .await
    }

    async fn upgrade_password(
        &self,
        name: &UserName,
        expected: Secret<String>,
        hash: Secret<String>,
    ) -> Result<bool, StoreError> {
        let name = name.clone();
        self.writer
            .write(move |on| {
                let values = (hash.expose(), name.as_str(), expected.expose());
                edit(on, &name, UPGRADE_PASSWORD, values)
            })
            .await
    }

    async fn disable(
        &self,
        name: &UserName,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let name = name.clone();
        self.writer
            .write(move |on| {
                if edit(on, &name, DISABLE, (at.millis(), name.as_str()))? {
                    return Ok(Some(at));
                }
                on.prepare_cached(DISABLED_AT)
                    .and_then(|mut statement| {
                        statement
                            .query_row([name.as_str()], |row| row.get(0))
                            .optional()
                    })
                    .map(|at| at.map(Timestamp::from_millis))
                    .map_err(|e| translate(&e))
            })
            .await
    }

    async fn enable(&self, name: &UserName) -> Result<bool, StoreError> {
        let name = name.clone();
        self.writer
            .write(move |on| edit(on, &name, ENABLE, [name.as_str()]))
            .await
    }

    async fn set_grants(
        &self,
        name: &UserName,
        scopes: Option<ScopeSet>,
        roles: Option<Vec<String>>,
    ) -> Result<bool, StoreError> {
        let name = name.clone();
        self.writer
            .write(move |on| {
                let (scopes, roles) = (scopes.map(|s| s.to_string()), roles.as_deref());
                let values = (scopes, roles.map(texts_to_json), name.as_str());
                edit(on, &name, SET_GRANTS, values)
            })
            .await
    }

    async fn remove(&self, name: &UserName) -> Result<bool, StoreError> {
        let name = name.clone();
        self.writer
            .write(move |on| edit(on, &name, REMOVE, [name.as_str()]))
            .await
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<UserRecord> {
    let mut columns = Columns::of(row);
    Ok(UserRecord {
        name: columns.parse(|text| UserName::parse(text).ok())?,
        password_hash: Secret::new(columns.take()?),
        scopes: columns.scopes(&Seen::nothing())?,
        roles: columns.texts()?,
        disabled_at: columns.maybe_moment()?,
        created_at: columns.moment()?,
        password_changed_at: columns.moment()?,
    })
}

fn insert(on: &Connection, user: &UserRecord) -> Result<(), StoreError> {
    let name = user.name.as_str();
    let values = params![
        name,
        user.password_hash.expose(),
        user.scopes.to_string(),
        texts_to_json(&user.roles),
        millis(user.disabled_at),
        user.created_at.millis(),
        user.password_changed_at.millis(),
    ];
    on.prepare_cached(INSERT)
        .and_then(|mut statement| statement.execute(values))
        .map_err(|e| translate_insert(&e, Entity::User, name))?;
    note(on, Entity::User, name)
}

/// Runs a statement that changes one user at most, and notes the change if there was one.
fn edit(
    on: &Connection,
    name: &UserName,
    sql: &str,
    values: impl Params,
) -> Result<bool, StoreError> {
    let changed = on
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(values))
        .map_err(|e| translate(&e))?;
    if changed > 0 {
        note(on, Entity::User, name.as_str())?;
    }
    Ok(changed > 0)
}
