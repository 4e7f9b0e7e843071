//! Authorizations: asked for, approved as a code, redeemed for tokens (RFC 6749 section 4.1).
//!
//! `Pending -> Approved -> Redeemed`. What is pending is named by a digest that only the browser
//! or the client can match; what is approved is named by the digest of the code.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_core::scope::ScopeSet;

use crate::error::StoreError;
use crate::user::UserName;

/// A request that waits for its user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PendingAuthorization {
    /// The SHA-256 digest of the name under which it waits; unique.
    pub digest: [u8; 32],
    /// The client that asks.
    pub client_id: String,
    /// The session it waits for; none while no browser came with it (RFC 9126).
    pub session: Option<[u8; 32]>,
    /// The request's parameters, form-encoded.
    pub parameters: String,
    /// When it was first asked for. A sign-in after this moment is fresh for it.
    pub asked_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// What a user approved. The code is not stored: only its digest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApprovedAuthorization {
    /// The SHA-256 digest of the code; unique.
    pub digest: [u8; 32],
    /// For which client.
    pub client_id: String,
    /// Where the code was sent, as the request named it.
    pub redirect_uri: String,
    /// Who approved it.
    pub user: UserName,
    /// The name of the session in which.
    pub sid: String,
    /// What is approved.
    pub scopes: ScopeSet,
    /// The resources the tokens are for (RFC 8707).
    pub resources: Vec<String>,
    /// The S256 challenge (RFC 7636); none only where the client need not send one.
    pub code_challenge: Option<String>,
    /// The client's `nonce` (OpenID Connect Core section 3.1.2.1).
    pub nonce: Option<String>,
    /// The thumbprint of the key that the code is bound to (RFC 9449 section 10).
    pub dpop_jkt: Option<String>,
    /// When the user last proved who they are.
    pub auth_time: Timestamp,
    /// How.
    pub amr: Vec<String>,
    /// The authentication context that was reached.
    pub acr: Option<String>,
    /// When the code stops being good.
    pub expires_at: Timestamp,
    /// Until when the row is kept, so that a replay is recognised.
    pub kept_until: Timestamp,
}

/// What a code gave, so that it can be taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Given {
    /// The access token's `jti`.
    pub jti: String,
    /// When the access token expires.
    pub expires_at: Timestamp,
    /// The refresh family, where there is one.
    pub family: Option<String>,
}

/// How an attempt to redeem a code ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Redemption {
    /// This caller, and no other, redeemed it.
    Redeemed(Box<ApprovedAuthorization>),
    /// It was redeemed before, for this. The caller takes it back.
    Replayed(Given),
    /// There is no such code, or it has expired.
    Unknown,
}

/// The authorizations. None of these verbs writes the change log: no process keeps them in memory.
#[async_trait]
pub trait Authorizations: Send + Sync {
    /// Stores a request that waits; false when the digest is taken, and then nothing changes.
    async fn ask(&self, pending: PendingAuthorization) -> Result<bool, StoreError>;

    /// Finds a request that waits and has not expired at `now`.
    async fn lookup_pending(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingAuthorization>, StoreError>;

    /// Takes a request that waits and has not expired at `now`: one caller gets it.
    async fn take_pending(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingAuthorization>, StoreError>;

    /// Stores a code, and takes the request that it answers out of the waiting ones, both or
    /// neither. False when that request waits no more or the digest is taken.
    async fn approve(
        &self,
        approved: ApprovedAuthorization,
        answers: Option<[u8; 32]>,
    ) -> Result<bool, StoreError>;

    /// Finds a code, redeemed, expired or not, that is still kept at `now`.
    async fn lookup_approved(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<ApprovedAuthorization>, StoreError>;

    /// Redeems a code for `gives`: of all callers exactly one.
    async fn redeem(
        &self,
        digest: &[u8; 32],
        gives: Given,
        now: Timestamp,
    ) -> Result<Redemption, StoreError>;

    /// Forgets the codes of a user, of one client or of all, and returns what those that were
    /// redeemed gave.
    async fn revoke(
        &self,
        user: &UserName,
        client_id: Option<&str>,
    ) -> Result<Vec<Given>, StoreError>;

    /// Removes at most `most` requests and at most `most` codes that are over at `now`, and says
    /// how many.
    async fn sweep(&self, now: Timestamp, most: usize) -> Result<u64, StoreError>;
}
