//! OAuth clients: who may ask for tokens, and for which (RFC 6749 section 2).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_core::entropy::Entropy;
use doorward_core::scope::ScopeSet;
use thiserror::Error;

use crate::error::StoreError;

const ID_PREFIX: &str = "c_";
const ID_RANDOM: usize = 22;
const ID_MAX: usize = 64;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A `client_id`: 1 to 64 of `A-Za-z0-9._~-`, which is the same with and without percent-encoding.
/// Cloning it copies a pointer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientId(Arc<str>);

/// A text that is not a `client_id`.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a client id is 1 to {ID_MAX} of A-Z, a-z, 0-9, '.', '_', '~' and '-'")]
pub struct NotAClientId;

impl ClientId {
    /// Parses an identifier.
    ///
    /// # Errors
    /// [`NotAClientId`] when the length or a character is wrong.
    pub fn parse(text: &str) -> Result<Self, NotAClientId> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-');
        if text.is_empty() || text.len() > ID_MAX || !text.bytes().all(legal) {
            return Err(NotAClientId);
        }
        Ok(Self(text.into()))
    }

    /// Draws a fresh identifier (130 bits): `c_` and 22 characters.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut text = ID_PREFIX.to_owned();
        while text.len() < ID_PREFIX.len() + ID_RANDOM {
            let mut byte = [0_u8; 1];
            entropy.fill(&mut byte);
            // Bytes of 248 and more are dropped so that all 62 characters are equally likely.
            if byte[0] < 248
                && let Some(character) = BASE62.get(usize::from(byte[0] % 62))
            {
                text.push(char::from(*character));
            }
        }
        Self(text.into())
    }

    /// The identifier's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$one:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[$one])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The registered word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// Reads the registered word.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text)
            }
        }
    };
}

words! {
    /// A way to get a token (RFC 7591 section 2, `grant_types`).
    GrantType {
        /// A user allowed it in the browser.
        AuthorizationCode = "authorization_code",
        /// The client itself is the subject.
        ClientCredentials = "client_credentials",
        /// An earlier grant goes on.
        RefreshToken = "refresh_token",
        /// A user allowed it on another device (RFC 8628).
        DeviceCode = "urn:ietf:params:oauth:grant-type:device_code",
        /// One token for another (RFC 8693).
        TokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange",
        /// A signed statement of another issuer (RFC 7523).
        JwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer",
    }
}

words! {
    /// How a client proves who it is (RFC 7591 section 2, `token_endpoint_auth_method`).
    ClientAuthMethod {
        /// Not at all: a public client.
        None = "none",
        /// A secret in the `Authorization` header.
        SecretBasic = "client_secret_basic",
        /// A secret in the body.
        SecretPost = "client_secret_post",
        /// A JWT signed with the client's key (RFC 7523).
        PrivateKeyJwt = "private_key_jwt",
    }
}

/// What is stored of a client's secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecretRecord {
    /// The digest of the secret under a pepper that is not in the store.
    pub digest: [u8; 32],
    /// Which pepper.
    pub pepper_id: String,
    /// When it stops being good; `None` for the present secret.
    pub expires_at: Option<Timestamp>,
}

/// What is stored about a client.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientRecord {
    /// The `client_id`.
    pub id: ClientId,
    /// What people are shown.
    pub name: String,
    /// The one way in which it authenticates.
    pub auth_method: ClientAuthMethod,
    /// Its secret, where it has one.
    pub secret: Option<ClientSecretRecord>,
    /// The secret before, which goes on working for a while.
    pub old_secret: Option<ClientSecretRecord>,
    /// Its public keys as a JWK set, where it signs.
    pub jwks: Option<String>,
    /// Where its public keys are, where it signs.
    pub jwks_uri: Option<String>,
    /// The grants that it may use.
    pub grant_types: Vec<GrantType>,
    /// Where users may be sent back to, compared as whole strings.
    pub redirect_uris: Vec<String>,
    /// Where users may be sent after signing out.
    pub post_logout_redirect_uris: Vec<String>,
    /// The most that it may ask for.
    pub scopes: ScopeSet,
    /// The resources that its tokens may be for; the issuer's own audience when empty.
    pub audiences: Vec<String>,
    /// Whether an authorization code needs PKCE. A public client's always does.
    pub require_pkce: bool,
    /// When it was added.
    pub created_at: Timestamp,
}

/// SECURITY: leaves out the digests.
impl fmt::Debug for ClientRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRecord")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("auth_method", &self.auth_method)
            .field("grant_types", &self.grant_types)
            .field("redirect_uris", &self.redirect_uris)
            .field("scopes", &self.scopes)
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}

/// The clients.
#[async_trait]
pub trait Clients: Send + Sync {
    /// Stores a client.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the identifier is taken.
    async fn add(&self, client: ClientRecord) -> Result<(), StoreError>;

    /// Finds a client by its identifier.
    async fn lookup(&self, id: &ClientId) -> Result<Option<ClientRecord>, StoreError>;

    /// All clients in the order of their identifiers' bytes.
    async fn list(&self) -> Result<Vec<ClientRecord>, StoreError>;

    /// Gives a client a new secret; the present one becomes the old one and works until
    /// `old_expires_at`. The one before that ends at once. False when there is no such client, or
    /// it has no secret.
    async fn rotate_secret(
        &self,
        id: &ClientId,
        new: ClientSecretRecord,
        old_expires_at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Removes a client. False when there is no such client.
    async fn remove(&self, id: &ClientId) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::{ClientId, GrantType};

    #[test]
    fn identifiers_read_the_same_percent_encoded_or_not() {
        for good in ["shop", "A.b_c~d-9", &"x".repeat(64)] {
            assert_eq!(ClientId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a:b", "a b", "a+b", "a%20", "é", "a/b", &"x".repeat(65)] {
            assert!(ClientId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn grant_types_are_the_registered_words() {
        for one in GrantType::ALL {
            assert_eq!(GrantType::parse(one.as_str()), Some(*one));
        }
        for absent in ["password", "implicit", "Client_Credentials", ""] {
            assert_eq!(GrantType::parse(absent), None, "r044 {absent}");
        }
    }
}
