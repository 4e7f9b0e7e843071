//! TLS towards callers: certificates that can be replaced while running.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{
    Acceptor, ClientHello, NoClientAuth, NoServerSessionStorage, ProducesTickets,
    ResolvesServerCert,
};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use crate::client_auth::ClientAuth;
use crate::host_certificates::HostCertificates;

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
    /// The certificate is for other names.
    #[error("the certificate is not for {0}")]
    OtherName(String),
    /// A challenge's certificate could not be made.
    #[error("the answer to the challenge for {0} could not be made")]
    Challenge(String),
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

    /// Reads a chain from PEM text, and its key from DER (PKCS#8).
    ///
    /// # Errors
    /// As [`Certificate::from_pem`].
    pub fn from_pem_and_pkcs8(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let key = PrivatePkcs8KeyDer::from(key.to_vec());
        Self::pair(chain, &key.into(), "the certificate", "the key")
    }

    /// The certificate itself, as DER, without those of the authorities above it.
    #[must_use]
    pub fn leaf(&self) -> &[u8] {
        self.key.cert.first().map_or(&[], |leaf| leaf.as_ref())
    }

    fn parse(chain: &[u8], key: &[u8], chain_at: &str, key_at: &str) -> Result<Self, TlsError> {
        let key =
            PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::BadKey(key_at.to_owned()));
        match key {
            Ok(key) => Self::pair(chain, &key, chain_at, key_at),
            // What is wrong with the chain is told first.
            Err(error) => read_chain(chain, chain_at).and(Err(error)),
        }
    }

    fn pair(
        chain: &[u8],
        key: &PrivateKeyDer<'_>,
        chain_at: &str,
        key_at: &str,
    ) -> Result<Self, TlsError> {
        let chain = read_chain(chain, chain_at)?;
        let bad_key = |_| TlsError::BadKey(key_at.to_owned());
        let key = aws_lc_rs::sign::any_supported_type(key).map_err(bad_key)?;
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

fn read_chain(chain: &[u8], chain_at: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| TlsError::BadCertificate(chain_at.to_owned()))?;
    let leaf = chain
        .first()
        .ok_or_else(|| TlsError::NoCertificate(chain_at.to_owned()))?;
    if rustls::server::ParsedCertificate::try_from(leaf).is_err() {
        return Err(TlsError::BadCertificate(chain_at.to_owned()));
    }
    Ok(chain)
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}

/// A TLS server: which certificate is shown may change while connections are open.
pub struct TlsServer {
    shown: Source,
    ticketer: Arc<dyn ProducesTickets>,
    config: ArcSwap<ServerConfig>,
    asks_clients: bool,
    requires_clients: AtomicBool,
}

/// Where certificates come from.
enum Source {
    /// Those that were given.
    Given(Arc<Shown>),
    /// Those of hosts.
    Hosts(Arc<HostCertificates>),
}

impl Source {
    fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        match self {
            Self::Given(shown) => Arc::<Shown>::clone(shown),
            Self::Hosts(hosts) => Arc::<HostCertificates>::clone(hosts),
        }
    }
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
    /// The chain and its key.
    pub(crate) const fn key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }

    /// Tells whether it is for a host.
    #[must_use]
    pub fn is_for_host(&self, host: &str) -> bool {
        rustls::pki_types::ServerName::try_from(host).is_ok_and(|name| self.is_for(&name))
    }

    /// Tells whether it is for a name.
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
        Self::showing(Source::Given(shown), clients)
    }

    /// Makes a server that shows the certificates of hosts, now and as they change, and answers
    /// the challenges for them.
    ///
    /// # Errors
    /// [`TlsError::Library`].
    pub fn by_host(
        hosts: &Arc<HostCertificates>,
        clients: Option<ClientAuth>,
    ) -> Result<Self, TlsError> {
        Self::showing(Source::Hosts(Arc::clone(hosts)), clients)
    }

    fn showing(shown: Source, clients: Option<ClientAuth>) -> Result<Self, TlsError> {
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
    /// on. Whether callers are asked for certificates stays as it is. A server that shows the
    /// certificates of hosts takes none here.
    ///
    /// # Errors
    /// [`TlsError::Nothing`] when there is none, or nobody to judge; then the old ones stay.
    pub fn replace(
        &self,
        certificates: Vec<Certificate>,
        clients: Option<ClientAuth>,
    ) -> Result<(), TlsError> {
        let by_host = matches!(self.shown, Source::Hosts(_));
        if certificates.is_empty() != by_host || clients.is_some() != self.asks_clients {
            return Err(TlsError::Nothing);
        }
        let config = configure(&self.shown, clients.as_ref(), &self.ticketer)?;
        if let Source::Given(shown) = &self.shown {
            shown.0.store(Arc::new(certificates));
        }
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

    /// Shakes hands with a caller; `None` where it was an authority that wanted to see the answer
    /// to its challenge, and has seen it.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> std::io::Result<Option<TlsStream<TcpStream>>> {
        let Source::Hosts(hosts) = &self.shown else {
            let acceptor = TlsAcceptor::from(self.config.load_full());
            return acceptor.accept(stream).await.map(Some);
        };
        let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let Some(challenge) = hosts.challenge(&begun.client_hello()) else {
            return begun.into_stream(self.config.load_full()).await.map(Some);
        };
        // SECURITY: nobody who came for a challenge gets to speak HTTP.
        let mut stream = begun.into_stream(challenge).await?;
        stream.shutdown().await?;
        Ok(None)
    }
}

fn requires(clients: Option<&ClientAuth>) -> bool {
    clients.is_some_and(|clients| clients.required)
}

fn configure(
    shown: &Source,
    clients: Option<&ClientAuth>,
    ticketer: &Arc<dyn ProducesTickets>,
) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    let mut config = match clients {
        Some(clients) => builder.with_client_cert_verifier(clients.verifier(algorithms)),
        None => builder.with_client_cert_verifier(Arc::new(NoClientAuth)),
    }
    .with_cert_resolver(shown.resolver());
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
