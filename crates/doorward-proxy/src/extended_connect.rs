//! WebSocket over HTTP/2 (RFC 8441): an extended CONNECT is judged, and passed on, as the GET
//! that opens a WebSocket over HTTP/1.1. Every other CONNECT stays one, and is refused.

use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{Method, Version};
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;

/// How a caller asks to leave HTTP.
pub(crate) enum Exit {
    /// `Upgrade`, over HTTP/1.1.
    Upgrade(OnUpgrade),
    /// Extended CONNECT for WebSocket, over HTTP/2.
    Connect(OnUpgrade),
}

/// Takes the way out of a request's head, if it has one.
pub(crate) fn take(parts: &mut Parts) -> Option<Exit> {
    let upgrade = parts.extensions.remove::<OnUpgrade>()?;
    if parts.method != Method::CONNECT {
        return Some(Exit::Upgrade(upgrade));
    }
    let protocol = parts.extensions.remove::<Protocol>()?;
    // SECURITY: a CONNECT that is not exactly this keeps its method, which no rule can allow.
    if protocol.as_str() != "websocket"
        || parts.version != Version::HTTP_2
        || parts.headers.contains_key(CONTENT_LENGTH)
    {
        return None;
    }
    parts.method = Method::GET;
    Some(Exit::Connect(upgrade))
}
