//! What the server can do (RFC 8414 section 2, OpenID Connect Discovery section 3): made of the
//! list of endpoints that work.

use bytes::Bytes;
use doorward_store::ClientAuthMethod;
use serde_json::{Value, json};

use super::{Endpoint, Metadata};
use crate::server::Parts;

/// Where the key set is, on the issuer's host.
const JWKS_PATH: &str = "/.well-known/jwks.json";
/// What documents are asked for by (RFC 8414 section 3, OpenID Connect Discovery section 4).
const WELL_KNOWN: [&str; 2] = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
];

/// The document, and the paths it answers at.
pub(crate) struct Document {
    body: Bytes,
    paths: Vec<String>,
}

/// What a path is to the metadata.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// The document.
    Here,
    /// A document of somebody who is not here.
    Absent,
    /// Something else.
    Other,
}

impl Document {
    /// Makes the document.
    pub(crate) fn new(parts: &Parts, endpoints: &[Box<dyn Endpoint>]) -> Self {
        let mut metadata = Metadata::new();
        let keys = format!("{}{JWKS_PATH}", parts.issuer.origin());
        metadata.insert("issuer".to_owned(), json!(parts.issuer.url()));
        metadata.insert("jwks_uri".to_owned(), json!(keys));
        let scopes: Vec<&str> = parts
            .scopes
            .iter()
            .map(|(scope, _)| scope.as_str())
            .collect();
        if !scopes.is_empty() {
            metadata.insert("scopes_supported".to_owned(), json!(scopes));
        }
        for endpoint in endpoints {
            endpoint.describe(parts, &mut metadata);
        }
        // RFC 8414 section 2: required, also where nothing answers with it.
        metadata
            .entry("response_types_supported")
            .or_insert_with(|| json!([]));
        let path = parts.issuer.path();
        let mut paths: Vec<String> = WELL_KNOWN.map(|well| format!("{well}{path}")).into();
        if !path.is_empty() {
            paths.extend(WELL_KNOWN.map(|well| format!("{path}{well}")));
        }
        Self {
            body: Value::Object(metadata).to_string().into(),
            paths,
        }
    }

    /// What a path is. Documents of issuers that are not here do not exist: clients try several
    /// places, and take anything but 404 for an answer.
    pub(crate) fn find(&self, path: &str) -> Found {
        if self.paths.iter().any(|own| own == path) {
            return Found::Here;
        }
        let below = |well: &str| {
            path.strip_prefix(well)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if WELL_KNOWN.iter().any(|well| below(well)) {
            return Found::Absent;
        }
        Found::Other
    }

    /// The document.
    pub(crate) fn body(&self) -> Bytes {
        self.body.clone()
    }
}

/// The ways in which clients authenticate, as metadata.
pub(crate) fn auth_methods(methods: &[ClientAuthMethod]) -> Value {
    methods.iter().map(|one| one.as_str()).collect()
}
