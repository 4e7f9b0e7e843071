//! What several tests need: a counter as randomness, keys, and tokens with any header.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::hmac;
use doorward_core::{Entropy, Secret};
use doorward_crypto::digest::sha256;
use doorward_crypto::jose::{Jws, JwsError, Limits, Object, VerificationKey, VerifiedPayload, b64};

/// Bytes that look random and are the same in every run.
pub(crate) struct Seeded(AtomicU64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed << 32))
    }
}

impl Entropy for Seeded {
    fn fill(&self, into: &mut [u8]) {
        for chunk in into.chunks_mut(32) {
            let block = sha256(&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

pub(crate) const SECRET: [u8; 32] = *b"0123456789abcdef0123456789ABCDEF";

pub(crate) fn hmac_key() -> VerificationKey {
    VerificationKey::hmac(&Secret::new(SECRET.to_vec()), None).unwrap()
}

/// A token with this header and payload, signed with [`SECRET`] whatever the header says.
pub(crate) fn token(header: &str, payload: &str) -> String {
    let input = format!("{}.{}", b64::encode(header), b64::encode(payload));
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, &SECRET),
        input.as_bytes(),
    );
    format!("{input}.{}", b64::encode(tag))
}

pub(crate) fn parse(token: &str) -> Result<Jws<'_>, JwsError> {
    Jws::parse(token, Limits::default())
}

pub(crate) fn verify(token: &str, key: &VerificationKey) -> Result<VerifiedPayload, JwsError> {
    parse(token)?.verify(key)
}

pub(crate) fn jwk(text: &str) -> Object {
    Object::parse(text.as_bytes(), 1 << 20).unwrap()
}

pub(crate) fn key(text: &str) -> VerificationKey {
    VerificationKey::from_jwk(&jwk(text)).unwrap()
}
