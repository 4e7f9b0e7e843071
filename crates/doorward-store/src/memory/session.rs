//! Sessions in memory.

use std::cmp::Reverse;

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use super::MemoryStore;
use crate::error::StoreError;
use crate::session::{SessionRecord, Sessions};
use crate::user::UserName;

#[async_trait]
impl Sessions for MemoryStore {
    async fn start(
        &self,
        session: SessionRecord,
        replaces: Option<[u8; 32]>,
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        if rows.sessions.contains_key(&session.digest) {
            return Ok(false);
        }
        if let Some(old) = replaces {
            rows.sessions.remove(&old);
        }
        rows.sessions.insert(session.digest, session);
        Ok(true)
    }

    async fn lookup(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let rows = self.rows();
        let session = rows.sessions.get(digest);
        Ok(session.filter(|session| now < session.ends_at()).cloned())
    }

    async fn touch(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
        idle_expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let session = rows.sessions.get_mut(digest);
        let Some(session) = session.filter(|session| now < session.ends_at()) else {
            return Ok(false);
        };
        session.last_used_at = session.last_used_at.max(now);
        session.idle_expires_at = session.idle_expires_at.max(idle_expires_at);
        Ok(true)
    }

    async fn list(
        &self,
        user: &UserName,
        now: Timestamp,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        let rows = self.rows();
        let live = |s: &&SessionRecord| s.user == *user && now < s.ends_at();
        let mut found: Vec<_> = rows.sessions.values().filter(live).cloned().collect();
        found.sort_by(|a, b| {
            (Reverse(a.last_used_at), &a.sid).cmp(&(Reverse(b.last_used_at), &b.sid))
        });
        Ok(found)
    }

    async fn end(&self, user: &UserName, sid: &str) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let before = rows.sessions.len();
        rows.sessions
            .retain(|_, session| session.user != *user || session.sid != sid);
        Ok(rows.sessions.len() < before)
    }

    async fn end_all(&self, user: &UserName) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let before = rows.sessions.len();
        rows.sessions.retain(|_, session| session.user != *user);
        Ok((before - rows.sessions.len()) as u64)
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let over = rows.sessions.values().filter(|s| s.ends_at() <= now);
        let gone: Vec<_> = over.take(most).map(|session| session.digest).collect();
        for digest in &gone {
            rows.sessions.remove(digest);
        }
        Ok(gone.len() as u64)
    }
}
