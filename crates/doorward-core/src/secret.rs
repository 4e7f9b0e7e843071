//! Values that must not be printed or compared by accident.

use std::convert::AsRef;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Holds a secret value.
///
/// It has no `Debug`, `Display`, `Serialize` or `PartialEq`. The value is read only through
/// [`Secret::expose`], compared only through [`Secret::matches`] in constant time, and wiped
/// when dropped.
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value into custody.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Lends the value. Every call of this function is a place to review.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize + AsRef<[u8]>> Secret<T> {
    /// Tells whether both secrets are the same bytes, in time that depends on their length only.
    #[must_use]
    pub fn matches(&self, other: &[u8]) -> bool {
        self.0.as_ref().ct_eq(other).into()
    }
}

impl<T: Zeroize + Clone> Clone for Secret<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn matches_compares_all_bytes() {
        let secret = Secret::new(b"correct horse".to_vec());
        assert!(secret.matches(b"correct horse"));
        assert!(!secret.matches(b"correct hors"));
        assert!(!secret.matches(b"correct horsf"));
        assert!(!secret.matches(b""));
    }
}
