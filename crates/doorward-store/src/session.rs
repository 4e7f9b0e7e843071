//! Sessions of people who signed in with a browser.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use crate::error::StoreError;
use crate::user::UserName;

/// How much of a browser's name for itself is kept, in bytes.
pub const AGENT_MAX: usize = 200;

/// What is stored about a session. The cookie's value is not: only its digest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRecord {
    /// The SHA-256 digest of the cookie's value; unique.
    pub digest: [u8; 32],
    /// The name of the session in lists and in the `sid` claim; opens nothing.
    pub sid: String,
    /// Who signed in.
    pub user: UserName,
    /// When the user last proved who they are (`auth_time`).
    pub auth_time: Timestamp,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// What the browser calls itself, at most [`AGENT_MAX`] bytes; not to be believed.
    pub agent: String,
    /// When it was last used, to within some minutes.
    pub last_used_at: Timestamp,
    /// When it ends unless it is used.
    pub idle_expires_at: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
}

impl SessionRecord {
    /// When the session ends, as things are.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.idle_expires_at.min(self.expires_at)
    }
}

/// The sessions. None of these verbs writes the change log: no process keeps sessions in memory.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Stores a new session and ends the one it replaces, both or neither; false when the digest
    /// is taken, and then nothing changes.
    async fn start(
        &self,
        session: SessionRecord,
        replaces: Option<[u8; 32]>,
    ) -> Result<bool, StoreError>;

    /// Finds a session that has not ended at `now`.
    async fn lookup(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError>;

    /// Notes that a session was used; false when it has ended at `now`. The end of its idle time
    /// never moves back.
    async fn touch(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
        idle_expires_at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// The sessions of a user that have not ended at `now`, the last used first.
    async fn list(&self, user: &UserName, now: Timestamp)
    -> Result<Vec<SessionRecord>, StoreError>;

    /// Ends the session with this name, if it is this user's; false when there is none.
    async fn end(&self, user: &UserName, sid: &str) -> Result<bool, StoreError>;

    /// Ends all sessions of a user and says how many.
    async fn end_all(&self, user: &UserName) -> Result<u64, StoreError>;

    /// Removes at most `most` sessions that have ended at `now`, and says how many.
    async fn sweep(&self, now: Timestamp, most: usize) -> Result<u64, StoreError>;
}
