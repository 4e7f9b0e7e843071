//! Our own authority for client certificates, and the certificates that it issued.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_core::scope::ScopeSet;

use crate::error::StoreError;

/// Our own authority. There is one, and it stays.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorityRecord {
    /// Its own certificate, as DER.
    pub certificate: Vec<u8>,
    /// Its private key, sealed.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its certificate ends.
    pub expires_at: Timestamp,
}

/// One certificate that our authority issued. Its private key is with its caller only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuedCertificateRecord {
    /// The identifier: `crt_` and the start of the thumbprint.
    pub id: String,
    /// The SHA-256 of the certificate.
    pub thumbprint: [u8; 32],
    /// What people call it.
    pub name: String,
    /// Whom it stands for.
    pub subject: String,
    /// Scopes.
    pub scopes: ScopeSet,
    /// Roles.
    pub roles: Vec<String>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// Since when it is revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Our own authority and the certificates that it issued.
#[async_trait]
pub trait IssuedCertificates: Send + Sync {
    /// Takes an authority if there is none, and returns the one there is. All who call at once get
    /// the same one.
    async fn ensure_authority(
        &self,
        candidate: AuthorityRecord,
    ) -> Result<AuthorityRecord, StoreError>;

    /// The authority, if there is one.
    async fn authority(&self) -> Result<Option<AuthorityRecord>, StoreError>;

    /// Adds a certificate. [`StoreError::Conflict`] when its identifier or thumbprint is taken.
    async fn add(&self, certificate: IssuedCertificateRecord) -> Result<(), StoreError>;

    /// Finds a certificate.
    async fn lookup(&self, id: &str) -> Result<Option<IssuedCertificateRecord>, StoreError>;

    /// All certificates that were not swept, in the order of their identifiers.
    async fn list(&self) -> Result<Vec<IssuedCertificateRecord>, StoreError>;

    /// Revokes a certificate for good and returns it as it is then. The earliest revocation stays.
    /// `None` when there is none.
    async fn revoke(
        &self,
        id: &str,
        at: Timestamp,
    ) -> Result<Option<IssuedCertificateRecord>, StoreError>;

    /// Removes those that ended [`crate::revoked_token::SWEEP_MARGIN`] before `now` or earlier, and
    /// says how many. Nobody is let in by a certificate without a record.
    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError>;
}
