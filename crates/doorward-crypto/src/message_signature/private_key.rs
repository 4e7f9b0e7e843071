//! The key that signs a request: for callers, and for the command `doorward sign`.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_core::Secret;
use thiserror::Error;
use zeroize::Zeroizing;

use super::SignatureAlgorithm;
use crate::jose::verification_key::MIN_SECRET_LEN;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// Why a private key cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PrivateKeyError {
    /// The text is not one PEM block `PRIVATE KEY` (PKCS#8).
    #[error("the text is not a PEM block PRIVATE KEY (PKCS#8)")]
    Pem,
    /// The key is not for this algorithm.
    #[error("the key is not one for this algorithm")]
    Mismatch,
    /// A shared secret of less than 32 bytes.
    #[error("the shared secret has less than {MIN_SECRET_LEN} bytes")]
    ShortSecret,
    /// The cryptographic library failed.
    #[error("signing failed")]
    Failed,
}

/// A key and its algorithm.
pub struct PrivateKey(Pair);

enum Pair {
    Ecdsa(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
    Rsa(Box<RsaKeyPair>, &'static dyn signature::RsaEncoding),
    Hmac(Box<hmac::Key>),
}

impl PrivateKey {
    /// Reads a PEM block `PRIVATE KEY` for an algorithm.
    ///
    /// # Errors
    /// [`PrivateKeyError`] when it is something else.
    pub fn from_pem(pem: &str, algorithm: SignatureAlgorithm) -> Result<Self, PrivateKeyError> {
        let body = pem
            .trim()
            .strip_prefix(BEGIN)
            .and_then(|rest| rest.strip_suffix(END))
            .ok_or(PrivateKeyError::Pem)?;
        let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
        let der = STANDARD
            .decode(body.as_bytes())
            .map(Zeroizing::new)
            .map_err(|_| PrivateKeyError::Pem)?;
        let ecdsa = |curve| {
            EcdsaKeyPair::from_pkcs8(curve, &der)
                .map(|pair| Pair::Ecdsa(Box::new(pair)))
                .map_err(|_| PrivateKeyError::Mismatch)
        };
        let rsa = |encoding: &'static dyn signature::RsaEncoding| {
            RsaKeyPair::from_pkcs8(&der)
                .map(|pair| Pair::Rsa(Box::new(pair), encoding))
                .map_err(|_| PrivateKeyError::Mismatch)
        };
        match algorithm {
            SignatureAlgorithm::EcdsaP256Sha256 => {
                ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING)
            }
            SignatureAlgorithm::EcdsaP384Sha384 => {
                ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING)
            }
            SignatureAlgorithm::Ed25519 => Ed25519KeyPair::from_pkcs8(&der)
                .map(|pair| Pair::Ed25519(Box::new(pair)))
                .map_err(|_| PrivateKeyError::Mismatch),
            SignatureAlgorithm::RsaPssSha512 => rsa(&signature::RSA_PSS_SHA512),
            SignatureAlgorithm::RsaV15Sha256 => rsa(&signature::RSA_PKCS1_SHA256),
            SignatureAlgorithm::HmacSha256 => Err(PrivateKeyError::Mismatch),
        }
        .map(Self)
    }

    /// Takes a shared secret for `hmac-sha256`.
    ///
    /// # Errors
    /// [`PrivateKeyError::ShortSecret`] below 32 bytes.
    pub fn shared(secret: &Secret<Vec<u8>>) -> Result<Self, PrivateKeyError> {
        if secret.expose().len() < MIN_SECRET_LEN {
            return Err(PrivateKeyError::ShortSecret);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        Ok(Self(Pair::Hmac(Box::new(key))))
    }

    /// Signs a signature base.
    ///
    /// # Errors
    /// [`PrivateKeyError::Failed`] when the cryptographic library fails.
    pub fn sign(&self, base: &[u8]) -> Result<Vec<u8>, PrivateKeyError> {
        let random = SystemRandom::new();
        match &self.0 {
            Pair::Ecdsa(pair) => {
                let made = pair.sign(&random, base);
                made.map(|made| made.as_ref().to_vec())
                    .map_err(|_| PrivateKeyError::Failed)
            }
            Pair::Ed25519(pair) => Ok(pair.sign(base).as_ref().to_vec()),
            Pair::Rsa(pair, encoding) => {
                let mut made = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, base, &mut made)
                    .map_err(|_| PrivateKeyError::Failed)?;
                Ok(made)
            }
            Pair::Hmac(key) => Ok(hmac::sign(key, base).as_ref().to_vec()),
        }
    }
}
