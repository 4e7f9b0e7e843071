//! Handshakes with a door, and what was seen in them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned,
};

/// A connection after its handshake.
pub(super) struct Seen {
    /// The certificate of the door.
    pub(super) leaf: Vec<u8>,
    /// The protocol that was agreed on.
    pub(super) protocol: String,
    stream: StreamOwned<ClientConnection, TcpStream>,
}

impl Seen {
    /// Sends bytes and reads to the end, or to what the door sends first.
    pub(super) fn say(&mut self, bytes: &[u8]) -> Vec<u8> {
        let _sent = self.stream.write_all(bytes);
        let mut answer = vec![0; 4096];
        let length = self.stream.read(&mut answer).unwrap_or(0);
        answer.truncate(length);
        answer
    }
}

/// Shakes hands as a caller who trusts this root, PEM.
pub(super) fn shake(root: &str, port: u16, host: &str) -> Result<Seen, String> {
    let mut roots = RootCertStore::empty();
    for der in CertificateDer::pem_slice_iter(root.as_bytes()) {
        roots.add(der.unwrap()).unwrap();
    }
    let mut config = builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    connect(config, port, Some(host))
}

/// Shakes hands as a validating authority, or as one who poses as it: any certificate will do.
pub(super) fn validate(port: u16, host: Option<&str>, offered: &[&str]) -> Result<Seen, String> {
    let mut config = builder()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Any))
        .with_no_client_auth();
    config.alpn_protocols = offered
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    connect(config, port, host)
}

fn builder() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    builder.with_safe_default_protocol_versions().unwrap()
}

fn connect(mut config: ClientConfig, port: u16, host: Option<&str>) -> Result<Seen, String> {
    config.enable_sni = host.is_some();
    let name = host.unwrap_or("nobody.example").to_owned();
    let name = ServerName::try_from(name).unwrap();
    let tls = ClientConnection::new(Arc::new(config), name).unwrap();
    let tcp = TcpStream::connect(("127.0.0.1", port)).map_err(|e| e.to_string())?;
    tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut stream = StreamOwned::new(tls, tcp);
    while stream.conn.is_handshaking() {
        let StreamOwned { conn, sock } = &mut stream;
        conn.complete_io(sock).map_err(|e| e.to_string())?;
    }
    let protocol = stream.conn.alpn_protocol().unwrap_or_default();
    Ok(Seen {
        protocol: String::from_utf8_lossy(protocol).into_owned(),
        leaf: stream.conn.peer_certificates().unwrap()[0].to_vec(),
        stream,
    })
}

/// Takes any certificate.
#[derive(Debug)]
struct Any;

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
