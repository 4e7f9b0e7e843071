//! Sessions in SQL.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_store::{SessionRecord, Sessions, StoreError, UserName};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::translate;
use crate::row::{Columns, count, limit, texts_to_json};
use crate::sqlite::SqliteStore;
use crate::statement::statements;

macro_rules! columns {
    () => {
        "digest, sid, user_name, auth_time, amr, agent, last_used_at, idle_expires_at, expires_at"
    };
}

// `ends_at` is the earlier one of the two ends, for the index.
statements! {
    INSERT = concat!(
        "INSERT INTO session (", columns!(), ", ends_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (digest) DO NOTHING"
    );
    REMOVE = "DELETE FROM session WHERE digest = $1";
    BY_DIGEST = concat!("SELECT ", columns!(), " FROM session WHERE digest = $1 AND ends_at > $2");
    OF_USER = concat!(
        "SELECT ", columns!(), " FROM session WHERE user_name = $1 AND ends_at > $2
         ORDER BY last_used_at DESC, sid"
    );
    TOUCH = "UPDATE session SET
            last_used_at = CASE WHEN last_used_at > $1 THEN last_used_at ELSE $1 END,
            idle_expires_at = CASE WHEN idle_expires_at > $2 THEN idle_expires_at ELSE $2 END,
            ends_at = CASE
                WHEN expires_at < $2 THEN expires_at
                WHEN idle_expires_at > $2 AND idle_expires_at < expires_at THEN idle_expires_at
                WHEN idle_expires_at > $2 THEN expires_at
                ELSE $2 END
        WHERE digest = $3 AND ends_at > $1";
    END = "DELETE FROM session WHERE user_name = $1 AND sid = $2";
    END_ALL = "DELETE FROM session WHERE user_name = $1";
    SWEEP = "DELETE FROM session WHERE digest IN
        (SELECT digest FROM session WHERE ends_at <= $1 ORDER BY ends_at LIMIT $2)";
}

#[async_trait]
impl Sessions for SqliteStore {
    async fn start(
        &self,
        session: SessionRecord,
        replaces: Option<[u8; 32]>,
    ) -> Result<bool, StoreError> {
        self.writer
            .write(move |on| start(on, &session, replaces).map_err(|e| translate(&e)))
            .await
    }

    async fn lookup(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError> {
        self.read(|on| {
            on.prepare_cached(BY_DIGEST)?
                .query_row((digest, now.millis()), record)
                .optional()
        })
    }

    async fn touch(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
        idle_expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = (now.millis(), idle_expires_at.millis(), *digest);
        self.changed(TOUCH, values).await.map(|rows| rows > 0)
    }

    async fn list(
        &self,
        user: &UserName,
        now: Timestamp,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        self.read(|on| {
            on.prepare_cached(OF_USER)?
                .query_map((user.as_str(), now.millis()), record)?
                .collect()
        })
    }

    async fn end(&self, user: &UserName, sid: &str) -> Result<bool, StoreError> {
        let values = (user.as_str().to_owned(), sid.to_owned());
        self.changed(END, values).await.map(|rows| rows > 0)
    }

    async fn end_all(&self, user: &UserName) -> Result<u64, StoreError> {
        self.changed(END_ALL, (user.as_str().to_owned(),)).await
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<u64, StoreError> {
        self.changed(SWEEP, (now.millis(), limit(most))).await
    }
}

impl SqliteStore {
    /// Runs one statement that changes rows, and says how many it changed.
    pub(crate) async fn changed<P>(&self, text: &'static str, values: P) -> Result<u64, StoreError>
    where
        P: rusqlite::Params + Send + 'static,
    {
        self.writer
            .write(move |on| {
                on.prepare_cached(text)
                    .and_then(|mut statement| statement.execute(values))
                    .map(count)
                    .map_err(|e| translate(&e))
            })
            .await
    }
}

fn start(
    on: &Connection,
    session: &SessionRecord,
    replaces: Option<[u8; 32]>,
) -> rusqlite::Result<bool> {
    let values = params![
        session.digest,
        session.sid,
        session.user.as_str(),
        session.auth_time.millis(),
        texts_to_json(&session.amr),
        session.agent,
        session.last_used_at.millis(),
        session.idle_expires_at.millis(),
        session.expires_at.millis(),
        session.ends_at().millis(),
    ];
    if on.prepare_cached(INSERT)?.execute(values)? == 0 {
        return Ok(false);
    }
    if let Some(old) = replaces.filter(|old| *old != session.digest) {
        on.prepare_cached(REMOVE)?.execute([old])?;
    }
    Ok(true)
}

fn record(row: &Row<'_>) -> rusqlite::Result<SessionRecord> {
    let mut columns = Columns::of(row);
    Ok(SessionRecord {
        digest: columns.take()?,
        sid: columns.take()?,
        user: columns.parse(|text| UserName::parse(text).ok())?,
        auth_time: columns.moment()?,
        amr: columns.texts()?,
        agent: columns.take()?,
        last_used_at: columns.moment()?,
        idle_expires_at: columns.moment()?,
        expires_at: columns.moment()?,
    })
}
