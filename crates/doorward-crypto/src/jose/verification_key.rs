//! A key that verifies signatures of the algorithms pinned to it.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::ParsedPublicKey;
use doorward_core::Secret;

use super::json::Object;
use super::jwk::{self, KeyError};
use super::public_key::PublicKey;
use super::{Algorithm, der};

/// The shortest secret for HMAC with SHA-256, in bytes (RFC 7518 section 3.2).
pub const MIN_SECRET_LEN: usize = 32;

/// A key, parsed once, with the algorithms it can verify. The header of a token can pick one of
/// them and add none.
pub struct VerificationKey {
    kid: Option<String>,
    thumbprint: Option<String>,
    verifiers: Vec<(Algorithm, Verifier)>,
}

enum Verifier {
    Public(ParsedPublicKey),
    Hmac(Box<hmac::Key>),
}

/// The signature did not fit, or the key is not for this algorithm.
pub(crate) enum Refused {
    Algorithm,
    Signature,
}

impl VerificationKey {
    /// Reads a public JWK (RFC 7517).
    ///
    /// # Errors
    /// [`KeyError`] for symmetric keys, private keys, weak keys, keys for another use and
    /// unknown types or curves.
    pub fn from_jwk(jwk: &Object) -> Result<Self, KeyError> {
        jwk::read(jwk)
    }

    /// Reads a PEM block `PUBLIC KEY` (RFC 7468 section 13) for one algorithm.
    ///
    /// # Errors
    /// [`KeyError`] when the text is something else, the key is weak, or the algorithm does not
    /// belong to it.
    pub fn from_pem(
        pem: &str,
        algorithm: Algorithm,
        kid: Option<String>,
    ) -> Result<Self, KeyError> {
        Self::new(&der::public_key_from_pem(pem)?, Some(algorithm), kid)
    }

    /// Takes a shared secret for HS256. Nothing else makes a symmetric key.
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`] below [`MIN_SECRET_LEN`] bytes.
    pub fn hmac(secret: &Secret<Vec<u8>>, kid: Option<String>) -> Result<Self, KeyError> {
        if secret.expose().len() < MIN_SECRET_LEN {
            return Err(KeyError::ShortSecret);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        let verifiers = vec![(Algorithm::Hs256, Verifier::Hmac(Box::new(key)))];
        Ok(Self {
            kid,
            thumbprint: None,
            verifiers,
        })
    }

    /// Pins a public key to one algorithm, or to all that its type and curve allow.
    pub(crate) fn new(
        key: &PublicKey,
        algorithm: Option<Algorithm>,
        kid: Option<String>,
    ) -> Result<Self, KeyError> {
        let pinned = algorithm
            .as_ref()
            .map_or(key.algorithms(), std::slice::from_ref);
        let prepare = |one: &Algorithm| Ok((*one, Verifier::Public(key.verifier(*one)?)));
        let verifiers = pinned
            .iter()
            .map(prepare)
            .collect::<Result<_, KeyError>>()?;
        Ok(Self {
            kid,
            thumbprint: Some(key.thumbprint()),
            verifiers,
        })
    }

    /// The key's identifier, as its publisher chose it.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The SHA-256 thumbprint in base64url (RFC 7638); `None` for a shared secret.
    #[must_use]
    pub fn thumbprint(&self) -> Option<&str> {
        self.thumbprint.as_deref()
    }

    /// Tells whether the key may verify signatures of this algorithm.
    #[must_use]
    pub fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithms().any(|pinned| pinned == algorithm)
    }

    /// The algorithms pinned to the key.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.verifiers.iter().map(|(algorithm, _)| *algorithm)
    }

    pub(crate) fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Refused> {
        let (_, verifier) = self
            .verifiers
            .iter()
            .find(|(pinned, _)| *pinned == algorithm)
            .ok_or(Refused::Algorithm)?;
        match verifier {
            Verifier::Public(key) => key.verify_sig(message, signature),
            Verifier::Hmac(key) => hmac::verify(key, message, signature),
        }
        .map_err(|_| Refused::Signature)
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationKey")
            .field("kid", &self.kid)
            .field("algorithms", &self.algorithms().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
