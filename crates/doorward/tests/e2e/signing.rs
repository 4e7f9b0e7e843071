//! Requests signed as RFC 9421 says, good ones and bad ones.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward_core::net::ClientAddress;
use doorward_core::request::{Arrival, ManagedHeaders, Transport};
use doorward_core::{Entropy, RequestHead, Secret};
use doorward_crypto::entropy::OsEntropy;
use doorward_crypto::message_signature::{
    Component, ContentDigest, Covered, DigestAlgorithm, PrivateKey, SignatureAlgorithm,
    SignatureParams, signature_base,
};

use crate::door::Home;
use crate::mint::now;

/// The Ed25519 key of RFC 9421 appendix B.1.4.
pub(crate) const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n\
    -----END PRIVATE KEY-----\n";
/// Its public half.
pub(crate) const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n\
    -----END PUBLIC KEY-----\n";

/// A key that a client signs with.
#[derive(Clone)]
pub(crate) enum Key {
    Ed25519,
    Hmac(String),
}

/// A request to be signed.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) cover: Vec<String>,
    pub(crate) params: SignatureParams,
    pub(crate) key: Key,
    pub(crate) label: &'static str,
}

impl Draft {
    /// A good GET with the key of this id.
    pub(crate) fn get(url: String, keyid: &str, key: Key) -> Self {
        let mut nonce = [0; 12];
        OsEntropy::new().fill(&mut nonce);
        let cover = ["@method", "@authority", "@path"];
        let mut cover = cover.map(str::to_owned).to_vec();
        if url.contains('?') {
            cover.push("@query".to_owned());
        }
        Self {
            method: "GET",
            url,
            headers: Vec::new(),
            cover,
            params: SignatureParams {
                created: Some(now()),
                nonce: Some(STANDARD.encode(nonce)),
                keyid: Some(keyid.to_owned()),
                ..SignatureParams::default()
            },
            key,
            label: "sig1",
        }
    }

    /// Sends a body, and covers its digest.
    pub(crate) fn post(mut self, body: &[u8]) -> Self {
        self.method = "POST";
        let digest = ContentDigest::of(DigestAlgorithm::Sha256, body).to_field();
        self.headers.push(("content-digest".to_owned(), digest));
        self.cover.push("content-digest".to_owned());
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut SignatureParams)) -> Self {
        change(&mut self.params);
        self
    }

    pub(crate) fn covering(mut self, cover: &[&str]) -> Self {
        self.cover = cover.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// The headers of the signed request.
    pub(crate) fn sign(&self) -> Vec<(String, String)> {
        let mut request = http::Request::builder()
            .method(self.method)
            .uri(self.url.as_str());
        let uri: http::Uri = self.url.parse().unwrap();
        request = request.header("host", uri.authority().unwrap().as_str());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let arrival = Arrival {
            client: ClientAddress::new("127.0.0.1".parse().unwrap()),
            transport: Transport::Tls,
        };
        let head = RequestHead::canonicalise(parts, arrival, &ManagedHeaders::default()).unwrap();
        let components = self
            .cover
            .iter()
            .map(|name| Component::parse(name).unwrap());
        let covered = Covered::new(components.collect(), &self.params).unwrap();
        let base = signature_base(&head, &covered).unwrap();
        let key = match &self.key {
            Key::Ed25519 => PrivateKey::from_pem(PRIVATE, SignatureAlgorithm::Ed25519).unwrap(),
            Key::Hmac(secret) => {
                let secret = Secret::new(STANDARD.decode(secret).unwrap());
                PrivateKey::shared(&secret).unwrap()
            }
        };
        let signature = STANDARD.encode(key.sign(base.as_bytes()).unwrap());
        let mut headers = self.headers.clone();
        let label = self.label;
        headers.push((
            "Signature-Input".to_owned(),
            format!("{label}={}", covered.list()),
        ));
        headers.push(("Signature".to_owned(), format!("{label}=:{signature}:")));
        headers
    }

    /// The arguments for curl, without the body.
    pub(crate) fn args(&self) -> Vec<String> {
        args(&self.sign())
    }
}

/// `-H NAME: VALUE` for every header.
pub(crate) fn args(headers: &[(String, String)]) -> Vec<String> {
    let both = |(name, value): &(String, String)| ["-H".to_owned(), format!("{name}: {value}")];
    headers.iter().flat_map(both).collect()
}

/// Adds a client's key; its id, and its secret where there is one.
pub(crate) fn add_key(home: &Home, alg: &str, more: &[&str]) -> (String, Key) {
    home.write("client.pub.pem", PUBLIC);
    let mut args = vec!["client-key", "add", "--name", "billing", "--alg", alg];
    if alg == "ed25519" {
        args.extend(["--public-key", "client.pub.pem"]);
    }
    let made = home.json(&[&args, more].concat());
    let id = crate::door::text(&made, "id");
    match made["secret"].as_str() {
        Some(secret) => (id, Key::Hmac(secret.to_owned())),
        None => (id, Key::Ed25519),
    }
}
