//! What an ACME authority (RFC 8555) gave us: accounts, and certificates with their keys, sealed.

use std::fmt;

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use crate::error::StoreError;

/// Our account with an authority.
#[derive(Clone, PartialEq, Eq)]
pub struct AcmeAccountRecord {
    /// The address of the authority's directory.
    pub directory: String,
    /// The account's address and private key, sealed.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// SECURITY: leaves out the key, sealed or not.
impl fmt::Debug for AcmeAccountRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcmeAccountRecord")
            .field("directory", &self.directory)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// The certificate that an authority gave us for one host.
#[derive(Clone, PartialEq, Eq)]
pub struct AcmeCertificateRecord {
    /// The address of the authority's directory.
    pub directory: String,
    /// The DNS name that it is for, in lower case.
    pub host: String,
    /// The certificate and those of the authorities above it, PEM.
    pub chain: String,
    /// Its private key, sealed.
    pub sealed: Vec<u8>,
    /// From when it is good.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
    /// When we got it.
    pub obtained_at: Timestamp,
}

/// SECURITY: leaves out the key, sealed or not.
impl fmt::Debug for AcmeCertificateRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcmeCertificateRecord")
            .field("directory", &self.directory)
            .field("host", &self.host)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// Accounts with ACME authorities, and the certificates that they gave.
///
/// They are in no change log: what a process needs of them it reads before it orders.
#[async_trait]
pub trait AcmeRecords: Send + Sync {
    /// The account with an authority, if there is one.
    async fn account(&self, directory: &str) -> Result<Option<AcmeAccountRecord>, StoreError>;

    /// Keeps an account, in the place of the one that there was with this authority.
    async fn keep_account(&self, account: AcmeAccountRecord) -> Result<(), StoreError>;

    /// The certificates of an authority, in the order of their hosts.
    async fn certificates(&self, directory: &str)
    -> Result<Vec<AcmeCertificateRecord>, StoreError>;

    /// Keeps a certificate in the place of the one that there was for its host, unless that one
    /// was obtained later. Tells whether it was kept.
    async fn keep_certificate(
        &self,
        certificate: AcmeCertificateRecord,
    ) -> Result<bool, StoreError>;

    /// Forgets the certificates that ended at `before` or earlier, and says how many.
    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError>;
}
