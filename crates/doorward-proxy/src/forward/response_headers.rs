//! Which of an upstream's headers reach the caller.

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING};
use http::{HeaderMap, Response, Version};
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
    let found = Found::in_head(response.headers());
    // SECURITY: the length that we state is the one that we enforce.
    if found.chunked || found.lengths > 1 || found.odd_length {
        let exact = response.body().size_hint().exact();
        response.headers_mut().remove(CONTENT_LENGTH);
        if let (Some(length), false) = (exact, found.chunked) {
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
    }
    found.remove_from(response.headers_mut());
    if response.version() == Version::HTTP_2 {
        remove_odd_names(response.headers_mut());
    }
    Ok(())
}

/// Removes what the parser of HTTP/2 lets pass and HTTP/1 cannot carry: names with a quotation mark.
fn remove_odd_names(headers: &mut HeaderMap) {
    let odd = headers.keys().filter(|name| name.as_str().contains('"'));
    for name in odd.cloned().collect::<Vec<HeaderName>>() {
        headers.remove(name);
    }
}

/// Removes hop-by-hop headers and those that `Connection` nominates.
pub(super) fn strip(headers: &mut HeaderMap) {
    Found::in_head(headers).remove_from(headers);
}

/// What one pass over a head finds.
#[derive(Default)]
struct Found {
    chunked: bool,
    lengths: usize,
    odd_length: bool,
    gone: Vec<HeaderName>,
}

impl Found {
    fn in_head(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        let mut connection = false;
        for (name, value) in headers {
            if *name == CONTENT_LENGTH {
                found.lengths += 1;
                found.odd_length |= !value.as_bytes().iter().all(u8::is_ascii_digit);
            } else if is_hop_by_hop(name) {
                found.chunked |= *name == TRANSFER_ENCODING;
                connection |= *name == CONNECTION;
                found.gone.push(name.clone());
            }
        }
        if connection {
            nominated(headers, &mut found.gone);
            // Losing it would change what the answer means.
            found.gone.retain(|name| *name != CONTENT_LENGTH);
        }
        found
    }

    fn remove_from(self, headers: &mut HeaderMap) {
        for name in self.gone {
            headers.remove(name);
        }
    }
}
