//! What ACME authorities gave, in memory.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;

use super::MemoryStore;
use crate::acme::{AcmeAccountRecord, AcmeCertificateRecord, AcmeRecords};
use crate::error::StoreError;

#[async_trait]
impl AcmeRecords for MemoryStore {
    async fn account(&self, directory: &str) -> Result<Option<AcmeAccountRecord>, StoreError> {
        Ok(self.rows().acme_accounts.get(directory).cloned())
    }

    async fn keep_account(&self, account: AcmeAccountRecord) -> Result<(), StoreError> {
        let directory = account.directory.clone();
        self.rows().acme_accounts.insert(directory, account);
        Ok(())
    }

    async fn certificates(
        &self,
        directory: &str,
    ) -> Result<Vec<AcmeCertificateRecord>, StoreError> {
        let rows = self.rows();
        let all = rows.acme_certificates.values();
        let of_it = all.filter(|certificate| certificate.directory == directory);
        Ok(of_it.cloned().collect())
    }

    async fn keep_certificate(
        &self,
        certificate: AcmeCertificateRecord,
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let place = (certificate.directory.clone(), certificate.host.clone());
        let known = rows.acme_certificates.get(&place);
        if known.is_some_and(|known| known.obtained_at > certificate.obtained_at) {
            return Ok(false);
        }
        rows.acme_certificates.insert(place, certificate);
        Ok(true)
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        let certificates = &mut self.rows().acme_certificates;
        let all = certificates.len();
        certificates.retain(|_, certificate| certificate.not_after > before);
        Ok(u64::try_from(all - certificates.len()).unwrap_or(u64::MAX))
    }
}
