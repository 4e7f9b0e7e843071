//! The key that verifies, with the one algorithm pinned to it (RFC 9421 section 3.2).

use doorward_core::Secret;
use thiserror::Error;

use super::SignatureAlgorithm;
use crate::jose::{KeyError, Object, VerificationKey};

/// The longest text of a public key that is read, in bytes.
const MAX_KEY: usize = 16 * 1024;

/// The signature was not made over these bytes with this key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the signature does not fit")]
pub struct SignatureRefused;

/// A key and its algorithm. A message cannot choose another one.
#[derive(Debug)]
pub struct SignatureVerifier {
    key: VerificationKey,
    algorithm: SignatureAlgorithm,
}

impl SignatureVerifier {
    /// Reads a public key: a PEM block `PUBLIC KEY` or a JWK.
    ///
    /// # Errors
    /// [`KeyError`] when it is weak, or not for this algorithm.
    pub fn from_text(text: &str, algorithm: SignatureAlgorithm) -> Result<Self, KeyError> {
        if algorithm == SignatureAlgorithm::HmacSha256 {
            return Err(KeyError::Symmetric);
        }
        let key = if text.trim_start().starts_with('{') {
            let jwk = Object::parse(text.as_bytes(), MAX_KEY)?;
            VerificationKey::from_jwk(&jwk)?
        } else {
            VerificationKey::from_pem(text, algorithm.jose(), None)?
        };
        if key.allows(algorithm.jose()) {
            Ok(Self { key, algorithm })
        } else {
            Err(KeyError::AlgorithmMismatch)
        }
    }

    /// Takes a shared secret for `hmac-sha256`.
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`] below 32 bytes.
    pub fn shared(secret: &Secret<Vec<u8>>) -> Result<Self, KeyError> {
        Ok(Self {
            key: VerificationKey::hmac(secret, None)?,
            algorithm: SignatureAlgorithm::HmacSha256,
        })
    }

    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// Verifies a signature over a signature base. Secrets are compared in constant time.
    ///
    /// # Errors
    /// [`SignatureRefused`] when it does not fit.
    pub fn verify(&self, base: &[u8], signature: &[u8]) -> Result<(), SignatureRefused> {
        self.key
            .verify(self.algorithm.jose(), base, signature)
            .map_err(|_| SignatureRefused)
    }
}
