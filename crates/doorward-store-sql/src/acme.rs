//! What ACME authorities gave, in SQL.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_store::{AcmeAccountRecord, AcmeCertificateRecord, AcmeRecords, StoreError};
use rusqlite::{OptionalExtension, Row, params};

use crate::error::translate;
use crate::row::{Columns, count};
use crate::sqlite::SqliteStore;
use crate::statement::statements;

macro_rules! columns {
    () => {
        "directory, host, chain, sealed, not_before, not_after, obtained_at"
    };
}

statements! {
    ACCOUNT = "SELECT directory, sealed, created_at FROM acme_account WHERE directory = $1";
    KEEP_ACCOUNT = "INSERT INTO acme_account (directory, sealed, created_at) VALUES ($1, $2, $3)
        ON CONFLICT (directory)
        DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at";
    CERTIFICATES = concat!(
        "SELECT ", columns!(), " FROM acme_certificate WHERE directory = $1 ORDER BY host"
    );
    KEEP_CERTIFICATE = concat!(
        "INSERT INTO acme_certificate (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (directory, host) DO UPDATE SET chain = excluded.chain,
            sealed = excluded.sealed, not_before = excluded.not_before,
            not_after = excluded.not_after, obtained_at = excluded.obtained_at
        WHERE acme_certificate.obtained_at <= excluded.obtained_at"
    );
    SWEEP = "DELETE FROM acme_certificate WHERE not_after <= $1";
}

#[async_trait]
impl AcmeRecords for SqliteStore {
    async fn account(&self, directory: &str) -> Result<Option<AcmeAccountRecord>, StoreError> {
        self.read(|on| {
            on.prepare_cached(ACCOUNT)?
                .query_row([directory], account)
                .optional()
        })
    }

    async fn keep_account(&self, account: AcmeAccountRecord) -> Result<(), StoreError> {
        self.writer
            .write(move |on| {
                let created_at = account.created_at.millis();
                let values = params![account.directory, account.sealed, created_at];
                on.prepare_cached(KEEP_ACCOUNT)
                    .and_then(|mut statement| statement.execute(values))
                    .map(drop)
                    .map_err(|e| translate(&e))
            })
            .await
    }

    async fn certificates(
        &self,
        directory: &str,
    ) -> Result<Vec<AcmeCertificateRecord>, StoreError> {
        self.read(|on| {
            on.prepare_cached(CERTIFICATES)?
                .query_map([directory], certificate)?
                .collect()
        })
    }

    async fn keep_certificate(
        &self,
        certificate: AcmeCertificateRecord,
    ) -> Result<bool, StoreError> {
        self.writer
            .write(move |on| {
                let values = params![
                    certificate.directory,
                    certificate.host,
                    certificate.chain,
                    certificate.sealed,
                    certificate.not_before.millis(),
                    certificate.not_after.millis(),
                    certificate.obtained_at.millis(),
                ];
                on.prepare_cached(KEEP_CERTIFICATE)
                    .and_then(|mut statement| statement.execute(values))
                    .map(|kept| kept == 1)
                    .map_err(|e| translate(&e))
            })
            .await
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
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

fn account(row: &Row<'_>) -> rusqlite::Result<AcmeAccountRecord> {
    let mut columns = Columns::of(row);
    Ok(AcmeAccountRecord {
        directory: columns.take()?,
        sealed: columns.take()?,
        created_at: columns.moment()?,
    })
}

fn certificate(row: &Row<'_>) -> rusqlite::Result<AcmeCertificateRecord> {
    let mut columns = Columns::of(row);
    Ok(AcmeCertificateRecord {
        directory: columns.take()?,
        host: columns.take()?,
        chain: columns.take()?,
        sealed: columns.take()?,
        not_before: columns.moment()?,
        not_after: columns.moment()?,
        obtained_at: columns.moment()?,
    })
}
