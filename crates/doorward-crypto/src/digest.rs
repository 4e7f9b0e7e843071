//! Digests of credentials, for looking them up without keeping them.

use aws_lc_rs::{digest, hmac};
use doorward_core::{Entropy, Secret};
use zeroize::Zeroize as _;

/// The SHA-256 digest of some bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    fixed(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// A random key that lives as long as the process, for digests that must mean nothing outside
/// it, such as the keys of a cache; or one that is derived from a lasting secret, for digests
/// that must mean the same after a restart and nothing to anybody else.
pub struct ProcessKey(hmac::Key);

impl ProcessKey {
    /// Makes the key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut key = [0; 32];
        entropy.fill(&mut key);
        let prepared = hmac::Key::new(hmac::HMAC_SHA256, &key);
        key.zeroize();
        Self(prepared)
    }

    /// Derives a key from a secret: another one for each purpose, and none tells of another.
    #[must_use]
    pub fn derived(secret: &Secret<[u8; 32]>, purpose: &str) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        let mut context = hmac::Context::with_key(&root);
        context.update(b"doorward-derived-key\0");
        context.update(purpose.as_bytes());
        let mut key = fixed(context.sign().as_ref());
        let prepared = hmac::Key::new(hmac::HMAC_SHA256, &key);
        key.zeroize();
        Self(prepared)
    }

    /// The HMAC-SHA-256 of `bytes` in `domain`. Equal bytes in two domains have unrelated
    /// digests.
    #[must_use]
    pub fn digest(&self, domain: &str, bytes: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        // The length keeps domain and bytes apart.
        context.update(&(domain.len() as u64).to_be_bytes());
        context.update(domain.as_bytes());
        context.update(bytes);
        fixed(context.sign().as_ref())
    }
}

/// Copies a digest of 32 bytes; the algorithms of this crate give no other length.
pub(crate) fn fixed(digest: &[u8]) -> [u8; 32] {
    let mut copy = [0; 32];
    debug_assert_eq!(digest.len(), copy.len());
    for (to, from) in copy.iter_mut().zip(digest) {
        *to = *from;
    }
    copy
}
