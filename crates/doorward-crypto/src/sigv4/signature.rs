//! Signing and verifying: HMAC-SHA-256 under a key that is derived for a day, a region and a
//! service.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use doorward_core::Secret;
use zeroize::Zeroizing;

use super::{ALGORITHM, CredentialScope, SigV4Error, Stamp, hex};
use crate::digest::{fixed, sha256};
use crate::message_signature::SignatureRefused;

/// A signature. Compared in constant time, and only by verifying.
#[derive(Clone, Copy)]
pub struct SigV4Signature([u8; 32]);

/// What is signed: the time, the scope and the digest of the canonical request.
#[must_use]
pub fn string_to_sign(stamp: &Stamp, scope: &CredentialScope, canonical: &str) -> String {
    let digest = hex::write(&sha256(canonical.as_bytes()));
    let (stamp, scope) = (stamp.as_str(), scope.without_key());
    format!("{ALGORITHM}\n{stamp}\n{scope}\n{digest}")
}

impl SigV4Signature {
    /// Reads 64 digits of lower-case hexadecimal.
    ///
    /// # Errors
    /// [`SigV4Error::Signature`] for anything else.
    pub fn parse(text: &str) -> Result<Self, SigV4Error> {
        hex::read(text).map(Self).ok_or(SigV4Error::Signature)
    }

    /// Signs.
    #[must_use]
    pub fn sign(secret: &Secret<Vec<u8>>, scope: &CredentialScope, text: &str) -> Self {
        let mut key = Zeroizing::new(b"AWS4".to_vec());
        key.extend_from_slice(secret.expose());
        let mut key = mac(&key, scope.day());
        for part in [scope.region(), scope.service(), "aws4_request"] {
            key = mac(key.as_ref(), part);
        }
        Self(*mac(key.as_ref(), text))
    }

    /// Verifies, in time that tells nothing of where the difference is.
    ///
    /// # Errors
    /// [`SignatureRefused`] when something else was signed, or with another secret.
    pub fn verify(
        &self,
        secret: &Secret<Vec<u8>>,
        scope: &CredentialScope,
        text: &str,
    ) -> Result<(), SignatureRefused> {
        let Self(wanted) = Self::sign(secret, scope, text);
        verify_slices_are_equal(&wanted, &self.0).map_err(|_| SignatureRefused)
    }

    /// The signature's text.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::write(&self.0)
    }
}

fn mac(key: &[u8], text: &str) -> Zeroizing<[u8; 32]> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    Zeroizing::new(fixed(hmac::sign(&key, text.as_bytes()).as_ref()))
}

impl PartialEq for SigV4Signature {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for SigV4Signature {}

impl fmt::Debug for SigV4Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigV4Signature(..)")
    }
}
