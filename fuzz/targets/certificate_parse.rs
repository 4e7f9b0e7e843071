//! Client certificates.

use doorward_core::Timestamp;
use doorward_crypto::proof::certificate::Certificate;
use doorward_crypto::proof::chain::Authority;

/// A certificate that is read has names that can be read in one way only.
pub(super) fn run(data: &[u8]) {
    let Ok(certificate) = Certificate::parse(data) else {
        return;
    };
    let names = certificate.names().unwrap_or_default();
    for name in names {
        assert!(!name.text.is_empty());
        assert!(
            name.text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'*')
        );
    }
    // Whoever is taken for an authority: judging must not panic.
    if let Ok(authority) = Authority::from_der("a", &[data.into()]) {
        let _judged = authority.vouch(&[data], Timestamp::from_secs(1_800_000_000));
    }
}
