//! Where a request came from, and how far its path can be believed.

use std::net::IpAddr;

use doorward_core::net::{Cidrs, ClientAddress};
use doorward_core::request::{Arrival, Transport};
use http::HeaderMap;

use crate::listener::Peer;

/// Classifies one request. Forwarding headers count only from trusted terminators.
pub(crate) fn arrival(peer: Peer, headers: &HeaderMap, trusted: &Cidrs) -> Arrival {
    let direct = if peer.tls {
        Transport::Tls
    } else if peer.loopback {
        Transport::Loopback
    } else {
        Transport::Plain
    };
    if trusted.is_empty() || !trusted.contains(peer.client) {
        return Arrival {
            client: peer.client,
            transport: direct,
        };
    }
    let transport = match (said_https(headers), peer.tls) {
        (false, _) => Transport::Plain,
        (true, true) => Transport::Tls,
        (true, false) => Transport::TrustedTerminator,
    };
    Arrival {
        client: forwarded_for(headers, trusted).unwrap_or(peer.client),
        transport,
    }
}

/// Classifies a request by who sent it, over what, and what its headers report, as the listener
/// does: for tests and fuzzing of that.
#[must_use]
pub fn classify(
    client: ClientAddress,
    tls: bool,
    loopback: bool,
    headers: &HeaderMap,
    trusted: &Cidrs,
) -> Arrival {
    let peer = Peer {
        client,
        tls,
        loopback,
    };
    arrival(peer, headers, trusted)
}

/// Tells whether a trusted terminator says `https`, or nothing: ending TLS is what it is for.
fn said_https(headers: &HeaderMap) -> bool {
    headers.get_all("x-forwarded-proto").iter().all(|value| {
        value
            .as_bytes()
            .split(|b| *b == b',')
            .all(|proto| matches!(proto.trim_ascii(), b"https" | b"wss"))
    })
}

/// The rightmost address that no trusted peer has: what is left of it, anybody can have written.
fn forwarded_for(headers: &HeaderMap, trusted: &Cidrs) -> Option<ClientAddress> {
    let mut last = None;
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        // SECURITY: bytes, not text: a caller's odd byte on the left must not hide what the
        // terminator wrote on the right.
        for part in value.as_bytes().rsplit(|byte| *byte == b',') {
            let text = str::from_utf8(part).unwrap_or_default();
            let Some(address) = parse_address(text.trim()) else {
                return last;
            };
            last = Some(address);
            if !trusted.contains(address) {
                return last;
            }
        }
    }
    last
}

/// Parses an address, with or without a port.
pub(crate) fn parse_address(text: &str) -> Option<ClientAddress> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    bare.unwrap_or(text)
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|s| s.ip()))
        .map(ClientAddress::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(
        peer: &str,
        tls: bool,
        loopback: bool,
        sent: &[(&'static str, &str)],
    ) -> (String, Transport) {
        let trusted = Cidrs::parse(["10.0.0.0/8"]).unwrap();
        let peer = Peer {
            client: ClientAddress::new(peer.parse().unwrap()),
            tls,
            loopback,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(
                *name,
                http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        let arrival = arrival(peer, &headers, &trusted);
        (arrival.client.ip().to_string(), arrival.transport)
    }

    #[test]
    fn g07_forwarding_headers_count_only_from_trusted_terminators() {
        let spoof = [
            ("x-forwarded-for", "198.51.100.7"),
            ("x-forwarded-proto", "https"),
        ];
        for (peer, tls, loopback, transport) in [
            ("192.0.2.1", false, false, Transport::Plain),
            ("192.0.2.1", true, false, Transport::Tls),
            ("127.0.0.1", false, true, Transport::Loopback),
        ] {
            assert_eq!(
                classified(peer, tls, loopback, &spoof),
                (peer.to_owned(), transport)
            );
        }
        assert_eq!(
            classified("10.0.0.1", false, false, &spoof),
            ("198.51.100.7".to_owned(), Transport::TrustedTerminator)
        );
    }

    #[test]
    fn g07_the_rightmost_untrusted_address_is_the_caller() {
        for (sent, client) in [
            (&["1.1.1.1, 198.51.100.7"][..], "198.51.100.7"),
            (&["1.1.1.1, 198.51.100.7, 10.2.2.2"], "198.51.100.7"),
            (&["1.1.1.1", "198.51.100.7"], "198.51.100.7"),
            (&["198.51.100.7:4711"], "198.51.100.7"),
            (&["[2001:db8::1]:4711"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["\u{ff}, 198.51.100.7"], "198.51.100.7"),
            (&["1.1.1.1, unknown"], "10.0.0.1"),
            (&["1.1.1.1, unknown, 10.3.3.3"], "10.3.3.3"),
            (&[], "10.0.0.1"),
        ] {
            let headers: Vec<_> = sent.iter().map(|text| ("x-forwarded-for", *text)).collect();
            let found = classified("10.0.0.1", false, false, &headers);
            assert_eq!(found.0, client, "{sent:?}");
        }
    }

    #[test]
    fn a_terminator_that_says_http_is_plain() {
        let says = |proto| classified("10.0.0.1", false, true, &[("x-forwarded-proto", proto)]).1;
        assert_eq!(says("http"), Transport::Plain);
        assert_eq!(says("https, http"), Transport::Plain);
        assert_eq!(says("HTTPS"), Transport::Plain);
        assert_eq!(says("https"), Transport::TrustedTerminator);
        let over_tls =
            |proto| classified("10.0.0.1", true, false, &[("x-forwarded-proto", proto)]).1;
        assert_eq!(over_tls("https"), Transport::Tls);
        assert_eq!(over_tls("http"), Transport::Plain);
    }
}
