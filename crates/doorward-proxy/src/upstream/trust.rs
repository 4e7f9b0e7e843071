//! Who may vouch for an upstream's certificate.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::{Protocol, UpstreamError};

/// The certificate authorities that may vouch for an upstream.
#[derive(Clone, Debug)]
pub enum Roots {
    /// Those that the operating system trusts.
    System,
    /// Those in this PEM text, and no others.
    Pem(Vec<u8>),
}

/// Makes the TLS configuration towards an upstream. Certificates are always verified.
pub(super) fn client_config(
    roots: &Roots,
    protocol: Protocol,
) -> Result<Arc<ClientConfig>, UpstreamError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(store(roots)?)
        .with_no_client_auth();
    config.alpn_protocols = match protocol {
        Protocol::Http1 => vec![b"http/1.1".to_vec()],
        Protocol::Http2 => vec![b"h2".to_vec()],
        Protocol::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    Ok(Arc::new(config))
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
