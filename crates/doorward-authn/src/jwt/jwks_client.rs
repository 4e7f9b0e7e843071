//! Fetching key sets: from a URL, or from where the issuer's metadata says (OpenID Connect
//! Discovery 1.0 section 4, RFC 8414 section 3).

use std::time::Duration;

use async_trait::async_trait;
use doorward_core::Timestamp;
use doorward_crypto::jose::{Jwks, JwksError, Object, jwks};
use thiserror::Error;

/// The longest metadata document that is read, in bytes.
const MAX_METADATA: usize = 256 * 1024;

/// Fetches documents. The implementation guards against addresses inside the network, follows
/// no redirects, sends no credentials and gives up in time.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// Fetches a document of at most `max_bytes` bytes.
    ///
    /// # Errors
    /// Why not.
    async fn get(&self, url: &str, max_bytes: usize) -> Result<Fetched, FetchError>;
}

/// A document.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Its bytes.
    pub body: Vec<u8>,
    /// How long it may be kept (`Cache-Control: max-age`), when the answer says.
    pub max_age: Option<Duration>,
}

/// Why nothing was fetched, as a sentence for the operator.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{0}")]
pub struct FetchError(pub String);

/// Keeps the last good key sets where they survive a restart. It is called away from requests
/// and may block.
pub trait LastGood: Send + Sync {
    /// What was kept under a name, and when it was fetched.
    fn load(&self, name: &str) -> Option<(Vec<u8>, Timestamp)>;

    /// Keeps a key set under a name: all of it, or the one before.
    fn save(&self, name: &str, key_set: &[u8], fetched_at: Timestamp);
}

/// Why there are no new keys.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub(super) enum LoadError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("no answer in time")]
    TooSlow,
    #[error(transparent)]
    KeySet(#[from] JwksError),
    #[error("the metadata at {0} is not a JSON object with a string jwks_uri")]
    Metadata(String),
    #[error("the metadata at {url} is of the issuer {found:?}, not of this one")]
    OtherIssuer { url: String, found: String },
    #[error("the metadata names the key set {0:?}, which is not https")]
    Downgrade(String),
    #[error("cannot read {0}")]
    File(String),
    #[error(transparent)]
    Key(#[from] doorward_crypto::jose::KeyError),
}

/// A key set that was fetched and is one.
pub(super) struct Download {
    pub(super) body: Vec<u8>,
    pub(super) keys: Jwks,
    pub(super) max_age: Option<Duration>,
}

/// Fetches a key set.
pub(super) async fn download(fetch: &dyn Fetch, url: &str) -> Result<Download, LoadError> {
    let Fetched { body, max_age } = fetch.get(url, jwks::MAX_BYTES).await?;
    let keys = Jwks::parse(&body)?;
    Ok(Download {
        body,
        keys,
        max_age,
    })
}

/// Asks the issuer's metadata where its key set is.
///
/// The issuer comes from the configuration, never from a token.
pub(super) async fn discover(fetch: &dyn Fetch, issuer: &str) -> Result<String, LoadError> {
    let [first, second] = metadata_urls(issuer);
    match ask(fetch, issuer, &first).await {
        Ok(jwks_uri) => Ok(jwks_uri),
        // SECURITY: a document that was found and is wrong is not a reason to look elsewhere.
        Err(LoadError::Fetch(failed)) => match ask(fetch, issuer, &second).await {
            Err(LoadError::Fetch(_)) => Err(LoadError::Fetch(failed)),
            other => other,
        },
        Err(error) => Err(error),
    }
}

async fn ask(fetch: &dyn Fetch, issuer: &str, url: &str) -> Result<String, LoadError> {
    let wrong = || LoadError::Metadata(url.to_owned());
    let document = fetch.get(url, MAX_METADATA).await?;
    let metadata = Object::parse(&document.body, MAX_METADATA).map_err(|_| wrong())?;
    let found = metadata.string("issuer").ok().flatten().ok_or_else(wrong)?;
    if found != issuer {
        return Err(LoadError::OtherIssuer {
            url: url.to_owned(),
            found: super::shorten(found),
        });
    }
    let jwks_uri = metadata
        .string("jwks_uri")
        .ok()
        .flatten()
        .ok_or_else(wrong)?;
    // The fetch itself guards every address; this keeps metadata from undoing TLS.
    if !jwks_uri.starts_with("https://") && issuer.starts_with("https://") {
        return Err(LoadError::Downgrade(super::shorten(jwks_uri)));
    }
    Ok(jwks_uri.to_owned())
}

/// Where the metadata may be: appended to the issuer's path, or inserted before it.
fn metadata_urls(issuer: &str) -> [String; 2] {
    let trimmed = issuer.trim_end_matches('/');
    let path = trimmed
        .find("://")
        .and_then(|scheme| {
            trimmed
                .get(scheme + 3..)?
                .find('/')
                .map(|slash| scheme + 3 + slash)
        })
        .unwrap_or(trimmed.len());
    let (host, path) = trimmed.split_at_checked(path).unwrap_or((trimmed, ""));
    [
        format!("{trimmed}/.well-known/openid-configuration"),
        format!("{host}/.well-known/oauth-authorization-server{path}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::metadata_urls;

    #[test]
    fn metadata_is_looked_for_where_the_standards_say() {
        assert_eq!(
            metadata_urls("https://a.example/t/1/"),
            [
                "https://a.example/t/1/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server/t/1",
            ]
        );
        assert_eq!(
            metadata_urls("https://a.example"),
            [
                "https://a.example/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server",
            ]
        );
    }
}
