//! Signing with ES256, the one algorithm Doorward signs with.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use doorward_core::{Entropy, Secret};
use serde_json::json;
use thiserror::Error;
use zeroize::Zeroize as _;

use super::public_key::{Curve, PublicKey};
use super::{Algorithm, KeyError, VerificationKey, b64};
use crate::seal::{SealError, SealingKey};

/// An ECPrivateKey (RFC 5915) on P-256 up to its 32 secret bytes, and what follows them.
const EC_PRIVATE_KEY: [u8; 7] = [0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
const NAMED_P256: [u8; 12] = [
    0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
];

/// Why a signing key can't be made or used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SigningKeyError {
    /// The bytes are not an ES256 private key, or not the one named by its `kid`.
    #[error("the private key is not the ES256 key it should be")]
    NotThisKey,
    /// The sealed key can't be opened.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// The cryptographic library failed.
    #[error("signing failed")]
    Failed,
}

/// An ES256 key pair. Its `kid` is the RFC 7638 thumbprint of its public half.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
    kid: String,
    x: String,
    y: String,
}

impl SigningKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// [`SigningKeyError::Failed`] when no key can be made of what `entropy` gives.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, SigningKeyError> {
        // One draw in 2^32 is not below the order of the curve: three in a row never happen.
        (0..3)
            .find_map(|_| draw(entropy))
            .ok_or(SigningKeyError::Failed)
            .and_then(Self::from_pair)
    }

    /// Opens a key that [`SigningKey::seal`] sealed.
    ///
    /// # Errors
    /// [`SigningKeyError`] when the sealing key or the `kid` is another, or the bytes changed.
    pub fn unseal(sealing: &SealingKey, kid: &str, sealed: &[u8]) -> Result<Self, SigningKeyError> {
        let pkcs8 = sealing.open(&context(kid), sealed)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.expose())
            .map_err(|_| SigningKeyError::NotThisKey)?;
        let key = Self::from_pair(pair)?;
        if key.kid == kid {
            Ok(key)
        } else {
            Err(SigningKeyError::NotThisKey)
        }
    }

    /// Seals the private key (PKCS#8) for storage, bound to its `kid`.
    ///
    /// # Errors
    /// [`SigningKeyError`] when the cryptographic library fails.
    pub fn seal(
        &self,
        sealing: &SealingKey,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SigningKeyError> {
        let pkcs8 = self
            .pair
            .to_pkcs8v1()
            .map_err(|_| SigningKeyError::Failed)?;
        let pkcs8 = Secret::new(pkcs8.as_ref().to_vec());
        Ok(sealing.seal(&context(&self.kid), pkcs8.expose(), entropy)?)
    }

    /// The key's identifier: its thumbprint in base64url.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half as a JWK, for the published key set.
    #[must_use]
    pub fn public_jwk(&self) -> serde_json::Value {
        json!({
            "kty": "EC", "crv": "P-256", "x": self.x, "y": self.y,
            "kid": self.kid, "use": "sig", "alg": "ES256",
        })
    }

    /// The public half as a key that verifies.
    ///
    /// # Errors
    /// [`KeyError`] when the cryptographic library fails.
    pub fn verification_key(&self) -> Result<VerificationKey, KeyError> {
        VerificationKey::new(&self.public, Some(Algorithm::Es256), Some(self.kid.clone()))
    }

    /// Signs claims as a compact JWS with this `typ`. `claims_json` is the payload as it goes
    /// out: the caller answers for its being JSON.
    ///
    /// # Errors
    /// [`SigningKeyError::Failed`] when the cryptographic library fails.
    pub fn sign(&self, typ: &str, claims_json: &str) -> Result<String, SigningKeyError> {
        let header = json!({ "alg": "ES256", "kid": self.kid, "typ": typ }).to_string();
        let mut token = b64::encode(header);
        token.push('.');
        token.push_str(&b64::encode(claims_json));
        let signature = self
            .pair
            .sign(&SystemRandom::new(), token.as_bytes())
            .map_err(|_| SigningKeyError::Failed)?;
        token.push('.');
        token.push_str(&b64::encode(signature));
        Ok(token)
    }

    fn from_pair(pair: EcdsaKeyPair) -> Result<Self, SigningKeyError> {
        let point = pair.public_key().as_ref();
        let (x, y) = point
            .strip_prefix(&[4])
            .and_then(|point| point.split_at_checked(32))
            .ok_or(SigningKeyError::Failed)?;
        let (x, y) = (x.to_vec(), y.to_vec());
        let (x_text, y_text) = (b64::encode(&x), b64::encode(&y));
        let public = PublicKey::ec(Curve::P256, x, y).map_err(|_| SigningKeyError::Failed)?;
        let kid = public.thumbprint();
        Ok(Self {
            pair,
            public,
            kid,
            x: x_text,
            y: y_text,
        })
    }
}

fn context(kid: &str) -> String {
    format!("signing-key/{kid}")
}

/// A new P-256 key as PKCS#8, for what is not a token's.
pub(crate) fn draw_pkcs8(entropy: &dyn Entropy) -> Option<Secret<Vec<u8>>> {
    let pair = (0..3).find_map(|_| draw(entropy))?;
    let pkcs8 = pair.to_pkcs8v1().ok()?;
    Some(Secret::new(pkcs8.as_ref().to_vec()))
}

fn draw(entropy: &dyn Entropy) -> Option<EcdsaKeyPair> {
    let mut der = [0; 51];
    let (head, rest) = der.split_at_mut(EC_PRIVATE_KEY.len());
    let (scalar, tail) = rest.split_at_mut(32);
    head.copy_from_slice(&EC_PRIVATE_KEY);
    tail.copy_from_slice(&NAMED_P256);
    entropy.fill(scalar);
    let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der);
    der.zeroize();
    pair.ok()
}
