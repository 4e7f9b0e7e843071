//! TLS towards callers: certificates that can be replaced while running.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{
    ClientHello, NoClientAuth, NoServerSessionStorage, ProducesTickets, ResolvesServerCert,
};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::client_auth::ClientAuth;

/// A certificate or key that cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// The certificate text holds no certificate.
    #[error("{0} holds no PEM certificate")]
    NoCertificate(String),
    /// The certificate text is not PEM, or a certificate in it is not DER.
    #[error("{0} is not a PEM certificate chain")]
    BadCertificate(String),
    /// The key text holds no private key.
    #[error("{0} holds no usable PEM private key")]
    BadKey(String),
    /// The key does not belong to the certificate.
    #[error("the private key {key} does not belong to the certificate {certificate}")]
    Mismatch {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
    },
    /// No certificate was given.
    #[error("no certificate is configured for the TLS listener")]
    Nothing,
    /// The TLS library refused the configuration.
    #[error("TLS cannot be configured: {0}")]
    Library(#[from] rustls::Error),
}

/// A certificate chain and its key, checked against each other.
#[derive(Clone)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
}

impl Certificate {
    /// Reads a chain and a key from two PEM files.
    ///
    /// # Errors
    /// [`TlsError`], naming the file.
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|cause| TlsError::Read {
                path: path.to_owned(),
                cause,
            })
        };
        let (chain_pem, key_pem) = (read(chain)?, read(key)?);
        Self::parse(
            &chain_pem,
            &key_pem,
            &chain.display().to_string(),
            &key.display().to_string(),
        )
    }

    /// Reads a chain and a key from PEM text.
    ///
    /// # Errors
    /// [`TlsError`] when one of them is empty or garbage, or they do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Self::parse(chain, key, "the certificate", "the key")
    }

    fn parse(chain: &[u8], key: &[u8], chain_at: &str, key_at: &str) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| TlsError::BadCertificate(chain_at.to_owned()))?;
        let leaf = chain
            .first()
            .ok_or_else(|| TlsError::NoCertificate(chain_at.to_owned()))?;
        if rustls::server::ParsedCertificate::try_from(leaf).is_err() {
            return Err(TlsError::BadCertificate(chain_at.to_owned()));
        }
        let bad_key = |_| TlsError::BadKey(key_at.to_owned());
        let key =
            PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::BadKey(key_at.to_owned()))?;
        let key = aws_lc_rs::sign::any_supported_type(&key).map_err(bad_key)?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                return Err(TlsError::Mismatch {
                    certificate: chain_at.to_owned(),
                    key: key_at.to_owned(),
                });
            }
            Err(_) => return Err(TlsError::BadCertificate(chain_at.to_owned())),
        }
        Ok(Self {
            key: Arc::new(certified),
        })
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}

/// A TLS server: which certificate is shown may change while connections are open.
pub struct TlsServer {
    shown: Arc<Shown>,
    ticketer: Arc<dyn ProducesTickets>,
    config: ArcSwap<ServerConfig>,
    asks_clients: bool,
    requires_clients: AtomicBool,
}

/// The certificates to choose from. The first is shown to callers who name no known host.
#[derive(Debug)]
struct Shown(ArcSwap<Vec<Certificate>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certificates = self.0.load();
        let named = hello.server_name().and_then(|name| {
            let name = rustls::pki_types::ServerName::try_from(name).ok()?;
            certificates
                .iter()
                .find(|certificate| certificate.is_for(&name))
        });
        named
            .or_else(|| certificates.first())
            .map(|certificate| Arc::clone(&certificate.key))
    }
}

impl Certificate {
    fn is_for(&self, name: &rustls::pki_types::ServerName<'_>) -> bool {
        self.key.cert.first().is_some_and(|leaf| {
            rustls::server::ParsedCertificate::try_from(leaf)
                .and_then(|parsed| rustls::client::verify_server_name(&parsed, name))
                .is_ok()
        })
    }
}

impl TlsServer {
    /// Makes a server for TLS 1.2 and 1.3 that offers HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    /// [`TlsError::Nothing`] when there is no certificate.
    pub fn new(certificates: Vec<Certificate>) -> Result<Self, TlsError> {
        Self::asking(certificates, None)
    }

    /// As [`TlsServer::new`], with callers asked for certificates.
    ///
    /// # Errors
    /// As [`TlsServer::new`].
    pub fn asking(
        certificates: Vec<Certificate>,
        clients: Option<ClientAuth>,
    ) -> Result<Self, TlsError> {
        if certificates.is_empty() {
            return Err(TlsError::Nothing);
        }
        let shown = Arc::new(Shown(ArcSwap::from_pointee(certificates)));
        // Resumption by tickets: no state here, and the keys are this process's own.
        let ticketer = aws_lc_rs::Ticketer::new()?;
        let config = configure(&shown, clients.as_ref(), &ticketer)?;
        Ok(Self {
            shown,
            ticketer,
            config: ArcSwap::from_pointee(config),
            asks_clients: clients.is_some(),
            requires_clients: AtomicBool::new(requires(clients.as_ref())),
        })
    }

    /// Shows other certificates, and lets others judge those of callers, from the next handshake
    /// on. Whether callers are asked for certificates stays as it is.
    ///
    /// # Errors
    /// [`TlsError::Nothing`] when there is none, or nobody to judge; then the old ones stay.
    pub fn replace(
        &self,
        certificates: Vec<Certificate>,
        clients: Option<ClientAuth>,
    ) -> Result<(), TlsError> {
        if certificates.is_empty() || clients.is_some() != self.asks_clients {
            return Err(TlsError::Nothing);
        }
        let config = configure(&self.shown, clients.as_ref(), &self.ticketer)?;
        self.shown.0.store(Arc::new(certificates));
        self.config.store(Arc::new(config));
        let required = requires(clients.as_ref());
        self.requires_clients.store(required, Ordering::Release);
        Ok(())
    }

    /// Tells whether callers are asked for certificates.
    pub(crate) const fn asks_clients(&self) -> bool {
        self.asks_clients
    }

    /// Tells whether there is no connection without a certificate.
    pub(crate) fn requires_clients(&self) -> bool {
        self.requires_clients.load(Ordering::Acquire)
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.config.load_full())
            .accept(stream)
            .await
    }
}

fn requires(clients: Option<&ClientAuth>) -> bool {
    clients.is_some_and(|clients| clients.required)
}

fn configure(
    shown: &Arc<Shown>,
    clients: Option<&ClientAuth>,
    ticketer: &Arc<dyn ProducesTickets>,
) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let resolver: Arc<dyn ResolvesServerCert> = Arc::<Shown>::clone(shown);
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    let mut config = match clients {
        Some(clients) => builder.with_client_cert_verifier(clients.verifier(algorithms)),
        None => builder.with_client_cert_verifier(Arc::new(NoClientAuth)),
    }
    .with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    // SECURITY: a resumed session does not verify the caller's certificate again, so where only
    // the handshake does, there is none.
    if !requires(clients) {
        config.ticketer = Arc::clone(ticketer);
    }
    Ok(config)
}
