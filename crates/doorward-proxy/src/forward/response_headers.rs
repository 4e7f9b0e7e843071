//! Which of an upstream's headers reach the caller.

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING};
use http::{HeaderMap, Response};
use http_body::Body as _;
use hyper::body::Incoming;

use super::hop_by_hop::{is_hop_by_hop, nominated};
use crate::fault::Fault;

/// Removes what ends here, and refuses what no caller should see.
pub(super) fn clean(response: &mut Response<Incoming>) -> Result<(), Fault> {
    if response.status().is_informational() {
        // SECURITY: a switch that nobody asked for must not open a tunnel (G14).
        return Err(Fault::Upgrade);
    }
    // SECURITY: the length that we state is the one that we enforce.
    let mut lengths = response.headers().get_all(CONTENT_LENGTH).iter();
    let plain = lengths
        .next()
        .is_none_or(|value| value.as_bytes().iter().all(u8::is_ascii_digit));
    let ambiguous = !plain || lengths.next().is_some();
    let chunked = response.headers().contains_key(TRANSFER_ENCODING);
    if ambiguous || chunked {
        let exact = response.body().size_hint().exact();
        response.headers_mut().remove(CONTENT_LENGTH);
        if let (Some(length), false) = (exact, chunked) {
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
    }
    strip(response.headers_mut());
    Ok(())
}

/// Removes hop-by-hop headers and those that `Connection` nominates.
pub(super) fn strip(headers: &mut HeaderMap) {
    let mut gone: Vec<HeaderName> = Vec::new();
    if headers.contains_key(CONNECTION) {
        nominated(headers, &mut gone);
        // Losing these would change what the answer means.
        gone.retain(|name| *name != CONTENT_LENGTH);
    }
    gone.extend(headers.keys().filter(|name| is_hop_by_hop(name)).cloned());
    for name in gone {
        headers.remove(name);
    }
}
