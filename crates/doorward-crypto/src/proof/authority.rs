//! Our own authority for client certificates (RFC 5280): makes them, and nothing else.

use std::time::Duration;

use doorward_core::{Entropy, Secret, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SerialNumber, date_time_ymd,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use thiserror::Error;

use crate::jose::sign::draw_pkcs8;
use crate::seal::{SealError, SealingKey};

/// How long the authority's own certificate lives.
const AUTHORITY_LIFE: Duration = Duration::from_secs(3650 * 86_400);
/// A clock may be a little behind.
const EARLY: Duration = Duration::from_secs(300);
const NAME: &str = "Doorward client CA";
/// What its key is sealed for.
const CONTEXT: &str = "client-ca";
/// The longest common name (RFC 5280 appendix A.1, `ub-common-name`).
const MAX_COMMON_NAME: usize = 64;

/// Why no certificate can be made.
#[derive(Debug, Error)]
pub enum IssueError {
    /// The sealed key can't be opened.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// The key and the authority's certificate don't belong together, or are none.
    #[error("the key of the client CA is not the one that it should be")]
    NotThisKey,
    /// The library refused.
    #[error("a certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
}

/// An authority that can issue.
pub struct IssuingAuthority {
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate that was just made. Its key is not kept anywhere else.
pub struct MadeCertificate {
    /// The certificate, as DER.
    pub der: Vec<u8>,
    /// The certificate, as PEM.
    pub pem: String,
    /// The private key, as PEM (PKCS#8).
    pub key_pem: Secret<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl IssuingAuthority {
    /// Makes an authority; its own certificate as DER, and when that ends.
    ///
    /// # Errors
    /// [`IssueError`] when the cryptographic library fails.
    pub fn generate(
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<(Self, Vec<u8>, Timestamp), IssueError> {
        let key = new_key(entropy)?;
        let mut params = authority();
        params.serial_number = Some(serial(entropy));
        let expires_at = set_life(&mut params, now, AUTHORITY_LIFE);
        let certificate = params.self_signed(&key)?.der().to_vec();
        let issuer = Issuer::new(authority(), key);
        Ok((Self { issuer }, certificate, expires_at))
    }

    /// Seals the private key for storage.
    ///
    /// # Errors
    /// [`IssueError::Sealed`] when the cryptographic library fails.
    pub fn seal(&self, sealing: &SealingKey, entropy: &dyn Entropy) -> Result<Vec<u8>, IssueError> {
        let der = Secret::new(self.issuer.key().serialize_der());
        Ok(sealing.seal(CONTEXT, der.expose(), entropy)?)
    }

    /// Opens what [`IssuingAuthority::seal`] sealed.
    ///
    /// # Errors
    /// [`IssueError`] when the sealing key is another, the bytes changed, or the certificate is
    /// not of this key.
    pub fn unseal(
        sealing: &SealingKey,
        certificate: &[u8],
        sealed: &[u8],
    ) -> Result<Self, IssueError> {
        let der = sealing.open(CONTEXT, sealed)?;
        let key = key_pair(der.expose())?;
        let certificate = certificate.into();
        let anchor = webpki::anchor_from_trusted_cert(&certificate);
        let anchor = anchor.map_err(|_| IssueError::NotThisKey)?;
        // SECURITY: an edited database must not make us sign for another authority's name.
        let public = key.public_key_raw();
        let ours = anchor
            .subject_public_key_info
            .as_ref()
            .windows(public.len())
            .any(|window| window == public);
        if !ours {
            return Err(IssueError::NotThisKey);
        }
        let issuer = Issuer::new(authority(), key);
        Ok(Self { issuer })
    }

    /// Makes a key and a client's certificate for it.
    ///
    /// # Errors
    /// [`IssueError`] when the cryptographic library fails.
    pub fn issue(
        &self,
        name: &str,
        life: Duration,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<MadeCertificate, IssueError> {
        let key = new_key(entropy)?;
        let mut params = CertificateParams::default();
        let short = (0..=MAX_COMMON_NAME.min(name.len()))
            .rev()
            .find_map(|end| name.get(..end));
        params.distinguished_name = named(short.unwrap_or_default());
        params.serial_number = Some(serial(entropy));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        let expires_at = set_life(&mut params, now, life);
        let made = params.signed_by(&key, &self.issuer)?;
        Ok(MadeCertificate {
            der: made.der().to_vec(),
            pem: made.pem(),
            key_pem: Secret::new(key.serialize_pem()),
            expires_at,
        })
    }
}

/// A certificate as PEM (RFC 7468).
#[must_use]
pub fn to_pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

pub(super) fn new_key(entropy: &dyn Entropy) -> Result<KeyPair, IssueError> {
    let der = draw_pkcs8(entropy).ok_or(IssueError::NotThisKey)?;
    key_pair(der.expose())
}

pub(crate) fn key_pair(pkcs8: &[u8]) -> Result<KeyPair, IssueError> {
    let der = PrivatePkcs8KeyDer::from(pkcs8.to_vec());
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ECDSA_P256_SHA256)
        .map_err(|_| IssueError::NotThisKey)
}

/// What the authority's own certificate says, but for its times.
fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// A positive serial number of 16 bytes (RFC 5280 section 4.1.2.2).
fn serial(entropy: &dyn Entropy) -> SerialNumber {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    if let Some(first) = bytes.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    SerialNumber::from(bytes.to_vec())
}

/// Sets whole seconds; returns the end as the certificate has it.
fn set_life(params: &mut CertificateParams, now: Timestamp, life: Duration) -> Timestamp {
    let epoch = date_time_ymd(1970, 1, 1);
    let since = |at: Timestamp| at.since(Timestamp::from_millis(0));
    let now = Timestamp::from_secs(now.secs());
    let end = now.plus(life);
    params.not_before = epoch + since(now.minus(EARLY));
    params.not_after = epoch + since(end);
    end
}

#[cfg(test)]
mod tests {
    use super::{IssuingAuthority, to_pem};
    use crate::entropy::OsEntropy;
    use crate::proof::chain::Authority;
    use crate::seal::SealingKey;
    use doorward_core::{Secret, Timestamp};
    use std::time::Duration;

    #[test]
    fn the_authority_survives_sealing_and_its_certificates_are_vouched_for() {
        let entropy = OsEntropy::new();
        let now = Timestamp::from_secs(1_790_000_000);
        let (made, certificate, _) = IssuingAuthority::generate(now, &entropy).unwrap();
        let sealing = SealingKey::new(&Secret::new([7; 32])).unwrap();
        let sealed = made.seal(&sealing, &entropy).unwrap();
        let opened = IssuingAuthority::unseal(&sealing, &certificate, &sealed).unwrap();
        let hour = Duration::from_secs(3600);
        let leaf = opened.issue("billing", hour, now, &entropy).unwrap();
        assert!(leaf.key_pem.expose().contains("PRIVATE KEY"));
        assert_eq!(
            to_pem(&leaf.der).replace('\n', ""),
            leaf.pem.replace(['\r', '\n'], "")
        );
        let authority = Authority::from_pem("self", to_pem(&certificate).as_bytes()).unwrap();
        let vouched = authority.vouch(&[&leaf.der], now).unwrap();
        let end = now.plus(hour + Duration::from_secs(1));
        assert_eq!(vouched.validity.not_after, end);
        assert!(vouched.validity.not_before < now);
        // Another authority's certificate or another sealing key opens nothing.
        let (_, other, _) = IssuingAuthority::generate(now, &entropy).unwrap();
        assert!(IssuingAuthority::unseal(&sealing, &other, &sealed).is_err());
        let wrong = SealingKey::new(&Secret::new([8; 32])).unwrap();
        assert!(IssuingAuthority::unseal(&wrong, &certificate, &sealed).is_err());
        assert!(authority.vouch(&[&other], now).is_err());
    }
}
