//! Headers that end at each connection (RFC 9110 section 7.6.1).

use http::HeaderMap;
use http::header::{
    CONNECTION, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};

/// Tells whether a header ends at the connection, whoever sends it.
pub(super) fn is_hop_by_hop(name: &HeaderName) -> bool {
    // Names that the library knows are compared by number; the others by their text.
    *name == CONNECTION
        || *name == TRANSFER_ENCODING
        || *name == TE
        || *name == UPGRADE
        || *name == PROXY_AUTHENTICATE
        || *name == PROXY_AUTHORIZATION
        || matches!(
            (name.as_str().len(), name.as_str()),
            (10, "keep-alive")
                | (14, "http2-settings")
                | (16, "proxy-connection")
                | (25, "proxy-authentication-info")
        )
}

/// Collects the headers that `Connection` nominates to end here. Broken names are passed over:
/// no header bears one.
pub(super) fn nominated(headers: &HeaderMap, into: &mut Vec<HeaderName>) {
    for value in headers.get_all(CONNECTION) {
        if is_usual(value.as_bytes()) {
            continue;
        }
        for name in value.as_bytes().split(|b| *b == b',') {
            let name = name.trim_ascii();
            if !is_usual(name)
                && let Ok(name) = HeaderName::from_bytes(name)
            {
                into.push(name);
            }
        }
    }
}

/// Tells whether a `Connection` option nominates nothing.
fn is_usual(option: &[u8]) -> bool {
    option.is_empty()
        || option.eq_ignore_ascii_case(b"keep-alive")
        || option.eq_ignore_ascii_case(b"close")
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
