//! Issuers of tokens that Doorward trusts.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;

/// Where the keys of an issuer come from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KeySource {
    /// The issuer's metadata names its key set (RFC 8414, OpenID Connect Discovery).
    Discovery,
    /// A key set at this URL.
    JwksUrl(String),
    /// A key set in this file.
    JwksFile(String),
    /// One public key in a file.
    PublicKeyFile {
        /// The file.
        path: String,
        /// The one algorithm the key is for.
        algorithm: String,
    },
    /// A shared secret in a file. The store holds the path, never the secret.
    SecretFile {
        /// The file.
        path: String,
    },
}

/// What is stored about a trusted issuer. Its stored form refuses unknown members.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerRecord {
    /// What people call it; unique.
    pub name: String,
    /// The exact `iss` of its tokens; unique, so that one token has one set of rules.
    pub issuer: String,
    /// The audiences of which a token must name one.
    pub audiences: Vec<String>,
    /// Where its keys come from.
    pub keys: KeySource,
    /// The algorithms it may use.
    pub algorithms: Vec<String>,
    /// The `typ` values its tokens may have.
    pub types: Vec<String>,
    /// How far its clock may be off, in seconds.
    pub leeway_secs: u32,
    /// The claim that names the subject.
    pub subject_claim: String,
    /// The claim that holds the scopes.
    pub scope_claim: String,
    /// The claim that holds the roles.
    pub roles_claim: String,
    /// When it was first trusted.
    #[serde(with = "millis")]
    pub created_at: Timestamp,
}

/// The trusted issuers.
#[async_trait]
pub trait Issuers: Send + Sync {
    /// Stores an issuer, in place of the one with the same name.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another name has the same `issuer`.
    async fn put(&self, issuer: IssuerRecord) -> Result<(), StoreError>;

    /// Removes an issuer by name; false when there is none.
    async fn remove(&self, name: &str) -> Result<bool, StoreError>;

    /// All issuers in the order of their names' bytes.
    async fn list(&self) -> Result<Vec<IssuerRecord>, StoreError>;

    /// Finds an issuer by name.
    async fn lookup(&self, name: &str) -> Result<Option<IssuerRecord>, StoreError>;
}

/// A moment as a number of milliseconds.
mod millis {
    use doorward_core::clock::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(at.millis())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::{IssuerRecord, KeySource};
    use crate::conformance::sample;

    #[test]
    fn document_survives_a_round_trip_for_every_key_source() {
        for keys in [
            KeySource::Discovery,
            KeySource::JwksUrl("https://a.example/jwks".to_owned()),
            KeySource::JwksFile("jwks.json".to_owned()),
            KeySource::PublicKeyFile {
                path: "a.pem".to_owned(),
                algorithm: "ES256".to_owned(),
            },
            KeySource::SecretFile {
                path: "secret".to_owned(),
            },
        ] {
            let record = IssuerRecord {
                keys,
                ..sample::issuer(1)
            };
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<IssuerRecord>(&text).unwrap(), record);
        }
    }

    #[test]
    fn document_with_an_unknown_member_is_refused() {
        let text = serde_json::to_string(&sample::issuer(1)).unwrap();
        let text = text.replacen('{', "{\"skip_verification\":true,", 1);
        assert!(serde_json::from_str::<IssuerRecord>(&text).is_err());
    }
}
