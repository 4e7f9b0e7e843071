//! Certificates that were obtained, and how they are kept.

use doorward_core::verified::Validity;
use doorward_core::{Entropy, Secret, Timestamp};
use doorward_crypto::proof::certificate::Certificate as Read;
use doorward_crypto::seal::SealingKey;
use doorward_proxy::Certificate;
use doorward_store::AcmeCertificateRecord;

use super::failure::Failure;

/// The longest chain, in bytes of PEM.
const MAX_CHAIN: usize = 64 * 1024;

/// What an order brought.
pub(super) struct Obtained {
    /// The certificate and those of the authorities above it, PEM.
    pub(super) chain: String,
    /// The private key, DER (PKCS#8).
    pub(super) key: Secret<Vec<u8>>,
}

/// A certificate that can be shown: it belongs to its key.
pub(super) struct Kept {
    certificate: Certificate,
    validity: Validity,
}

impl Kept {
    /// Reads what an authority gave just now.
    pub(super) fn read(host: &str, obtained: &Obtained, now: Timestamp) -> Result<Self, Failure> {
        let kept = Self::read_any(host, obtained).map_err(Failure::ordered)?;
        if kept.validity.not_after <= now {
            let text = format!(
                "the certificate that came ended {}; is this machine's clock right?",
                kept.validity.not_after
            );
            return Err(Failure::before(text).ordered());
        }
        Ok(kept)
    }

    /// Reads a certificate that may be over.
    pub(super) fn read_any(host: &str, obtained: &Obtained) -> Result<Self, Failure> {
        if obtained.chain.len() > MAX_CHAIN {
            return Err(Failure::before("the chain of certificates is too long"));
        }
        let chain = obtained.chain.as_bytes();
        let certificate = Certificate::from_pem_and_pkcs8(chain, obtained.key.expose())?;
        if !certificate.is_for_host(host) {
            return Err(Failure::before(format!(
                "the certificate is not for {host}"
            )));
        }
        let read = Read::parse(certificate.leaf()).map_err(Failure::before)?;
        Ok(Self {
            validity: read.validity,
            certificate,
        })
    }

    /// The certificate.
    pub(super) const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The certificate itself, as DER.
    pub(super) fn leaf(&self) -> &[u8] {
        self.certificate.leaf()
    }

    /// From when to when it is good.
    pub(super) const fn validity(&self) -> Validity {
        self.validity
    }
}

/// The record of a certificate, its key sealed for this directory and host only.
pub(super) fn record(
    (directory, host): (&str, &str),
    obtained: &Obtained,
    kept: &Kept,
    (sealing, entropy, now): (&SealingKey, &dyn Entropy, Timestamp),
) -> Result<AcmeCertificateRecord, Failure> {
    let sealed = sealing.seal(&context(directory, host), obtained.key.expose(), entropy)?;
    Ok(AcmeCertificateRecord {
        directory: directory.to_owned(),
        host: host.to_owned(),
        chain: obtained.chain.clone(),
        sealed,
        not_before: kept.validity.not_before,
        not_after: kept.validity.not_after,
        obtained_at: now,
    })
}

/// Opens a record.
pub(super) fn open(
    sealing: &SealingKey,
    record: &AcmeCertificateRecord,
) -> Result<Obtained, Failure> {
    let key = sealing.open(&context(&record.directory, &record.host), &record.sealed)?;
    Ok(Obtained {
        chain: record.chain.clone(),
        key,
    })
}

fn context(directory: &str, host: &str) -> String {
    format!("acme-certificate\0{directory}\0{host}")
}
