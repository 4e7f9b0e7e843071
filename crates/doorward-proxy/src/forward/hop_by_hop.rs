//! Headers that end at each connection (RFC 9110 section 7.6.1).

use http::HeaderMap;
use http::header::{CONNECTION, HeaderName, TRANSFER_ENCODING};

/// Tells whether a header ends at the connection, whoever sends it.
pub(super) fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "transfer-encoding"
            | "te"
            | "upgrade"
            | "http2-settings"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-authentication-info"
    )
}

/// Collects the headers that `Connection` nominates to end here. Broken names are passed over:
/// no header bears one.
pub(super) fn nominated(headers: &HeaderMap, into: &mut Vec<HeaderName>) {
    for value in headers.get_all(CONNECTION) {
        for name in value.as_bytes().split(|b| *b == b',') {
            let name = name.trim_ascii();
            let common = name.eq_ignore_ascii_case(b"close")
                || name.eq_ignore_ascii_case(b"keep-alive")
                || name.is_empty();
            if !common && let Ok(name) = HeaderName::from_bytes(name) {
                into.push(name);
            }
        }
    }
}

/// Tells whether a `Connection` header holds a token.
pub(super) fn connection_has(headers: &HeaderMap, token: &str) -> bool {
    headers.get_all(CONNECTION).iter().any(|value| {
        value
            .as_bytes()
            .split(|b| *b == b',')
            .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    })
}

/// Removes what HTTP/2 forbids (RFC 9113 section 8.2.2) and we set for HTTP/1.1.
pub(super) fn remove_for_http2(headers: &mut HeaderMap) {
    headers.remove(CONNECTION);
    headers.remove(TRANSFER_ENCODING);
}
