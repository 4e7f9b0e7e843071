//! The issuer identifier, and the addresses below it (RFC 8414 section 3, RFC 9207 section 2).

use thiserror::Error;

/// Who we are: one URL, the same bytes wherever it stands. Never made from a request.
#[derive(Clone, Debug)]
pub struct Issuer {
    url: String,
    origin_len: usize,
}

/// A text that is not an issuer identifier.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("an issuer is a URL with a host, without query, fragment or final slash")]
pub struct NotAnIssuer;

impl Issuer {
    /// Parses an issuer identifier.
    ///
    /// # Errors
    /// [`NotAnIssuer`] when the text is not one.
    pub fn parse(url: &str) -> Result<Self, NotAnIssuer> {
        let after = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"))
            .ok_or(NotAnIssuer)?;
        let odd = |c: char| c.is_control() || matches!(c, '?' | '#' | ' ' | '\\' | '@');
        let host = after.split('/').next().unwrap_or_default();
        if host.is_empty() || url.ends_with('/') || after.contains(odd) {
            return Err(NotAnIssuer);
        }
        let origin_len = url.len() - after.len() + host.len();
        Ok(Self {
            url: url.to_owned(),
            origin_len,
        })
    }

    /// The identifier, byte for byte as configured.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The scheme and host of it.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.url.get(..self.origin_len).unwrap_or_default()
    }

    /// The path of it: empty, or a path without a final slash.
    #[must_use]
    pub fn path(&self) -> &str {
        self.url.get(self.origin_len..).unwrap_or_default()
    }

    /// The address of something below it.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::Issuer;

    #[test]
    fn an_issuer_has_one_spelling() {
        let plain = Issuer::parse("https://door.example").unwrap();
        assert_eq!((plain.origin(), plain.path()), ("https://door.example", ""));
        let tenant = Issuer::parse("https://door.example:8443/t/1").unwrap();
        assert_eq!(tenant.origin(), "https://door.example:8443");
        assert_eq!(tenant.path(), "/t/1");
        assert_eq!(
            tenant.at("/oauth2/token"),
            "https://door.example:8443/t/1/oauth2/token"
        );
        for bad in [
            "door.example",
            "https://",
            "https://d/",
            "https://d/?x",
            "https://d#f",
            "https://u@d",
            "ftp://d",
        ] {
            assert!(Issuer::parse(bad).is_err(), "{bad}");
        }
    }
}
