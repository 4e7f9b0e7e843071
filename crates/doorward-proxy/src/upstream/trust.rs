//! Who may vouch for an upstream's certificate.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::{ClientIdentity, Protocol, UpstreamConfig, UpstreamError};

/// The certificate authorities that may vouch for an upstream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Roots {
    /// Those that the operating system trusts.
    System,
    /// Those in this PEM text, and no others.
    Pem(Vec<u8>),
}

/// Makes the TLS configuration towards an upstream. Certificates are always verified.
pub(super) fn client_config(wanted: &UpstreamConfig) -> Result<Arc<ClientConfig>, UpstreamError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(store(&wanted.roots)?);
    let mut config = match &wanted.identity {
        None => config.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = read(identity)?;
            config.with_client_auth_cert(chain, key)?
        }
    };
    config.alpn_protocols = match wanted.protocol {
        Protocol::Http1 => vec![b"http/1.1".to_vec()],
        Protocol::Http2 => vec![b"h2".to_vec()],
        Protocol::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    Ok(Arc::new(config))
}

/// Reads what the door shows to upstreams that ask.
fn read(
    identity: &ClientIdentity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), UpstreamError> {
    let bad = |text: String| UpstreamError::Identity(text);
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&identity.chain).collect();
    let chain = chain.map_err(|error| bad(error.to_string()))?;
    if chain.is_empty() {
        return Err(bad("no PEM certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(&identity.key)
        .map_err(|_| bad("no PEM private key".to_owned()))?;
    Ok((chain, key))
}

fn store(roots: &Roots) -> Result<RootCertStore, UpstreamError> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::System => {
            let native = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(native.certs);
            if store.is_empty() {
                return Err(UpstreamError::Roots(
                    "the operating system has none".to_owned(),
                ));
            }
        }
        Roots::Pem(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|e| UpstreamError::Roots(e.to_string()))?;
                store
                    .add(certificate)
                    .map_err(|e| UpstreamError::Roots(e.to_string()))?;
            }
            if store.is_empty() {
                return Err(UpstreamError::Roots("no PEM certificate".to_owned()));
            }
        }
    }
    Ok(store)
}
