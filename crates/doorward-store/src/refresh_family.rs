//! Refresh tokens that came from one another: a family has one live token at a time (RFC 9700
//! section 4.14).
//!
//! No token is stored, only its number in the family. Whoever holds a token proves it before it
//! comes here, so that a guess touches no row.

use std::time::Duration;

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_core::scope::ScopeSet;

use crate::error::StoreError;
use crate::revoked_token::RevokedToken;

/// What is stored about a family.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefreshFamilyRecord {
    /// Its name; unique. All access tokens that it gave carry it.
    pub id: String,
    /// The client that it is bound to.
    pub client_id: String,
    /// Whom its tokens stand for.
    pub subject: String,
    /// The browser's session in which it was allowed, where there is one.
    pub sid: Option<String>,
    /// The most that it gives.
    pub scopes: ScopeSet,
    /// The resources that its tokens may be for.
    pub audiences: Vec<String>,
    /// The key that its tokens are bound to (RFC 9449 section 5), where there is one.
    pub dpop_jkt: Option<String>,
    /// When the user proved who they are.
    pub auth_time: Option<Timestamp>,
    /// The authentication context that was reached.
    pub acr: Option<String>,
    /// The number of the live token, from 1.
    pub generation: i64,
    /// When the live token took over.
    pub rotated_at: Timestamp,
    /// When it ends if it is not used.
    pub idle_until: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
    /// Since when it is revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it began.
    pub created_at: Timestamp,
}

impl RefreshFamilyRecord {
    /// Tells whether it gives anything at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at && now < self.idle_until
    }
}

/// A token that was shown, and by which rules it is judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefreshUse {
    /// The family.
    pub id: String,
    /// The number of the token that was shown.
    pub generation: i64,
    /// The present moment.
    pub now: Timestamp,
    /// How long after its rotation the token before the live one gets the same successor again.
    pub grace: Duration,
    /// When the family ends if it is not used again.
    pub idle_until: Timestamp,
    /// What to remember when the token turns out to be stolen: it ends all access tokens that the
    /// family gave.
    pub ends: RevokedToken,
}

/// How the use of a refresh token ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RefreshRotation {
    /// The live token was shown. This caller, and no other, moved the family on.
    Rotated(RefreshFamilyRecord),
    /// The token before the live one was shown again within the grace: an answer was lost, or two
    /// calls crossed. The live token is its successor, the same for all.
    Replayed(RefreshFamilyRecord),
    /// An older token was shown: somebody has a copy. The family was revoked, with all its access
    /// tokens, by this call.
    Reused(RefreshFamilyRecord),
    /// There is no such family, it has ended, or it never had this token.
    Ended,
}

/// What is to be done about a family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefreshStep {
    /// Give the next token.
    Rotate,
    /// Give the live token again.
    Replay,
    /// Revoke.
    Revoke,
    /// Nothing.
    Refuse,
}

/// Judges the use of a token: the one rule for every store.
#[must_use]
pub fn step(family: &RefreshFamilyRecord, shown: &RefreshUse) -> RefreshStep {
    if !family.is_live(shown.now) || shown.generation < 1 || shown.generation > family.generation {
        return RefreshStep::Refuse;
    }
    if shown.generation == family.generation {
        return RefreshStep::Rotate;
    }
    let is_last = shown.generation == family.generation.saturating_sub(1);
    if is_last && shown.now < family.rotated_at.plus(shown.grace) {
        return RefreshStep::Replay;
    }
    RefreshStep::Revoke
}

/// The families. No process keeps them in memory: only what [`RefreshUse::ends`] says is noted in
/// the change log.
#[async_trait]
pub trait RefreshFamilies: Send + Sync {
    /// Begins a family; false when its name is taken, and then nothing changes.
    async fn start(&self, family: RefreshFamilyRecord) -> Result<bool, StoreError>;

    /// Finds a family, ended or not.
    async fn lookup(&self, id: &str) -> Result<Option<RefreshFamilyRecord>, StoreError>;

    /// Uses a token, as [`step`] judges, in one atomic change.
    async fn rotate(&self, shown: RefreshUse) -> Result<RefreshRotation, StoreError>;

    /// Revokes a family with all its access tokens. False when there is none, or it was revoked
    /// before.
    async fn revoke(&self, id: &str, ends: RevokedToken) -> Result<bool, StoreError>;

    /// The live families of a subject, of one client or of all.
    async fn list(
        &self,
        subject: &str,
        client_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<RefreshFamilyRecord>, StoreError>;

    /// Removes at most `most` families that ended before `now`, and says how many.
    async fn sweep(&self, now: Timestamp, most: usize) -> Result<u64, StoreError>;
}
