//! The opening handshake of WebSocket (RFC 6455 section 4.1).
//!
//! SHA-1 protects nothing here: the standard uses it so that a server which does not know
//! WebSocket cannot agree to it by accident.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_core::Entropy;
use sha1::{Digest as _, Sha1};

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Makes a value of `Sec-WebSocket-Key`.
#[must_use]
pub fn key(entropy: &dyn Entropy) -> String {
    let mut nonce = [0; 16];
    entropy.fill(&mut nonce);
    STANDARD.encode(nonce)
}

/// Computes the `Sec-WebSocket-Accept` that answers a key.
#[must_use]
pub fn accept(key: &str) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    STANDARD.encode(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r109_the_example_of_rfc_6455_section_1_3() {
        assert_eq!(
            accept("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }
}
