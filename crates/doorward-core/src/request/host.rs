//! The host that a request asks for.

use std::fmt;

use http::{Uri, Version};
use smallvec::SmallVec;

use super::{Field, RequestFault};

/// The longest host and port that is accepted, in bytes.
const MAX_HOST_LEN: usize = 260;

/// Host and optional port, in lower case (RFC 9110 section 7.2).
#[derive(Clone, PartialEq, Eq)]
pub struct Host {
    text: SmallVec<[u8; 64]>,
    name_len: usize,
}

impl Host {
    /// Finds the one host that a request names.
    ///
    /// # Errors
    /// [`RequestFault::Host`] when there is none or it is malformed, [`RequestFault::TwoHosts`]
    /// when the target and the Host header disagree.
    pub(super) fn of(uri: &Uri, named: &Field<'_>, version: Version) -> Result<Self, RequestFault> {
        let header = named.value.map(http::HeaderValue::as_bytes);
        if named.count > 1 {
            return Err(RequestFault::TwoHosts);
        }
        let authority = uri
            .authority()
            .map(|authority| authority.as_str().as_bytes());
        if version < Version::HTTP_2 && header.is_none() {
            return Err(RequestFault::Host);
        }
        match (authority, header) {
            (Some(a), Some(h)) if !a.eq_ignore_ascii_case(h) => Err(RequestFault::TwoHosts),
            (Some(text), _) | (None, Some(text)) => Self::parse(text),
            (None, None) => Err(RequestFault::Host),
        }
    }

    /// Parses `name`, `name:port`, `[ipv6]` or `[ipv6]:port`.
    ///
    /// # Errors
    /// [`RequestFault::Host`] for anything else: userinfo, empty names, other characters.
    pub fn parse(text: &[u8]) -> Result<Self, RequestFault> {
        if text.is_empty() || text.len() > MAX_HOST_LEN {
            return Err(RequestFault::Host);
        }
        let name_len = if text.first() == Some(&b'[') {
            text.iter()
                .position(|b| *b == b']')
                .ok_or(RequestFault::Host)?
                + 1
        } else {
            text.iter().position(|b| *b == b':').unwrap_or(text.len())
        };
        let (name, port) = text.split_at(name_len);
        if !is_name(name) || !is_port(port) {
            return Err(RequestFault::Host);
        }
        let mut text = SmallVec::from_slice(text);
        text.make_ascii_lowercase();
        Ok(Self { text, name_len })
    }

    /// The host without its port.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text
            .get(..self.name_len)
            .and_then(|name| str::from_utf8(name).ok())
            .unwrap_or("")
    }

    /// Tells whether it is an address and no name.
    #[must_use]
    pub fn is_address(&self) -> bool {
        self.name().starts_with('[') || self.name().parse::<std::net::Ipv4Addr>().is_ok()
    }

    /// Host and port as sent, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.text).unwrap_or("")
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

fn is_name(name: &[u8]) -> bool {
    if let Some(inner) = name
        .strip_prefix(b"[")
        .and_then(|rest| rest.strip_suffix(b"]"))
    {
        return str::from_utf8(inner).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok());
    }
    // SECURITY: a trailing or doubled dot names the same host to DNS and another host to a table.
    let mut before = b'.';
    for byte in name {
        let legal = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if !legal || (*byte == b'.' && before == b'.') {
            return false;
        }
        before = *byte;
    }
    before != b'.'
}

fn is_port(port: &[u8]) -> bool {
    let Some(digits) = port.strip_prefix(b":") else {
        return port.is_empty();
    };
    (1..=5).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && str::from_utf8(digits).is_ok_and(|text| text.parse::<u16>().is_ok())
}
