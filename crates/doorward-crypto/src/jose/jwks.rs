//! A JSON Web Key Set (RFC 7517 section 5), as an issuer publishes it.

use thiserror::Error;

use super::json::{JsonError, Object, Value};
use super::jwk::KeyError;
use super::{Algorithm, VerificationKey};

/// The longest key set that is accepted, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;
/// How many keys a set may have.
pub const MAX_KEYS: usize = 100;
/// How many keys of a set are tried for one token.
pub const MAX_CANDIDATES: usize = 4;

/// A set of verification keys.
#[derive(Debug, Default)]
pub struct Jwks {
    keys: Vec<VerificationKey>,
    skipped: Vec<Skipped>,
}

/// A key of a set that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The place in the `keys` array, from 0.
    pub index: usize,
    /// The key's `kid`, where it is a string of acceptable length.
    pub kid: Option<String>,
    /// Why the key is not used.
    pub reason: KeyError,
}

/// Why a whole key set is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum JwksError {
    /// The set is longer than [`MAX_BYTES`], or not an object of strict JSON.
    #[error("the key set: {0}")]
    Json(#[from] JsonError),
    /// There is no array `keys`.
    #[error("the key set has no array \"keys\"")]
    NoKeys,
    /// There are more than [`MAX_KEYS`] keys.
    #[error("the key set has more than {MAX_KEYS} keys")]
    TooManyKeys,
}

impl Jwks {
    /// Parses a key set. Keys that can't be used are skipped and listed by [`Jwks::skipped`].
    ///
    /// # Errors
    /// [`JwksError`] when the set as a whole is not one.
    pub fn parse(text: &[u8]) -> Result<Self, JwksError> {
        let document = Object::parse(text, MAX_BYTES)?;
        Self::from_object(&document)
    }

    /// Reads a key set that is part of another document, such as a client's metadata.
    ///
    /// # Errors
    /// [`JwksError`] when the set as a whole is not one.
    pub fn from_object(document: &Object) -> Result<Self, JwksError> {
        let keys = document
            .array("keys")
            .ok()
            .flatten()
            .ok_or(JwksError::NoKeys)?;
        if keys.len() > MAX_KEYS {
            return Err(JwksError::TooManyKeys);
        }
        let mut set = Self::default();
        for (index, jwk) in keys.iter().enumerate() {
            match read(jwk) {
                Ok(key) => set.keys.push(key),
                Err(reason) => set.skipped.push(Skipped {
                    index,
                    kid: kid_of(jwk),
                    reason,
                }),
            }
        }
        Ok(set)
    }

    /// Makes a set of keys that come from the configuration.
    #[must_use]
    pub const fn from_keys(keys: Vec<VerificationKey>) -> Self {
        Self {
            keys,
            skipped: Vec::new(),
        }
    }

    /// The keys to try for a token with this `kid` and `alg`, at most [`MAX_CANDIDATES`].
    ///
    /// A token with a `kid` is matched with the keys of exactly that `kid`; a token without one
    /// with every key that allows the algorithm.
    pub fn candidates<'s>(
        &'s self,
        kid: Option<&'s str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'s VerificationKey> {
        self.keys
            .iter()
            .filter(move |key| kid.is_none_or(|kid| key.kid() == Some(kid)))
            .filter(move |key| key.allows(algorithm))
            // SECURITY: every try costs a signature check that an outsider can ask for.
            .take(MAX_CANDIDATES)
    }

    /// Tells whether some key has this `kid`.
    #[must_use]
    pub fn has_kid(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == Some(kid))
    }

    /// The usable keys in the order of the document.
    #[must_use]
    pub fn keys(&self) -> &[VerificationKey] {
        &self.keys
    }

    /// The keys that can't be used, and why: for the operator.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }
}

fn read(jwk: &Value) -> Result<VerificationKey, KeyError> {
    match jwk {
        Value::Object(jwk) => VerificationKey::from_jwk(jwk),
        _ => Err(JsonError::NotAnObject.into()),
    }
}

fn kid_of(jwk: &Value) -> Option<String> {
    let Value::Object(jwk) = jwk else { return None };
    let kid = jwk.string("kid").ok().flatten()?;
    (kid.len() <= super::jwk::MAX_KID_LEN).then(|| kid.to_owned())
}
