//! Authorizations in SQL.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_store::{
    ApprovedAuthorization, Authorizations, Given, PendingAuthorization, Redemption, StoreError,
    UserName,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::translate;
use crate::row::{Columns, Seen, count, limit, texts_to_json};
use crate::sqlite::SqliteStore;
use crate::statement::statements;

macro_rules! pending {
    () => {
        "digest, client_id, session, parameters, asked_at, expires_at"
    };
}

macro_rules! approved {
    () => {
        "digest, client_id, redirect_uri, user_name, sid, scopes, resources, code_challenge, \
         nonce, dpop_jkt, auth_time, amr, acr, expires_at, kept_until"
    };
}

statements! {
    ASK = concat!(
        "INSERT INTO pending_authorization (", pending!(), ") VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (digest) DO NOTHING"
    );
    PENDING = concat!(
        "SELECT ", pending!(), " FROM pending_authorization WHERE digest = $1 AND expires_at > $2"
    );
    TAKE = concat!(
        "DELETE FROM pending_authorization WHERE digest = $1 AND expires_at > $2 RETURNING ",
        pending!()
    );
    ANSWER = "DELETE FROM pending_authorization WHERE digest = $1";
    APPROVE = concat!(
        "INSERT INTO approved_authorization (", approved!(), ") VALUES ($1, $2, $3, $4, $5, $6, \
         $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (digest) DO NOTHING"
    );
    APPROVED = concat!(
        "SELECT ", approved!(), " FROM approved_authorization
         WHERE digest = $1 AND kept_until > $2"
    );
    REDEEM = concat!(
        "UPDATE approved_authorization SET gave_jti = $1, gave_until = $2, gave_family = $3,
            kept_until = CASE WHEN kept_until > $2 THEN kept_until ELSE $2 END
         WHERE digest = $4 AND gave_jti IS NULL AND expires_at > $5 RETURNING ", approved!()
    );
    GAVE = "SELECT gave_jti, gave_until, gave_family FROM approved_authorization
        WHERE digest = $1 AND gave_jti IS NOT NULL";
    GAVE_OF = "SELECT gave_jti, gave_until, gave_family FROM approved_authorization
        WHERE user_name = $1 AND ($2 IS NULL OR client_id = $2) AND gave_jti IS NOT NULL
        ORDER BY gave_jti";
    REVOKE = "DELETE FROM approved_authorization
        WHERE user_name = $1 AND ($2 IS NULL OR client_id = $2)";
    SWEEP_PENDING = "DELETE FROM pending_authorization WHERE digest IN
        (SELECT digest FROM pending_authorization
         WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
    SWEEP_APPROVED = "DELETE FROM approved_authorization WHERE digest IN
        (SELECT digest FROM approved_authorization
         WHERE kept_until <= $1 ORDER BY kept_until LIMIT $2)";
}

#[async_trait]
impl Authorizations for SqliteStore {
    async fn ask(&self, pending: PendingAuthorization) -> Result<bool, StoreError> {
        let values = (
            pending.digest,
            pending.client_id,
            pending.session,
            pending.parameters,
            pending.asked_at.millis(),
            pending.expires_at.millis(),
        );
        self.changed(ASK, values).await.map(|rows| rows > 0)
    }

    async fn lookup_pending(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingAuthorization>, StoreError> {
        self.read(|on| {
            on.prepare_cached(PENDING)?
                .query_row((digest, now.millis()), waiting)
                .optional()
        })
    }

    async fn take_pending(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingAuthorization>, StoreError> {
        let digest = *digest;
        self.writer
            .write(move |on| {
                let take = || {
                    on.prepare_cached(TAKE)?
                        .query_row((digest, now.millis()), waiting)
                        .optional()
                };
                take().map_err(|e| translate(&e))
            })
            .await
    }

    async fn approve(
        &self,
        approved: ApprovedAuthorization,
        answers: Option<[u8; 32]>,
    ) -> Result<bool, StoreError> {
        self.writer
            .write(move |on| approve(on, &approved, answers).map_err(|e| translate(&e)))
            .await
    }

    async fn lookup_approved(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<ApprovedAuthorization>, StoreError> {
        self.read(|on| {
            on.prepare_cached(APPROVED)?
                .query_row((digest, now.millis()), code)
                .optional()
        })
    }

    async fn redeem(
        &self,
        digest: &[u8; 32],
        gives: Given,
        now: Timestamp,
    ) -> Result<Redemption, StoreError> {
        let digest = *digest;
        self.writer
            .write(move |on| redeem(on, &digest, &gives, now).map_err(|e| translate(&e)))
            .await
    }

    async fn revoke(
        &self,
        user: &UserName,
        client_id: Option<&str>,
    ) -> Result<Vec<Given>, StoreError> {
        let of = (user.as_str().to_owned(), client_id.map(str::to_owned));
        self.writer
            .write(move |on| {
                let revoke = || -> rusqlite::Result<Vec<Given>> {
                    let named = (&of.0, &of.1);
                    let given = on
                        .prepare_cached(GAVE_OF)?
                        .query_map(named, given)?
                        .collect::<Result<_, _>>()?;
                    on.prepare_cached(REVOKE)?.execute(named)?;
                    Ok(given)
                };
                revoke().map_err(|e| translate(&e))
            })
            .await
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<u64, StoreError> {
        self.writer
            .write(move |on| {
                let sweep = || -> rusqlite::Result<usize> {
                    let values = (now.millis(), limit(most));
                    let asked = on.prepare_cached(SWEEP_PENDING)?.execute(values)?;
                    Ok(asked + on.prepare_cached(SWEEP_APPROVED)?.execute(values)?)
                };
                sweep().map(count).map_err(|e| translate(&e))
            })
            .await
    }
}

/// Whoever looks first at what may fail leaves nothing half done.
fn approve(
    on: &Connection,
    approved: &ApprovedAuthorization,
    answers: Option<[u8; 32]>,
) -> rusqlite::Result<bool> {
    if let Some(digest) = answers
        && on
            .prepare_cached(PENDING)?
            .query_row((digest, i64::MIN), |_| Ok(()))
            .optional()?
            .is_none()
    {
        return Ok(false);
    }
    let values = params![
        approved.digest,
        approved.client_id,
        approved.redirect_uri,
        approved.user.as_str(),
        approved.sid,
        approved.scopes.to_string(),
        texts_to_json(&approved.resources),
        approved.code_challenge,
        approved.nonce,
        approved.dpop_jkt,
        approved.auth_time.millis(),
        texts_to_json(&approved.amr),
        approved.acr,
        approved.expires_at.millis(),
        approved.kept_until.millis(),
    ];
    if on.prepare_cached(APPROVE)?.execute(values)? == 0 {
        return Ok(false);
    }
    if let Some(digest) = answers {
        on.prepare_cached(ANSWER)?.execute([digest])?;
    }
    Ok(true)
}

fn redeem(
    on: &Connection,
    digest: &[u8; 32],
    gives: &Given,
    now: Timestamp,
) -> rusqlite::Result<Redemption> {
    let values = (
        &gives.jti,
        gives.expires_at.millis(),
        &gives.family,
        digest,
        now.millis(),
    );
    // SECURITY: one statement that changes the row only where nobody redeemed it yet; what it
    // returns, not a count of rows, says who won.
    let won = on
        .prepare_cached(REDEEM)?
        .query_row(values, code)
        .optional()?;
    if let Some(approved) = won {
        return Ok(Redemption::Redeemed(Box::new(approved)));
    }
    let gave = on
        .prepare_cached(GAVE)?
        .query_row([digest], given)
        .optional()?;
    Ok(gave.map_or(Redemption::Unknown, Redemption::Replayed))
}

fn waiting(row: &Row<'_>) -> rusqlite::Result<PendingAuthorization> {
    let mut columns = Columns::of(row);
    Ok(PendingAuthorization {
        digest: columns.take()?,
        client_id: columns.take()?,
        session: columns.take()?,
        parameters: columns.take()?,
        asked_at: columns.moment()?,
        expires_at: columns.moment()?,
    })
}

fn code(row: &Row<'_>) -> rusqlite::Result<ApprovedAuthorization> {
    let mut columns = Columns::of(row);
    Ok(ApprovedAuthorization {
        digest: columns.take()?,
        client_id: columns.take()?,
        redirect_uri: columns.take()?,
        user: columns.parse(|text| UserName::parse(text).ok())?,
        sid: columns.take()?,
        scopes: columns.scopes(&Seen::nothing())?,
        resources: columns.texts()?,
        code_challenge: columns.take()?,
        nonce: columns.take()?,
        dpop_jkt: columns.take()?,
        auth_time: columns.moment()?,
        amr: columns.texts()?,
        acr: columns.take()?,
        expires_at: columns.moment()?,
        kept_until: columns.moment()?,
    })
}

fn given(row: &Row<'_>) -> rusqlite::Result<Given> {
    let mut columns = Columns::of(row);
    Ok(Given {
        jti: columns.take()?,
        expires_at: columns.moment()?,
        family: columns.take()?,
    })
}
