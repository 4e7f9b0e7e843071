//! The headers of message signatures.

use doorward_crypto::message_signature::Signatures;
use doorward_crypto::message_signature::structured_field::{Dictionary, Twice};
use http::{HeaderMap, HeaderValue};

/// What is read is written in one spelling, which reads as the same; what is covered is covered
/// once.
pub(super) fn run(data: &[u8]) {
    if let Ok(read) = Dictionary::parse(data, Twice::LastCounts) {
        let written = read.to_string();
        let again = Dictionary::parse(written.as_bytes(), Twice::Refused);
        assert_eq!(again.as_ref(), Ok(&read), "{written}");
    }
    let Ok(input) = HeaderValue::from_bytes(data) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert("signature-input", input);
    headers.insert("signature", HeaderValue::from_static("sig1=:AAAA:"));
    let Ok(Some(signatures)) = Signatures::parse(&headers) else {
        return;
    };
    if let Ok((covered, _)) = signatures.of("sig1") {
        let all = covered.components();
        for (n, component) in all.iter().enumerate() {
            assert!(!all.iter().skip(n + 1).any(|other| other == component));
            assert!(covered.covers(component) || component.to_string().contains(";key="));
        }
    }
}
