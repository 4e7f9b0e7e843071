//! Issued certificates in memory.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use super::{MemoryStore, conflict};
use crate::change::Entity;
use crate::error::StoreError;
use crate::issued_certificate::{AuthorityRecord, IssuedCertificateRecord, IssuedCertificates};
use crate::revoked_token::SWEEP_MARGIN;

#[async_trait]
impl IssuedCertificates for MemoryStore {
    async fn ensure_authority(
        &self,
        candidate: AuthorityRecord,
    ) -> Result<AuthorityRecord, StoreError> {
        let mut rows = self.rows();
        if let Some(known) = &rows.authority {
            return Ok(known.clone());
        }
        rows.authority = Some(candidate.clone());
        rows.note(Entity::IssuedCertificate, "authority");
        Ok(candidate)
    }

    async fn authority(&self) -> Result<Option<AuthorityRecord>, StoreError> {
        Ok(self.rows().authority.clone())
    }

    async fn add(&self, certificate: IssuedCertificateRecord) -> Result<(), StoreError> {
        let mut rows = self.rows();
        let taken = rows.issued.contains_key(&certificate.id)
            || rows
                .issued
                .values()
                .any(|known| known.thumbprint == certificate.thumbprint);
        if taken {
            return Err(conflict(Entity::IssuedCertificate, certificate.id));
        }
        let id = certificate.id.clone();
        rows.issued.insert(id.clone(), certificate);
        rows.note(Entity::IssuedCertificate, id);
        Ok(())
    }

    async fn lookup(&self, id: &str) -> Result<Option<IssuedCertificateRecord>, StoreError> {
        Ok(self.rows().issued.get(id).cloned())
    }

    async fn list(&self) -> Result<Vec<IssuedCertificateRecord>, StoreError> {
        Ok(self.rows().issued.values().cloned().collect())
    }

    async fn revoke(
        &self,
        id: &str,
        at: Timestamp,
    ) -> Result<Option<IssuedCertificateRecord>, StoreError> {
        let mut rows = self.rows();
        let Some(known) = rows.issued.get_mut(id) else {
            return Ok(None);
        };
        let earlier = known.revoked_at.is_none_or(|before| at < before);
        if earlier {
            known.revoked_at = Some(at);
        }
        let now = known.clone();
        if earlier {
            rows.note(Entity::IssuedCertificate, id);
        }
        Ok(Some(now))
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let before = now.minus(SWEEP_MARGIN);
        let mut swept = 0;
        self.rows().issued.retain(|_, certificate| {
            let keep = certificate.expires_at > before;
            swept += u64::from(!keep);
            keep
        });
        Ok(swept)
    }
}
