//! Authorities and certificates, made by rcgen; and a door that knows them.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::curl::{self, Answer};
use crate::door::{Door, Home};
use crate::mint::now;
use crate::peer::{header, read_head};

/// An authority.
pub(crate) struct Ca {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
pub(crate) struct Pair {
    pub(crate) cert: String,
    pub(crate) key: String,
    pub(crate) der: Vec<u8>,
}

fn moment(days: i64) -> rcgen::CertificateParams {
    let mut params = CertificateParams::default();
    let epoch = date_time_ymd(1970, 1, 1);
    let at = |seconds: i64| epoch + std::time::Duration::from_secs(u64::try_from(seconds).unwrap());
    params.not_before = at(now() - 86_400);
    params.not_after = at(now() + days * 86_400);
    params
}

impl Ca {
    /// Makes one.
    pub(crate) fn new(name: &str) -> Self {
        let mut params = moment(300);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// A client's certificate; the first byte of its serial number is given.
    pub(crate) fn leaf(&self, serial: u8, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let mut params = moment(30);
        params.distinguished_name.push(DnType::CommonName, "client");
        params.serial_number = Some(SerialNumber::from(vec![serial, 7, 7]));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pair {
            cert: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().to_vec(),
        }
    }

    /// A client's certificate with one URI.
    pub(crate) fn uri(&self, uri: &str) -> Pair {
        self.leaf(1, |params| params.subject_alt_names = vec![san_uri(uri)])
    }

    /// A certificate whose names are these bytes, with tags of their kinds.
    pub(crate) fn raw(&self, names: &[(u8, &[u8])]) -> Pair {
        let mut content = Vec::new();
        for (tag, text) in names {
            content.extend([*tag, u8::try_from(text.len()).unwrap()]);
            content.extend(*text);
        }
        let mut der = vec![0x30, u8::try_from(content.len()).unwrap()];
        der.extend(content);
        let extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], der);
        self.leaf(1, |params| params.custom_extensions = vec![extension])
    }

    /// A revocation list; the next one is due in these seconds.
    pub(crate) fn list(&self, revoked: &[u8], due: i64) -> String {
        let epoch = date_time_ymd(1970, 1, 1);
        let at = |seconds: i64| {
            epoch + std::time::Duration::from_secs(u64::try_from(now() + seconds).unwrap())
        };
        let revoke = |serial: &u8| RevokedCertParams {
            serial_number: SerialNumber::from(vec![*serial, 7, 7]),
            revocation_time: at(-60),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: at(-7200),
            next_update: at(due),
            crl_number: SerialNumber::from(vec![1]),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(revoke).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// A URI as a name.
pub(crate) fn san_uri(uri: &str) -> SanType {
    SanType::URI(uri.try_into().unwrap())
}

/// A DNS name.
pub(crate) fn san_dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

/// A moment, in days from now.
pub(crate) fn in_days(days: i64) -> impl Fn(&mut CertificateParams) {
    move |params| {
        let other = moment(days.max(0));
        if days < 0 {
            let epoch = date_time_ymd(1970, 1, 1);
            let at = |days: i64| {
                let seconds = u64::try_from(now() + days * 86_400).unwrap();
                epoch + std::time::Duration::from_secs(seconds)
            };
            params.not_before = at(days - 1);
            params.not_after = at(days);
        } else {
            params.not_before = other.not_after;
        }
    }
}

impl Pair {
    /// Writes both files and returns the arguments for curl.
    pub(crate) fn args(&self, home: &Home, name: &str) -> Vec<String> {
        let (cert, key) = (format!("{name}.pem"), format!("{name}.key"));
        home.write(&cert, &self.cert);
        home.write(&key, &self.key);
        let path = |name: &str| home.path(name).display().to_string();
        vec!["--cert".into(), path(&cert), "--key".into(), path(&key)]
    }
}

/// Calls with a certificate and more arguments.
pub(crate) fn call(door: &Door, path: &str, pair: &Pair, more: &[&str]) -> Answer {
    try_call(door, path, pair, more).unwrap()
}

/// As [`call`], where there may be no answer.
pub(crate) fn try_call(
    door: &Door,
    path: &str,
    pair: &Pair,
    more: &[&str],
) -> Result<Answer, String> {
    let args = pair.args(door, "caller");
    let args: Vec<&str> = args
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect();
    door.try_curl(path, &args)
}

/// The reason in the record of a refusal.
pub(crate) fn reason(door: &Door, answer: &Answer) -> String {
    let record = door.decision(&answer.decision_id());
    record["reason"].as_str().unwrap_or_default().to_owned()
}

/// Runs curl against an address.
pub(crate) fn curl(ca: Option<&Path>, args: &[&str]) -> Result<Answer, String> {
    let mut curl = curl::command(ca);
    curl.args(args);
    curl::run(curl)
}

/// Connections of a client that keeps them open and resumes its sessions.
pub(crate) struct Client {
    config: Arc<ClientConfig>,
    port: u16,
}

impl Client {
    /// A client with a certificate.
    pub(crate) fn new(door: &Door, pair: &Pair) -> Self {
        let mut roots = RootCertStore::empty();
        let ca = std::fs::read(door.ca()).unwrap();
        for der in CertificateDer::pem_slice_iter(&ca) {
            roots.add(der.unwrap()).unwrap();
        }
        let chain = CertificateDer::pem_slice_iter(pair.cert.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .unwrap();
        Self {
            config: Arc::new(config),
            port: door.port("main"),
        }
    }

    /// Opens a connection.
    pub(crate) fn open(&self) -> Open {
        let name = "localhost".try_into().unwrap();
        let tls = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        let tcp = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        tcp.set_read_timeout(Some(std::time::Duration::from_secs(30)))
            .unwrap();
        Open(BufReader::new(StreamOwned::new(tls, tcp)))
    }
}

/// An open connection.
pub(crate) struct Open(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Open {
    /// A connection with a certificate.
    pub(crate) fn new(door: &Door, pair: &Pair) -> Self {
        Client::new(door, pair).open()
    }

    /// The status of a call.
    pub(crate) fn get(&mut self, path: &str) -> u16 {
        self.try_get(path).unwrap()
    }

    /// As [`Open::get`], where the connection may be gone.
    pub(crate) fn try_get(&mut self, path: &str) -> Option<u16> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes()).ok()?;
        let head = read_head(&mut self.0)?;
        let length = header(&head, "content-length").map_or(0, |text| text.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?;
        head.split(' ').nth(1)?.parse().ok()
    }

    /// Tells whether the handshake resumed a session.
    pub(crate) fn resumed(&self) -> bool {
        self.0.get_ref().conn.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }
}
