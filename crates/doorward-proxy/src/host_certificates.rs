//! Certificates by host, and the answers to an ACME authority's challenges (RFC 8737).
//!
//! A caller who names a host without a certificate is shown none: no other host's certificate
//! tells a stranger what is served here.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::tls::{Certificate, TlsError};

/// What a validating authority offers, and nothing else beside it (RFC 8737 section 6.2).
const ACME_TLS_1: &[u8] = b"acme-tls/1";

type ByHost<T> = ArcSwap<BTreeMap<Box<str>, Arc<T>>>;

/// The certificates of hosts, shared by listeners; may change while connections are open.
#[derive(Default)]
pub struct HostCertificates {
    shown: ByHost<CertifiedKey>,
    challenges: ByHost<ServerConfig>,
}

/// Answers the authority's challenge for one host until it is dropped.
pub struct ChallengeAnswer {
    hosts: Arc<HostCertificates>,
    host: Box<str>,
    config: Arc<ServerConfig>,
}

impl HostCertificates {
    /// None yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Shows a certificate to callers who name this host, from the next handshake on. The host is
    /// in lower case.
    ///
    /// # Errors
    /// [`TlsError::OtherName`] when the certificate is not for it; then the old one stays.
    pub fn show(&self, host: &str, certificate: &Certificate) -> Result<(), TlsError> {
        if !certificate.is_for_host(host) {
            return Err(TlsError::OtherName(host.to_owned()));
        }
        let key = Arc::clone(certificate.key());
        change(&self.shown, |shown| {
            shown.insert(host.into(), Arc::clone(&key));
        });
        Ok(())
    }

    /// Answers a challenge for a host with the SHA-256 of its key authorization (RFC 8737 section
    /// 3), in handshakes that serve nothing else.
    ///
    /// # Errors
    /// [`TlsError`] when no certificate can be made for it.
    pub fn answer_challenge(
        self: &Arc<Self>,
        host: &str,
        digest: &[u8; 32],
    ) -> Result<ChallengeAnswer, TlsError> {
        let config = Arc::new(challenge_config(host, digest)?);
        change(&self.challenges, |challenges| {
            challenges.insert(host.into(), Arc::clone(&config));
        });
        Ok(ChallengeAnswer {
            hosts: Arc::clone(self),
            host: host.into(),
            config,
        })
    }

    /// How to answer a handshake that validates a challenge; `None` for all others.
    pub(crate) fn challenge(&self, hello: &ClientHello<'_>) -> Option<Arc<ServerConfig>> {
        let mut offered = hello.alpn()?;
        // SECURITY: whoever offers HTTP beside it is a caller, and is never shown this.
        if offered.next() != Some(ACME_TLS_1) || offered.next().is_some() {
            return None;
        }
        self.challenges.load().get(hello.server_name()?).cloned()
    }
}

impl ResolvesServerCert for HostCertificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.shown.load().get(hello.server_name()?).cloned()
    }
}

impl fmt::Debug for HostCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostCertificates")
    }
}

impl Drop for ChallengeAnswer {
    fn drop(&mut self) {
        change(&self.hosts.challenges, |challenges| {
            // A newer answer for the same host stays.
            if challenges
                .get(&self.host)
                .is_some_and(|it| Arc::ptr_eq(it, &self.config))
            {
                challenges.remove(&self.host);
            }
        });
    }
}

/// Changes a map that is read without a lock.
fn change<T>(of: &ByHost<T>, change: impl Fn(&mut BTreeMap<Box<str>, Arc<T>>)) {
    of.rcu(|all| {
        let mut all = BTreeMap::clone(all);
        change(&mut all);
        all
    });
}

/// A TLS server that shows one certificate, and speaks nothing behind it.
fn challenge_config(host: &str, digest: &[u8; 32]) -> Result<ServerConfig, TlsError> {
    let made = |_| TlsError::Challenge(host.to_owned());
    let mut params = CertificateParams::new([host.to_owned()]).map_err(made)?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(made)?;
    let certificate = params.self_signed(&key).map_err(made)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let key = aws_lc_rs::sign::any_ecdsa_type(&key.into())?;
    // Not checked against each other: the library refuses to read the critical extension.
    let shown = CertifiedKey::new(vec![certificate.der().clone()], key);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
    config.alpn_protocols = vec![ACME_TLS_1.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
