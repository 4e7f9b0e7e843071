//! Randomness as a parameter.

/// A source of random bytes fit for secrets.
///
/// The crypto crate has the implementation that asks the operating system; tests use a seeded
/// one.
pub trait Entropy: Send + Sync {
    /// Fills `into` with random bytes. Implementations abort the process rather than return
    /// predictable bytes.
    fn fill(&self, into: &mut [u8]);
}
