//! Sealing small secrets for storage, with AES-256-GCM.
//!
//! A sealed secret is one byte of version (1), 12 bytes of nonce, and the ciphertext with its
//! tag of 16 bytes. The context is authenticated and not stored.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use doorward_core::{Entropy, Secret};
use thiserror::Error;
use zeroize::Zeroize as _;

const VERSION: u8 = 1;

/// Why a secret can't be sealed or opened.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SealError {
    /// The bytes are not a sealed secret of a known version.
    #[error("the bytes are not a sealed secret")]
    Format,
    /// The bytes changed, or the sealing key or the context is another.
    #[error("the sealed secret does not open with this key and context")]
    Refused,
    /// The cryptographic library failed.
    #[error("sealing failed")]
    Failed,
}

/// A key of 32 bytes that seals other secrets. With random nonces, one key is good for 2^32
/// secrets.
pub struct SealingKey(LessSafeKey);

impl SealingKey {
    /// Takes the key.
    ///
    /// # Errors
    /// [`SealError::Failed`] when the cryptographic library fails.
    pub fn new(key: &Secret<[u8; 32]>) -> Result<Self, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, key.expose()).map_err(|_| SealError::Failed)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Seals a secret, bound to a context such as the name of the row that will hold it.
    ///
    /// # Errors
    /// [`SealError::Failed`] when the cryptographic library fails.
    pub fn seal(
        &self,
        context: &str,
        secret: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut sealed = secret.to_vec();
        let tag = self.0.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(associated(context)),
            &mut sealed,
        );
        let Ok(tag) = tag else {
            sealed.zeroize();
            return Err(SealError::Failed);
        };
        Ok([
            &[VERSION],
            nonce.as_slice(),
            sealed.as_slice(),
            tag.as_ref(),
        ]
        .concat())
    }

    /// Opens what [`SealingKey::seal`] sealed for the same context.
    ///
    /// # Errors
    /// [`SealError`] when the bytes are something else, or changed.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, SealError> {
        let (VERSION, rest) = sealed
            .split_first()
            .map(|(v, r)| (*v, r))
            .ok_or(SealError::Format)?
        else {
            return Err(SealError::Format);
        };
        let (nonce, rest) = rest
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(SealError::Format)?;
        let mut buffer = rest.to_vec();
        let secret = self
            .0
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(associated(context)),
                &mut buffer,
            )
            .map(|plain| Secret::new(plain.to_vec()))
            .map_err(|_| SealError::Refused);
        buffer.zeroize();
        secret
    }
}

/// Binds the format's version to the ciphertext too.
fn associated(context: &str) -> Vec<u8> {
    [b"doorward-seal\0\x01".as_slice(), context.as_bytes()].concat()
}
