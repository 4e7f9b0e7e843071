//! Our authority and its certificates in SQL.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_store::revoked_token::SWEEP_MARGIN;
use doorward_store::{
    AuthorityRecord, Entity, IssuedCertificateRecord, IssuedCertificates, StoreError,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::change::note;
use crate::error::{translate, translate_insert};
use crate::row::{Columns, Seen, count, millis, texts_to_json};
use crate::sqlite::SqliteStore;
use crate::statement::statements;

macro_rules! columns {
    () => {
        "id, thumbprint, name, subject, scopes, roles, created_at, expires_at, revoked_at"
    };
}

statements! {
    MAKE_AUTHORITY = "INSERT INTO certificate_authority
        (id, certificate, sealed, created_at, expires_at) VALUES (1, $1, $2, $3, $4)";
    AUTHORITY = "SELECT certificate, sealed, created_at, expires_at
        FROM certificate_authority WHERE id = 1";
    INSERT = concat!(
        "INSERT INTO issued_certificate (", columns!(), ")
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    );
    BY_ID = concat!("SELECT ", columns!(), " FROM issued_certificate WHERE id = $1");
    LIST = concat!("SELECT ", columns!(), " FROM issued_certificate ORDER BY id");
    REVOKE = "UPDATE issued_certificate SET revoked_at = $1
        WHERE id = $2 AND (revoked_at IS NULL OR revoked_at > $1)";
    SWEEP = "DELETE FROM issued_certificate WHERE expires_at <= $1";
}

const ENTITY: Entity = Entity::IssuedCertificate;

#[async_trait]
impl IssuedCertificates for SqliteStore {
    async fn ensure_authority(
        &self,
        candidate: AuthorityRecord,
    ) -> Result<AuthorityRecord, StoreError> {
        self.writer
            .write(move |on| {
                if let Some(known) = find_authority(on).map_err(|e| translate(&e))? {
                    return Ok(known);
                }
                let values = params![
                    candidate.certificate,
                    candidate.sealed,
                    candidate.created_at.millis(),
                    candidate.expires_at.millis(),
                ];
                on.prepare_cached(MAKE_AUTHORITY)
                    .and_then(|mut statement| statement.execute(values))
                    .map_err(|e| translate_insert(&e, ENTITY, "authority"))?;
                note(on, ENTITY, "authority")?;
                Ok(candidate)
            })
            .await
    }

    async fn authority(&self) -> Result<Option<AuthorityRecord>, StoreError> {
        self.read(|on| find_authority(on))
    }

    async fn add(&self, certificate: IssuedCertificateRecord) -> Result<(), StoreError> {
        self.writer
            .write(move |on| {
                let values = params![
                    certificate.id,
                    certificate.thumbprint,
                    certificate.name,
                    certificate.subject,
                    certificate.scopes.to_string(),
                    texts_to_json(&certificate.roles),
                    certificate.created_at.millis(),
                    certificate.expires_at.millis(),
                    millis(certificate.revoked_at),
                ];
                on.prepare_cached(INSERT)
                    .and_then(|mut statement| statement.execute(values))
                    .map_err(|e| translate_insert(&e, ENTITY, &certificate.id))?;
                note(on, ENTITY, &certificate.id)
            })
            .await
    }

    async fn lookup(&self, id: &str) -> Result<Option<IssuedCertificateRecord>, StoreError> {
        self.read(|on| find(on, id))
    }

    async fn list(&self) -> Result<Vec<IssuedCertificateRecord>, StoreError> {
        let mut certificates = Vec::new();
        let mut batches = crate::scan::records(self.extra_reader()?, LIST, record)?;
        while let Some(batch) = batches.next().await? {
            certificates.extend(batch);
        }
        Ok(certificates)
    }

    async fn revoke(
        &self,
        id: &str,
        at: Timestamp,
    ) -> Result<Option<IssuedCertificateRecord>, StoreError> {
        let id = id.to_owned();
        self.writer
            .write(move |on| {
                let changed = on
                    .prepare_cached(REVOKE)
                    .and_then(|mut statement| statement.execute((at.millis(), &id)))
                    .map_err(|e| translate(&e))?;
                if changed > 0 {
                    note(on, ENTITY, &id)?;
                }
                find(on, &id).map_err(|e| translate(&e))
            })
            .await
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

fn find_authority(on: &Connection) -> rusqlite::Result<Option<AuthorityRecord>> {
    let read = |row: &Row<'_>| {
        let mut columns = Columns::of(row);
        Ok(AuthorityRecord {
            certificate: columns.take()?,
            sealed: columns.take()?,
            created_at: columns.moment()?,
            expires_at: columns.moment()?,
        })
    };
    on.prepare_cached(AUTHORITY)?.query_row([], read).optional()
}

fn find(on: &Connection, id: &str) -> rusqlite::Result<Option<IssuedCertificateRecord>> {
    on.prepare_cached(BY_ID)?.query_row([id], record).optional()
}

fn record(row: &Row<'_>) -> rusqlite::Result<IssuedCertificateRecord> {
    let mut columns = Columns::of(row);
    Ok(IssuedCertificateRecord {
        id: columns.take()?,
        thumbprint: columns.take()?,
        name: columns.take()?,
        subject: columns.take()?,
        scopes: columns.scopes(&Seen::nothing())?,
        roles: columns.texts()?,
        created_at: columns.moment()?,
        expires_at: columns.moment()?,
        revoked_at: columns.maybe_moment()?,
    })
}
