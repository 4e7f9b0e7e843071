//! Challenges of the `WWW-Authenticate` header (RFC 9110 section 11.6.1).

use std::fmt;

use http::HeaderValue;

/// One challenge: a scheme and its parameters, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenge {
    scheme: &'static str,
    params: Vec<(&'static str, String)>,
}

impl Challenge {
    /// A challenge of a scheme for a realm.
    #[must_use]
    pub fn new(scheme: &'static str, realm: &str) -> Self {
        Self {
            scheme,
            params: vec![("realm", realm.to_owned())],
        }
    }

    /// Adds a parameter at the end.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.params.push((name, value.into()));
        self
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// The header's value.
    #[must_use]
    pub fn to_header_value(&self) -> HeaderValue {
        HeaderValue::try_from(self.to_string()).unwrap_or(HeaderValue::from_static("Bearer"))
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scheme)?;
        for (n, (name, value)) in self.params.iter().enumerate() {
            f.write_str(if n == 0 { " " } else { ", " })?;
            write!(f, "{name}=\"")?;
            for c in value.chars().filter(|c| (' '..='~').contains(c)) {
                if matches!(c, '"' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{c}")?;
            }
            f.write_str("\"")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Challenge;

    #[test]
    fn values_are_quoted_and_cannot_break_out() {
        let challenge = Challenge::new("Bearer", "a\"b\\c\r\nX: y").with("scope", "r w");
        assert_eq!(
            challenge.to_string(),
            r#"Bearer realm="a\"b\\cX: y", scope="r w""#
        );
    }
}
