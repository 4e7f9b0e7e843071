//! Signing keys in memory.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use super::{MemoryStore, Rows, conflict};
use crate::change::Entity;
use crate::error::StoreError;
use crate::signing_key::{SigningKeyRecord, SigningKeyRotation, SigningKeys, Stage};

#[async_trait]
impl SigningKeys for MemoryStore {
    async fn list(&self) -> Result<Vec<SigningKeyRecord>, StoreError> {
        Ok(self.rows().signing_keys_by_age())
    }

    async fn ensure(
        &self,
        initial: SigningKeyRecord,
        next: SigningKeyRecord,
    ) -> Result<Vec<SigningKeyRecord>, StoreError> {
        let mut rows = self.rows();
        let mut missing = Vec::new();
        for (stage, key) in [(Stage::Active, initial), (Stage::Next, next)] {
            if rows.signing_keys.iter().all(|other| other.stage != stage) {
                missing.push(SigningKeyRecord { stage, ..key });
            }
        }
        if let [one, two] = missing.as_slice()
            && one.kid == two.kid
        {
            return Err(conflict(Entity::SigningKey, two.kid.as_str()));
        }
        for key in &missing {
            rows.check_new_kid(&key.kid)?;
        }
        for key in missing {
            rows.insert_signing_key(key);
        }
        Ok(rows.signing_keys_by_age())
    }

    async fn rotate(
        &self,
        rotation: SigningKeyRotation,
    ) -> Result<Vec<SigningKeyRecord>, StoreError> {
        let SigningKeyRotation {
            expected_active,
            new_next,
            now,
            retired_expires_at,
        } = rotation;
        let mut rows = self.rows();
        let active = rows
            .kid_of(Stage::Active)
            .filter(|kid| *kid == expected_active)
            .ok_or_else(|| conflict(Entity::SigningKey, expected_active))?;
        let next = rows
            .kid_of(Stage::Next)
            .ok_or_else(|| StoreError::NotFound {
                entity: Entity::SigningKey,
                id: Stage::Next.as_str().to_owned(),
            })?;
        rows.check_new_kid(&new_next.kid)?;
        for key in &mut rows.signing_keys {
            if key.kid == active {
                key.stage = Stage::Retired;
                key.retired_at = Some(now);
                key.expires_at = Some(retired_expires_at);
            } else if key.kid == next {
                key.stage = Stage::Active;
                key.activated_at = Some(now);
            }
        }
        rows.note(Entity::SigningKey, active);
        rows.note(Entity::SigningKey, next);
        rows.insert_signing_key(SigningKeyRecord {
            stage: Stage::Next,
            ..new_next
        });
        Ok(rows.signing_keys_by_age())
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let over = |key: &SigningKeyRecord| {
            key.stage == Stage::Retired && key.expires_at.is_some_and(|end| end <= now)
        };
        let gone: Vec<_> = rows
            .signing_keys
            .iter()
            .filter(|key| over(key))
            .map(|key| key.kid.clone())
            .collect();
        rows.signing_keys.retain(|key| !over(key));
        let mut swept = 0;
        for kid in gone {
            rows.note(Entity::SigningKey, kid);
            swept += 1;
        }
        Ok(swept)
    }
}

impl Rows {
    fn signing_keys_by_age(&self) -> Vec<SigningKeyRecord> {
        let mut keys = self.signing_keys.clone();
        keys.sort_by(|a, b| (a.created_at, &a.kid).cmp(&(b.created_at, &b.kid)));
        keys
    }

    fn kid_of(&self, stage: Stage) -> Option<String> {
        self.signing_keys
            .iter()
            .find(|key| key.stage == stage)
            .map(|key| key.kid.clone())
    }

    fn check_new_kid(&self, kid: &str) -> Result<(), StoreError> {
        if self.signing_keys.iter().any(|key| key.kid == kid) {
            return Err(conflict(Entity::SigningKey, kid));
        }
        Ok(())
    }

    fn insert_signing_key(&mut self, key: SigningKeyRecord) {
        self.note(Entity::SigningKey, key.kid.as_str());
        self.signing_keys.push(key);
    }
}
