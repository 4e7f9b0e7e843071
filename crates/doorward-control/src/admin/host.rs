//! Under which names the admin listener answers.

use std::net::{IpAddr, Ipv6Addr};

use doorward_core::request::Host;
use http::header::HOST;
use http::{HeaderMap, Uri};

/// `localhost`, plain addresses, and configured names.
pub(super) struct KnownHosts(Vec<Box<str>>);

impl KnownHosts {
    /// Takes the configured names; a port is ignored.
    pub(super) fn new(names: &[String]) -> Self {
        let name = |text: &String| {
            Host::parse(text.as_bytes())
                .ok()
                .map(|host| host.name().into())
        };
        Self(names.iter().filter_map(name).collect())
    }

    /// Tells whether a request names exactly one host, and a known one.
    pub(super) fn is_known(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut named = headers.get_all(HOST).iter();
        let header = named.next().map(http::HeaderValue::as_bytes);
        let authority = uri.authority().map(|text| text.as_str().as_bytes());
        let text = match (header, authority) {
            _ if named.next().is_some() => return false,
            (Some(h), Some(a)) if !h.eq_ignore_ascii_case(a) => return false,
            (Some(text), _) | (None, Some(text)) => text,
            (None, None) => return false,
        };
        Host::parse(text).is_ok_and(|host| self.knows(host.name()))
    }

    fn knows(&self, name: &str) -> bool {
        // A page can rebind a name that it owns; it cannot own an address.
        name == "localhost" || is_address(name) || self.0.iter().any(|known| **known == *name)
    }
}

fn is_address(name: &str) -> bool {
    match name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => name.parse::<IpAddr>().is_ok(),
    }
}
