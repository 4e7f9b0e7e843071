//! Key sets of other issuers.

use doorward_crypto::jose::jwks::{Jwks, MAX_BYTES, MAX_KEYS};

/// What passes is within the bounds.
pub(super) fn run(data: &[u8]) {
    if let Ok(set) = Jwks::parse(data) {
        assert!(data.len() <= MAX_BYTES);
        assert!(set.keys().len() + set.skipped().len() <= MAX_KEYS);
        for key in set.keys() {
            assert!(key.kid().is_none_or(|kid| set.has_kid(kid)));
        }
    }
}
