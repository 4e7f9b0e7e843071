//! Refresh families in memory.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use super::{MemoryStore, Rows};
use crate::change::Entity;
use crate::error::StoreError;
use crate::refresh_family::{
    RefreshFamilies, RefreshFamilyRecord, RefreshRotation, RefreshStep, RefreshUse, step,
};
use crate::revoked_token::RevokedToken;

#[async_trait]
impl RefreshFamilies for MemoryStore {
    async fn start(&self, family: RefreshFamilyRecord) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        if rows.refresh_families.contains_key(&family.id) {
            return Ok(false);
        }
        rows.refresh_families.insert(family.id.clone(), family);
        Ok(true)
    }

    async fn lookup(&self, id: &str) -> Result<Option<RefreshFamilyRecord>, StoreError> {
        Ok(self.rows().refresh_families.get(id).cloned())
    }

    async fn rotate(&self, shown: RefreshUse) -> Result<RefreshRotation, StoreError> {
        let mut rows = self.rows();
        let Some(family) = rows.refresh_families.get_mut(&shown.id) else {
            return Ok(RefreshRotation::Ended);
        };
        Ok(match step(family, &shown) {
            RefreshStep::Refuse => RefreshRotation::Ended,
            RefreshStep::Replay => RefreshRotation::Replayed(family.clone()),
            RefreshStep::Rotate => {
                family.generation += 1;
                family.rotated_at = shown.now;
                family.idle_until = shown.idle_until;
                RefreshRotation::Rotated(family.clone())
            }
            RefreshStep::Revoke => {
                family.revoked_at = Some(shown.ends.revoked_at);
                let family = family.clone();
                end(&mut rows, shown.ends);
                RefreshRotation::Reused(family)
            }
        })
    }

    async fn revoke(&self, id: &str, ends: RevokedToken) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let family = rows.refresh_families.get_mut(id);
        let Some(family) = family.filter(|family| family.revoked_at.is_none()) else {
            return Ok(false);
        };
        family.revoked_at = Some(ends.revoked_at);
        end(&mut rows, ends);
        Ok(true)
    }

    async fn list(
        &self,
        subject: &str,
        client_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<RefreshFamilyRecord>, StoreError> {
        let rows = self.rows();
        let suits = |family: &&RefreshFamilyRecord| {
            family.subject == subject
                && client_id.is_none_or(|id| id == family.client_id)
                && family.is_live(now)
        };
        Ok(rows
            .refresh_families
            .values()
            .filter(suits)
            .cloned()
            .collect())
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let ended =
            |family: &&RefreshFamilyRecord| family.expires_at <= now || family.idle_until <= now;
        let gone: Vec<String> = rows
            .refresh_families
            .values()
            .filter(ended)
            .take(most)
            .map(|family| family.id.clone())
            .collect();
        for id in &gone {
            rows.refresh_families.remove(id);
        }
        Ok(u64::try_from(gone.len()).unwrap_or(u64::MAX))
    }
}

/// Remembers that all access tokens of a family have ended.
fn end(rows: &mut Rows, ends: RevokedToken) {
    rows.note(
        Entity::RevokedToken,
        RevokedToken::change_id(&ends.issuer, &ends.jti),
    );
    let name = (ends.issuer.clone(), ends.jti.clone());
    rows.revoked_tokens.entry(name).or_insert(ends);
}
