//! Which of a caller's headers reach the upstream.

use doorward_core::request::ManagedHeaders;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderName, TE, TRAILER,
};
use http::{HeaderMap, HeaderValue};

use super::hop_by_hop::{is_hop_by_hop, nominated};
use crate::fault::Fault;

/// Removes what ends here: hop-by-hop headers, those that `Connection` nominates, every header
/// that only we may set, and the credential unless it is to be passed on. Joins cookie crumbs.
pub(super) fn strip(
    headers: &mut HeaderMap,
    managed: &ManagedHeaders,
    pass_credential: bool,
) -> Result<(), Fault> {
    let mut gone = Vec::new();
    let mut found = Found::default();
    for (name, value) in &*headers {
        let everyday = is_everyday(name);
        found.cookies += usize::from(*name == COOKIE);
        let ends_here = if everyday {
            false
        } else {
            found.connection |= *name == CONNECTION;
            found.trailers |= *name == TE && has_trailers(value);
            // We have answered an `Expect`, or will when the body is first read.
            *name == EXPECT || is_hop_by_hop(name) || managed.is_managed(name.as_str())
        };
        if ends_here || (!pass_credential && is_credential(name, managed)) {
            gone.push(name.clone());
        }
    }
    if found.connection {
        nominated(headers, &mut gone);
    }
    for name in gone {
        headers.remove(name);
    }
    if found.cookies > 1 {
        join_cookies(headers)?;
    }
    if found.trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    Ok(())
}

/// What one pass over a head finds.
#[derive(Default)]
struct Found {
    connection: bool,
    trailers: bool,
    cookies: usize,
}

/// Removes from trailers what would mean something as a header: identity, credentials, framing
/// and routing (RFC 9110 section 6.5.1); and names that HTTP/1 cannot carry.
pub(crate) fn strip_trailers(trailers: &mut HeaderMap, managed: &ManagedHeaders) {
    let gone: Vec<HeaderName> = trailers
        .keys()
        .filter(|name| {
            is_hop_by_hop(name)
                || name.as_str().contains('"')
                || managed.is_managed(name.as_str())
                || managed.is_credential(name.as_str())
                || [CONTENT_LENGTH, HOST, COOKIE, TRAILER].contains(name)
        })
        .cloned()
        .collect();
    for name in gone {
        trailers.remove(name);
    }
}

fn is_credential(name: &HeaderName, managed: &ManagedHeaders) -> bool {
    *name == AUTHORIZATION || managed.is_credential(name.as_str())
}

/// Headers of nearly every request, of which none can be managed: comparing each with the whole
/// list of managed names would cost more than all the rest of forwarding.
fn is_everyday(name: &HeaderName) -> bool {
    use http::header::{
        ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE, USER_AGENT,
    };
    *name == HOST
        || *name == USER_AGENT
        || *name == ACCEPT
        || *name == ACCEPT_ENCODING
        || *name == ACCEPT_LANGUAGE
        || *name == CONTENT_TYPE
        || *name == CONTENT_LENGTH
        || *name == CACHE_CONTROL
        || *name == COOKIE
        || *name == AUTHORIZATION
}

fn has_trailers(value: &HeaderValue) -> bool {
    value
        .as_bytes()
        .split(|b| *b == b',')
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

/// Joins what HTTP/2 allows to be split (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) -> Result<(), Fault> {
    let crumbs: Vec<&[u8]> = headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let joined = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])).map_err(|_| Fault::Request)?;
    headers.insert(COOKIE, joined);
    Ok(())
}
