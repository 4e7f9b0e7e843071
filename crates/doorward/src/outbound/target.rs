//! What a URL names, before anybody is asked for its address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use doorward_core::net::{Cidrs, ClientAddress};
use http::Uri;

use super::{OutboundError, address};

/// A parsed URL.
pub(super) struct Target {
    /// Whether it is https.
    pub(super) tls: bool,
    /// The name or address, without brackets.
    pub(super) host: String,
    /// The port.
    pub(super) port: u16,
    /// Host and port as written.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
}

impl Target {
    /// Parses an absolute http or https URL.
    pub(super) fn parse(url: &str) -> Result<Self, OutboundError> {
        let authority = url.split("//").nth(1).unwrap_or(url);
        let authority = authority.split(['/', '?', '#']).next().unwrap_or(authority);
        // SECURITY: first of all, because the other errors quote the URL.
        if authority.contains('@') {
            return Err(OutboundError::UserInfo);
        }
        let wrong = || OutboundError::Url(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong()),
        };
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        if host.is_empty() || is_odd_number(host) {
            return Err(wrong());
        }
        Ok(Self {
            tls,
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            authority: authority.as_str().to_owned(),
            path: uri.path_and_query().map_or("/", |p| p.as_str()).to_owned(),
        })
    }

    /// Refuses an address that may not be called.
    pub(super) fn check(&self, ip: IpAddr, allow: &Cidrs) -> Result<(), OutboundError> {
        let client = ClientAddress::new(ip);
        if allow.contains(client) {
            return Ok(());
        }
        if !self.tls {
            return Err(OutboundError::Plain(self.authority.clone()));
        }
        if !address::is_global(client.ip()) {
            return Err(OutboundError::Private(self.host.clone(), ip));
        }
        Ok(())
    }

    /// Refuses what would be refused whatever a name stands for.
    pub(super) fn check_unresolved(&self, allow: &Cidrs) -> Result<(), OutboundError> {
        if let Ok(ip) = self.host.parse() {
            return self.check(ip, allow);
        }
        let name = self.host.trim_end_matches('.').to_ascii_lowercase();
        if name == "localhost" || name.ends_with(".localhost") {
            let either = self.check(Ipv4Addr::LOCALHOST.into(), allow);
            return either.or_else(|_| self.check(Ipv6Addr::LOCALHOST.into(), allow));
        }
        if !self.tls && allow.is_empty() {
            return Err(OutboundError::Plain(self.authority.clone()));
        }
        Ok(())
    }
}

/// Tells whether a host is a number that resolvers read as an address and we do not: `127.1`,
/// `0x7f000001`.
fn is_odd_number(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next();
    let numeric = last.is_some_and(|last| {
        let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
        hex.map_or_else(
            || !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()),
            |hex| hex.bytes().all(|b| b.is_ascii_hexdigit()),
        )
    });
    numeric && host.parse::<IpAddr>().is_err()
}
