//! The change log: what other processes and caches must look at again.

use std::fmt;

use async_trait::async_trait;

use crate::error::StoreError;

/// A kind of row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Entity {
    /// An API key, named by its identifier.
    ApiKey,
    /// A user, named by the user name.
    User,
    /// A trusted issuer, named by its name in the configuration.
    Issuer,
    /// A signing key, named by its `kid`.
    SigningKey,
    /// A revoked token, named by [`crate::RevokedToken::change_id`].
    RevokedToken,
    /// A certificate of our own authority, named by its identifier, or the authority itself.
    IssuedCertificate,
    /// A key with which a client signs, named by its identifier.
    ClientKey,
    /// An OAuth client, named by its `client_id`.
    Client,
}

impl Entity {
    /// Every kind of row.
    pub const ALL: [Self; 8] = [
        Self::ApiKey,
        Self::User,
        Self::Issuer,
        Self::SigningKey,
        Self::RevokedToken,
        Self::IssuedCertificate,
        Self::ClientKey,
        Self::Client,
    ];

    /// The word that stands for it in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::User => "user",
            Self::Issuer => "issuer",
            Self::SigningKey => "signing_key",
            Self::RevokedToken => "revoked_token",
            Self::IssuedCertificate => "issued_certificate",
            Self::ClientKey => "client_key",
            Self::Client => "client",
        }
    }

    /// Reads the word that stands for it in the log.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| entity.as_str() == text)
    }
}

/// In words, for messages.
impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey => "API key",
            Self::User => "user",
            Self::Issuer => "issuer",
            Self::SigningKey => "signing key",
            Self::RevokedToken => "revoked token",
            Self::IssuedCertificate => "certificate",
            Self::ClientKey => "client key",
            Self::Client => "client",
        })
    }
}

/// One entry of the log: this row was created, changed or removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The entry's number, from 1, without gaps, in the order of commit.
    pub seq: i64,
    /// The kind of row.
    pub entity: Entity,
    /// Which row.
    pub id: String,
}

/// What happened after a given entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    /// The entries in order; at most as many as were asked for.
    pub entries: Vec<Change>,
    /// False when the answer can't be complete: entries after the given one were swept, or the
    /// given one is ahead of the log (a backup was restored). The reader must load everything
    /// again and go on from the `head` it read before loading.
    pub complete_from_seq: bool,
}

/// The append-only change log.
///
/// Every change of a row writes its entry in the same transaction; only
/// [`crate::ApiKeys::touch`], [`crate::RevokedTokens::sweep`] and
/// [`crate::IssuedCertificates::sweep`] write none, and [`crate::Sessions`], [`crate::Consents`]
/// and [`crate::Authorizations`] as a whole. A reader that has
/// seen entry n has seen all entries before it, and the rows as they were after it, or later.
#[async_trait]
pub trait ChangeFeed: Send + Sync {
    /// The number of the last entry; 0 when nothing was ever written.
    async fn head(&self) -> Result<i64, StoreError>;

    /// The entries after `seq`, at most `limit`.
    async fn since(&self, seq: i64, limit: usize) -> Result<Changes, StoreError>;

    /// Removes the entries numbered below `before`, and says how many. The head stays.
    async fn sweep(&self, before: i64) -> Result<u64, StoreError>;
}
