//! The hosts that a route covers.

use std::fmt;

use doorward_core::request::Host;
use thiserror::Error;

/// A host name, or `*.` and a name for exactly one label before it. Ports are ignored, letter
/// case is ignored.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPattern {
    name: Box<str>,
    wildcard: bool,
}

/// A text that is not a host pattern.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum HostError {
    /// There is a port.
    #[error("`{0}` has a port; ports are ignored, leave it out")]
    Port(String),
    /// A `*` that is not the whole first label.
    #[error("`{0}`: `*` stands for one whole label, only at the start: `*.example.com`")]
    Wildcard(String),
    /// Not a host name.
    #[error("`{0}` is not a host name; write `api.example.com`, `*.example.com` or `[::1]`")]
    Name(String),
}

impl HostPattern {
    /// Parses `api.example.com`, `*.example.com`, `192.0.2.1` or `[2001:db8::1]`.
    ///
    /// # Errors
    /// [`HostError`] for anything that no request can ask for.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        let (wildcard, name) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if name.contains('*') {
            return Err(HostError::Wildcard(text.to_owned()));
        }
        let host = Host::parse(name.as_bytes()).map_err(|_| HostError::Name(text.to_owned()))?;
        if host.name() != host.as_str() {
            return Err(HostError::Port(text.to_owned()));
        }
        let is_address = name.starts_with('[') || name.parse::<std::net::Ipv4Addr>().is_ok();
        if wildcard && (is_address || !name.contains('.')) {
            return Err(HostError::Wildcard(text.to_owned()));
        }
        Ok(Self {
            name: host.name().into(),
            wildcard,
        })
    }

    /// The name in lower case, without the wildcard label.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Tells whether one more label stands before the name.
    pub(crate) const fn is_wildcard(&self) -> bool {
        self.wildcard
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.wildcard { "*." } else { "" })?;
        f.write_str(&self.name)
    }
}

impl fmt::Debug for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::{HostError, HostPattern};

    #[test]
    fn g05_patterns_are_stored_in_lower_case() {
        let shown = |text| HostPattern::parse(text).unwrap().to_string();
        assert_eq!(shown("API.Example.com"), "api.example.com");
        assert_eq!(shown("*.Example.com"), "*.example.com");
        assert_eq!(shown("[2001:DB8::1]"), "[2001:db8::1]");
    }

    #[test]
    fn what_no_request_can_ask_for_is_refused() {
        let error = |text: &str| HostPattern::parse(text).unwrap_err();
        assert_eq!(
            error("a.example:80"),
            HostError::Port("a.example:80".to_owned())
        );
        for text in [
            "*.com",
            "*.*.example",
            "a*.example.com",
            "*.[::1]",
            "*.192.0.2.1",
        ] {
            assert_eq!(error(text), HostError::Wildcard(text.to_owned()));
        }
        for text in [
            "",
            "*.",
            "a..b",
            ".a",
            "a.",
            "a/b",
            "https://a",
            "a b",
            "é.example",
        ] {
            assert_eq!(error(text), HostError::Name(text.to_owned()));
        }
    }
}
