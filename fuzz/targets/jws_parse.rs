//! Signed tokens.

use doorward_crypto::jose::jws::{Jws, Limits};

/// A token that passes has one spelling: three parts of base64url without padding.
pub(super) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(token) = Jws::parse(text, Limits::default()) else {
        return;
    };
    assert_eq!(text.matches('.').count(), 2);
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    assert!(text.bytes().all(legal));
    let _read = token.unverified_issuer();
    for padded in [format!("{text}="), format!(" {text}"), format!("{text}\n")] {
        assert!(Jws::parse(&padded, Limits::default()).is_err());
    }
}
