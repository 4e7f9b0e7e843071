use std::path::PathBuf;
use std::sync::Arc;

use doorward_proxy::{Certificate, LocalCa, Roots, TlsError, TlsServer, UpstreamConfig};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::harness::*;

struct Folder(PathBuf);
impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("doorward-{name}-{}", std::process::id()));
        let _gone = std::fs::remove_dir_all(&path);
        Self(path)
    }
}
impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

/// A self-signed certificate and its key, as PEM.
fn self_signed(name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// Calls over TLS, trusting `ca`; returns the answer and the certificate that was shown.
async fn call(
    proxy: &Proxy,
    ca: &str,
    name: &str,
    alpn: &[&[u8]],
) -> std::io::Result<(String, Option<Vec<u8>>, Vec<u8>)> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TlsConnector::from(Arc::new(config));
    let mut stream = stream.connect(name, proxy.connect().await).await?;
    let (chosen, shown) = {
        let state = stream.get_ref().1;
        let shown = state.peer_certificates().unwrap()[0].to_vec();
        (state.alpn_protocol().map(<[u8]>::to_vec), shown)
    };
    let ask = "GET /guarded HTTP/1.1\r\nHost: a\r\nX-API-Key: good\r\nConnection: close\r\n\r\n";
    stream.write_all(ask.as_bytes()).await?;
    let mut answer = Vec::new();
    let _end = stream.read_to_end(&mut answer).await;
    Ok((String::from_utf8_lossy(&answer).into_owned(), chosen, shown))
}

#[tokio::test]
async fn tls_ends_here_and_the_local_ca_is_trusted_by_name() {
    let folder = Folder::new("tls");
    let ca = LocalCa::open(&folder.0, &Fixed).unwrap();
    let pem = std::fs::read_to_string(ca.certificate_file()).unwrap();
    let behind = echo().await;
    let mut setup = Setup::to(behind.address);
    let now = Live;
    let certificate = ca.certificate(&["api.test"], &now).unwrap();
    setup.tls = Some(Arc::new(TlsServer::new(vec![certificate]).unwrap()));
    let proxy = setup.start();
    for name in ["localhost", "127.0.0.1", "::1", "api.test"] {
        let (answer, chosen, _) = call(&proxy, &pem, name, &[b"http/1.1"]).await.unwrap();
        assert_eq!(status(&answer), 200, "{name}: {answer}");
        assert_eq!(values(body(&answer), "x-forwarded-proto"), ["https"]);
        assert_eq!(chosen.as_deref(), Some(&b"http/1.1"[..]));
    }
    let (_, chosen, _) = call(&proxy, &pem, "localhost", &[b"h2", b"http/1.1"])
        .await
        .unwrap();
    assert_eq!(chosen.as_deref(), Some(&b"h2"[..]));
    assert!(call(&proxy, &pem, "other.test", &[]).await.is_err());
    // Plain HTTP on a TLS listener gets no answer.
    assert!(!proxy.get("/public", "").await.contains("HTTP/1.1 200"));
}

/// The machine's clock, for certificates that a real client checks.
struct Live;
impl doorward_core::Clock for Live {
    fn now(&self) -> doorward_core::Timestamp {
        let since = std::fs::metadata("/proc/self").unwrap().modified().unwrap();
        let since = since.duration_since(std::time::UNIX_EPOCH).unwrap();
        doorward_core::Timestamp::from_secs(since.as_secs().try_into().unwrap())
    }
    fn monotonic_micros(&self) -> u64 {
        0
    }
}

#[tokio::test]
async fn certificates_are_replaced_while_running_and_chosen_by_name() {
    let (first, second) = (self_signed("a.test"), self_signed("b.test"));
    let load = |pair: &(String, String)| {
        Certificate::from_pem(pair.0.as_bytes(), pair.1.as_bytes()).unwrap()
    };
    let server = Arc::new(TlsServer::new(vec![load(&first), load(&second)]).unwrap());
    let behind = echo().await;
    let mut setup = Setup::to(behind.address);
    setup.tls = Some(Arc::clone(&server));
    let proxy = setup.start();
    let a = call(&proxy, &first.0, "a.test", &[]).await.unwrap().2;
    let b = call(&proxy, &second.0, "b.test", &[]).await.unwrap().2;
    assert_ne!(a, b);
    let third = self_signed("a.test");
    server.replace(vec![load(&third)], None).unwrap();
    let replaced = call(&proxy, &third.0, "a.test", &[]).await.unwrap().2;
    assert_ne!(replaced, a);
    assert!(matches!(
        server.replace(Vec::new(), None),
        Err(TlsError::Nothing)
    ));
    call(&proxy, &third.0, "a.test", &[]).await.unwrap();
}

#[test]
fn wrong_certificates_are_named() {
    let (one, two) = (self_signed("a.test"), self_signed("a.test"));
    let load = |chain: &str, key: &str| {
        Certificate::from_pem(chain.as_bytes(), key.as_bytes())
            .err()
            .map(|e| e.to_string())
    };
    assert_eq!(load(&one.0, &one.1), None);
    for (chain, key, said) in [
        (&*one.0, &*two.1, "does not belong"),
        ("", &one.1, "holds no PEM certificate"),
        ("garbage", &one.1, "holds no PEM certificate"),
        (&one.1, &one.1, "holds no PEM certificate"),
        (&one.0, "", "no usable PEM private key"),
        (&one.0, &one.0, "no usable PEM private key"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            &one.1,
            "not a PEM certificate chain",
        ),
    ] {
        let error = load(chain, key).expect("accepted");
        assert!(error.contains(said), "{said}: {error}");
    }
    let missing = Certificate::from_files("/nowhere/a.pem".as_ref(), "/nowhere/a.key".as_ref());
    assert!(
        missing
            .err()
            .unwrap()
            .to_string()
            .contains("/nowhere/a.pem")
    );
}

#[tokio::test]
async fn r111_the_upstreams_certificate_is_verified() {
    let (good, other) = (self_signed("localhost"), self_signed("localhost"));
    let (wrong_name, pair) = (self_signed("other.test"), |p: &(String, String)| {
        Certificate::from_pem(p.0.as_bytes(), p.1.as_bytes()).unwrap()
    });
    for (shown, trusted, expected) in [
        (&good, &good.0, 200),
        (&good, &other.0, 502),
        (&wrong_name, &wrong_name.0, 502),
    ] {
        // The upstream is another proxy with TLS, in front of an echo.
        let behind = echo().await;
        let mut inner = Setup::to(behind.address);
        inner.tls = Some(Arc::new(TlsServer::new(vec![pair(shown)]).unwrap()));
        let inner = inner.start();
        for protocol in [
            doorward_proxy::Protocol::Http1,
            doorward_proxy::Protocol::Http2,
            doorward_proxy::Protocol::Auto,
        ] {
            let mut setup = Setup::to(behind.address);
            setup.upstream =
                UpstreamConfig::new(format!("https://localhost:{}", inner.address.port()));
            setup.upstream.roots = Roots::Pem(trusted.clone().into_bytes());
            setup.upstream.protocol = protocol;
            let proxy = setup.start();
            for _ in 0..2 {
                let answer = proxy.get("/public", "").await;
                assert_eq!(status(&answer), expected, "{protocol:?} {answer}");
            }
        }
    }
}
