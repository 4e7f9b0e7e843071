//! Requests signed in the style of AWS.

use doorward_crypto::sigv4::{Authorization, Payload, Presigned, Stamp, canonical_query};

/// What is read is written in one spelling, which reads as the same.
pub(super) fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    if let Ok(read) = Authorization::parse(text) {
        let again = Authorization::parse(&read.to_string());
        assert_eq!(again.as_ref(), Ok(&read), "{read}");
        let (key, region) = (read.scope.key(), read.scope.region());
        let whole = format!(
            "{key}/{}/{region}/{}",
            read.scope.day(),
            read.scope.service()
        );
        assert_eq!(read.scope.to_string(), format!("{whole}/aws4_request"));
    }
    if let Ok(stamp) = Stamp::parse(text) {
        assert_eq!(stamp.as_str(), text);
        assert_eq!(Stamp::of(stamp.at()), stamp);
    }
    if let Ok(payload @ (Payload::Digest(_) | Payload::Unsigned)) = Payload::parse(text) {
        assert_eq!(payload.to_field(), text);
    }
    if let Some(canonical) = canonical_query(Some(text), None) {
        let again = canonical_query(Some(&canonical), None);
        assert_eq!(again.as_ref(), Some(&canonical));
        // What is signed is what was sent, but for the order of names and a missing `=`.
        let mut sent: Vec<_> = text
            .split('&')
            .map(|pair| pair.trim_end_matches('='))
            .collect();
        let mut signed: Vec<_> = canonical
            .split('&')
            .map(|pair| pair.trim_end_matches('='))
            .collect();
        sent.sort_unstable();
        signed.sort_unstable();
        assert_eq!(sent, signed);
    }
    if let Ok(link) = Presigned::parse(text) {
        let parts = &link.authorization;
        let made =
            Presigned::unsigned_query(&parts.scope, &parts.signed, (&link.stamp, link.expires));
        let made = format!("{made}&X-Amz-Signature={}", parts.signature.to_hex());
        let mut again = Presigned::parse(&made);
        if let Ok(again) = &mut again {
            again.payload = link.payload;
        }
        assert_eq!(again.as_ref(), Ok(&link));
    }
}
