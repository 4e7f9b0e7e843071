//! Asking an authority for a certificate of our own (RFC 2986, RFC 8555 section 7.4).

use doorward_core::{Entropy, Secret};
use rcgen::{CertificateParams, DistinguishedName};

use super::authority::{IssueError, new_key};

/// A new key, and the request for a certificate that belongs to it.
pub struct CertificateRequest {
    /// The request, as DER.
    pub der: Vec<u8>,
    /// The private key, as DER (PKCS#8).
    pub key: Secret<Vec<u8>>,
}

/// Draws a P-256 key and asks for one DNS name with it, and for nothing else.
///
/// # Errors
/// [`IssueError`] when the name cannot stand in a certificate, or the library fails.
pub fn certificate_request(
    host: &str,
    entropy: &dyn Entropy,
) -> Result<CertificateRequest, IssueError> {
    let key = new_key(entropy)?;
    let mut params = CertificateParams::new([host.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key)?;
    Ok(CertificateRequest {
        der: request.der().to_vec(),
        key: Secret::new(key.serialize_der()),
    })
}

#[cfg(test)]
mod tests {
    use super::certificate_request;
    use crate::entropy::OsEntropy;

    #[test]
    fn a_request_has_the_name_and_its_own_key() {
        let entropy = OsEntropy::new();
        let first = certificate_request("api.example.com", &entropy).unwrap();
        let holds = |der: &[u8], part: &[u8]| der.windows(part.len()).any(|at| at == part);
        assert!(holds(&first.der, b"api.example.com"));
        let key = crate::proof::authority::key_pair(first.key.expose()).unwrap();
        assert!(holds(&first.der, key.public_key_raw()));
        let second = certificate_request("api.example.com", &entropy).unwrap();
        assert_ne!(first.key.expose(), second.key.expose());
        assert!(certificate_request("\u{e9}.example", &entropy).is_err());
    }
}
