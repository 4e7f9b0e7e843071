//! What is asked of the tokens of one issuer, checked.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use doorward_crypto::jose::{Algorithm, ClaimPath};
use doorward_store::{IssuerRecord, KeySource};
use thiserror::Error;

use super::key_set::LocalKeys;

/// The most that an issuer's clock may be off.
pub const MAX_LEEWAY: Duration = Duration::from_secs(60);
/// The type of access tokens (RFC 9068 section 2.1).
pub(super) const ACCESS_TOKEN: &str = "at+jwt";

const MAX_ISSUER_LEN: usize = 512;
const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

/// The rules for the tokens of one issuer. It can't hold a mix that would weaken them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuerConfig {
    pub(super) issuer: Arc<str>,
    pub(super) audiences: Vec<String>,
    pub(super) algorithms: Vec<Algorithm>,
    /// Lower case, without `application/`; the empty one stands for a token without `typ`.
    pub(super) types: Vec<String>,
    pub(super) leeway: Duration,
    pub(super) subject: ClaimPath,
    pub(super) scopes: ClaimPath,
    pub(super) roles: ClaimPath,
    pub(super) origin: Origin,
}

/// Where the keys come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    Discovery,
    Url(String),
    File(PathBuf),
    PublicKey { path: PathBuf, algorithm: Algorithm },
    Secret(PathBuf),
    Local(LocalKeys),
}

/// Why the rules for an issuer can't be used.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum IssuerConfigError {
    /// The `iss` can't be one.
    #[error(
        "{0:?} is not an issuer: give the exact `iss` of its tokens, 1 to {MAX_ISSUER_LEN} visible characters"
    )]
    Issuer(String),
    /// Discovery works with URLs only.
    #[error(
        "{0:?} is not an https URL without query and fragment: name the keys' own place with jwks_url or jwks_file"
    )]
    NoDiscovery(String),
    /// Every token would be refused, or those for others accepted.
    #[error("no audience: name the one that tokens for this API carry in `aud`")]
    NoAudience,
    /// An algorithm is unknown, or none is named.
    #[error("{0:?} is not a supported algorithm: use RS256, PS256, ES256, ES384 or EdDSA")]
    Algorithm(String),
    /// A shared secret with public keys, or the other way round.
    #[error("HS256 goes with a shared secret, and a shared secret with HS256 alone")]
    Secret,
    /// The one key is for an algorithm that is not accepted.
    #[error("the key is for {0}, which is not among the accepted algorithms")]
    KeyAlgorithm(Algorithm),
    /// No type is accepted.
    #[error("no token type: name at+jwt, JWT, or \"\" for tokens without one")]
    NoType,
    /// More than [`MAX_LEEWAY`].
    #[error("the leeway is at most 60 seconds: mend the clocks instead")]
    Leeway,
    /// A claim can't be found by this path.
    #[error("{0:?} is not a claim: use names divided by dots, such as realm_access.roles")]
    Claim(String),
}

impl IssuerConfig {
    /// Checks a stored record.
    ///
    /// # Errors
    /// The first mistake.
    pub fn from_record(record: &IssuerRecord) -> Result<Self, IssuerConfigError> {
        let origin = origin(&record.keys)?;
        let config = Self {
            issuer: checked_issuer(&record.issuer)?,
            audiences: checked_audiences(record.audiences.clone())?,
            algorithms: record
                .algorithms
                .iter()
                .map(|name| algorithm(name))
                .collect::<Result<_, _>>()?,
            types: record.types.iter().map(|typ| checked_type(typ)).collect(),
            leeway: Duration::from_secs(record.leeway_secs.into()),
            subject: claim(&record.subject_claim)?,
            scopes: claim(&record.scope_claim)?,
            roles: claim(&record.roles_claim)?,
            origin,
        };
        config.check()?;
        Ok(config)
    }

    /// The rules for our own tokens: ES256, `at+jwt` and nothing else.
    ///
    /// # Errors
    /// The first mistake.
    pub fn own(
        issuer: &str,
        audiences: Vec<String>,
        keys: &LocalKeys,
    ) -> Result<Self, IssuerConfigError> {
        Ok(Self {
            issuer: checked_issuer(issuer)?,
            audiences: checked_audiences(audiences)?,
            algorithms: vec![Algorithm::Es256],
            types: vec![ACCESS_TOKEN.to_owned()],
            leeway: DEFAULT_LEEWAY,
            subject: claim("sub")?,
            scopes: claim("scope")?,
            roles: claim("roles")?,
            origin: Origin::Local(keys.clone()),
        })
    }

    /// The exact `iss`.
    #[must_use]
    pub const fn issuer(&self) -> &Arc<str> {
        &self.issuer
    }

    /// The mixes that would weaken verification, or make it refuse everything.
    fn check(&self) -> Result<(), IssuerConfigError> {
        use IssuerConfigError as Error;
        // SECURITY: a public key must never be taken for a shared secret.
        let secret = matches!(self.origin, Origin::Secret(_));
        if self
            .algorithms
            .iter()
            .any(|one| (*one == Algorithm::Hs256) != secret)
        {
            return Err(Error::Secret);
        }
        if self.algorithms.is_empty() {
            return Err(Error::Algorithm(String::new()));
        }
        if let Origin::PublicKey { algorithm, .. } = self.origin
            && !self.algorithms.contains(&algorithm)
        {
            return Err(Error::KeyAlgorithm(algorithm));
        }
        if self.types.is_empty() {
            return Err(Error::NoType);
        }
        if self.leeway > MAX_LEEWAY {
            return Err(Error::Leeway);
        }
        let url = ["https://", "http://"]
            .iter()
            .any(|scheme| self.issuer.starts_with(scheme));
        if self.origin == Origin::Discovery && (!url || self.issuer.contains(['?', '#'])) {
            return Err(Error::NoDiscovery(self.issuer.to_string()));
        }
        Ok(())
    }
}

fn origin(keys: &KeySource) -> Result<Origin, IssuerConfigError> {
    Ok(match keys {
        KeySource::Discovery => Origin::Discovery,
        KeySource::JwksUrl(url) => Origin::Url(url.clone()),
        KeySource::JwksFile(path) => Origin::File(path.into()),
        KeySource::PublicKeyFile {
            path,
            algorithm: name,
        } => Origin::PublicKey {
            path: path.into(),
            algorithm: algorithm(name)?,
        },
        KeySource::SecretFile { path } => Origin::Secret(path.into()),
    })
}

fn checked_issuer(issuer: &str) -> Result<Arc<str>, IssuerConfigError> {
    let strange = |c: char| c.is_control() || c.is_whitespace();
    if issuer.is_empty() || issuer.len() > MAX_ISSUER_LEN || issuer.contains(strange) {
        return Err(IssuerConfigError::Issuer(issuer.to_owned()));
    }
    Ok(issuer.into())
}

fn checked_audiences(audiences: Vec<String>) -> Result<Vec<String>, IssuerConfigError> {
    if audiences.is_empty() || audiences.iter().any(String::is_empty) {
        return Err(IssuerConfigError::NoAudience);
    }
    Ok(audiences)
}

fn algorithm(name: &str) -> Result<Algorithm, IssuerConfigError> {
    Algorithm::parse(name).ok_or_else(|| IssuerConfigError::Algorithm(name.to_owned()))
}

fn claim(path: &str) -> Result<ClaimPath, IssuerConfigError> {
    ClaimPath::parse(path).map_err(|_| IssuerConfigError::Claim(path.to_owned()))
}

/// Brings a type to the form that parsed headers have.
fn checked_type(typ: &str) -> String {
    let lower = typ.to_ascii_lowercase();
    lower
        .strip_prefix("application/")
        .unwrap_or(&lower)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use doorward_store::{IssuerRecord, KeySource};

    use super::{IssuerConfig, IssuerConfigError as Error};
    use crate::jwt::tests::record;

    fn check(change: impl FnOnce(&mut IssuerRecord)) -> Option<Error> {
        let mut record = record();
        change(&mut record);
        IssuerConfig::from_record(&record).err()
    }

    #[test]
    fn g17_a_shared_secret_and_public_keys_never_mix() {
        let secret = || KeySource::SecretFile {
            path: "s".to_owned(),
        };
        assert_eq!(
            check(|r| r.algorithms = vec!["HS256".to_owned()]),
            Some(Error::Secret)
        );
        assert_eq!(check(|r| r.keys = secret()), Some(Error::Secret));
        let both = |r: &mut IssuerRecord| {
            r.keys = secret();
            r.algorithms = vec!["HS256".to_owned(), "RS256".to_owned()];
        };
        assert_eq!(check(both), Some(Error::Secret));
    }

    #[test]
    fn rules_that_say_nothing_are_refused() {
        assert_eq!(check(|_| ()), None);
        assert_eq!(check(|r| r.audiences.clear()), Some(Error::NoAudience));
        assert_eq!(check(|r| r.types.clear()), Some(Error::NoType));
        assert_eq!(check(|r| r.leeway_secs = 61), Some(Error::Leeway));
        assert!(check(|r| r.algorithms.clear()).is_some());
        assert!(check(|r| r.algorithms = vec!["none".to_owned()]).is_some());
        assert!(check(|r| r.issuer.clear()).is_some());
        assert!(check(|r| r.subject_claim = "a..b".to_owned()).is_some());
        let accounts = |r: &mut IssuerRecord| {
            r.keys = KeySource::Discovery;
            r.issuer = "accounts".to_owned();
        };
        assert_eq!(
            check(accounts),
            Some(Error::NoDiscovery("accounts".to_owned()))
        );
    }
}
