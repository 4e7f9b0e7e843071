//! Requests signed in the style of AWS, good ones and bad ones.

use doorward_core::net::ClientAddress;
use doorward_core::request::{Arrival, ManagedHeaders, Transport};
use doorward_core::{Entropy, RequestHead, Secret, Timestamp};
use doorward_crypto::entropy::OsEntropy;
use doorward_crypto::sigv4::{
    Authorization, CredentialScope, PathEncoding, Payload, SigV4Signature, SignedHeaders, Stamp,
    canonical_request, string_to_sign,
};

use crate::door::{Home, text};
use crate::mint::now;

/// The section that reads them.
pub(crate) const SECTION: &str = "[sigv4]\nregion = \"eu-1\"\nservice = \"orders\"\n";

/// The id of a client's key, and its secret.
pub(crate) type Pair = (String, String);

/// Adds a client's key.
pub(crate) fn add(home: &Home, more: &[&str]) -> Pair {
    let new = [
        "client-key",
        "add",
        "--name",
        "billing",
        "--alg",
        "aws4-hmac-sha256",
    ];
    let made = home.json(&[&new, more].concat());
    (text(&made, "id"), text(&made, "secret"))
}

/// A request to be signed in its headers.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    /// What is signed; everything when absent.
    pub(crate) signed: Option<&'static str>,
    pub(crate) at: i64,
    /// `REGION/SERVICE`
    pub(crate) place: &'static str,
    pub(crate) pair: Pair,
    pub(crate) payload: Payload,
}

impl Draft {
    /// A good GET. A header tells it from others of the same second.
    pub(crate) fn get(url: String, pair: &Pair) -> Self {
        let mut number = [0; 8];
        OsEntropy::new().fill(&mut number);
        let number = u64::from_be_bytes(number).to_string();
        Self {
            method: "GET",
            url,
            headers: vec![("x-request".to_owned(), number)],
            signed: None,
            at: now(),
            place: "eu-1/orders",
            pair: pair.clone(),
            payload: Payload::of(b""),
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends a body, and signs its digest.
    pub(crate) fn post(mut self, payload: Payload) -> Self {
        self.method = "POST";
        self.payload = payload;
        let digest = payload.to_field();
        self.with("content-type", "application/json")
            .with("x-amz-content-sha256", &digest)
    }

    /// The headers of the signed request.
    pub(crate) fn sign(&self) -> Vec<(String, String)> {
        let stamp = Stamp::of(Timestamp::from_secs(self.at));
        let mut headers = self.headers.clone();
        headers.push(("x-amz-date".to_owned(), stamp.as_str().to_owned()));
        let uri: http::Uri = self.url.parse().unwrap();
        let mut request = http::Request::builder()
            .method(self.method)
            .uri(self.url.as_str())
            .header("host", uri.authority().unwrap().as_str());
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let arrival = Arrival {
            client: ClientAddress::new("127.0.0.1".parse().unwrap()),
            transport: Transport::Tls,
        };
        let head = RequestHead::canonicalise(parts, arrival, &ManagedHeaders::default()).unwrap();
        let names = headers.iter().map(|(name, _)| name.as_str());
        let signed = match self.signed {
            Some(text) => SignedHeaders::parse(text).unwrap(),
            None => SignedHeaders::of(names.chain(["host"])).unwrap(),
        };
        let (region, service) = self.place.split_once('/').unwrap();
        let scope = CredentialScope::new(&self.pair.0, stamp.day(), (region, service)).unwrap();
        let encoding = PathEncoding::of_service(service);
        let canonical = canonical_request(&head, &signed, &self.payload, encoding).unwrap();
        let text = string_to_sign(&stamp, &scope, &canonical);
        let secret = Secret::new(self.pair.1.as_bytes().to_vec());
        let signature = SigV4Signature::sign(&secret, &scope, &text);
        let made = Authorization {
            scope,
            signed,
            signature,
        };
        headers.push(("Authorization".to_owned(), made.to_string()));
        headers
    }

    /// The arguments for curl, without the body.
    pub(crate) fn args(&self) -> Vec<String> {
        crate::signing::args(&self.sign())
    }
}
