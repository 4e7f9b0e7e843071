//! Randomness from the operating system.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use doorward_core::Entropy;

/// The source of randomness that production uses.
#[derive(Clone, Debug, Default)]
pub struct OsEntropy(SystemRandom);

impl OsEntropy {
    /// Opens the source.
    #[must_use]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Entropy for OsEntropy {
    fn fill(&self, into: &mut [u8]) {
        // SECURITY: a secret made without randomness is worse than no process.
        if self.0.fill(into).is_err() {
            std::process::abort();
        }
    }
}
