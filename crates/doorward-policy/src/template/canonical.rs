//! Literal segments in the form that requests are matched in.

use std::fmt::Write;

use doorward_core::net::ClientAddress;
use doorward_core::request::{Arrival, ManagedHeaders, RequestFault, RequestHead, Transport};
use http::Request;

use super::TemplateFault;

/// Brings a literal segment into canonical form, by the code that does it to requests.
/// An error carries a byte offset.
pub(super) fn literal(segment: &str) -> Result<String, (usize, TemplateFault)> {
    if let Some(at) = segment.find(['?', '#']) {
        return Err((at, TemplateFault::Query));
    }
    let never = |fault| (0, TemplateFault::NeverMatches(fault));
    let parts = Request::builder()
        .uri(format!("/{}", encoded(segment)))
        .header("host", "template.invalid")
        .body(())
        .map_err(|_| never(RequestFault::RawDelimiter))?
        .into_parts()
        .0;
    let arrival = Arrival {
        client: ClientAddress::new([127, 0, 0, 1].into()),
        transport: Transport::Loopback,
    };
    let no_headers: [&str; 0] = [];
    let managed = ManagedHeaders::new(no_headers, no_headers);
    let head = RequestHead::canonicalise(parts, arrival, &managed).map_err(never)?;
    Ok(head.path().trim_start_matches('/').to_owned())
}

/// Encodes what may stand in a configuration file but not in a request line: spaces, letters of
/// other scripts, quotes.
fn encoded(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b' ' | b'"' | b'<' | b'>' | b'^' | b'`' | b'|' | 0x80.. => {
                // Writing to a string cannot fail.
                let _written = write!(out, "%{byte:02X}");
            }
            plain => out.push(char::from(plain)),
        }
    }
    out
}
