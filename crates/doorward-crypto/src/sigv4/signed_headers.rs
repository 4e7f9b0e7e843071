//! `SignedHeaders`: which headers a signature covers.

use std::fmt;

use http::HeaderName;
use http::header::AUTHORIZATION;

use super::SigV4Error;

/// The most headers that one signature covers.
const MOST: usize = 64;

/// Names in lower case, sorted, each once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedHeaders {
    text: Box<str>,
    names: Vec<HeaderName>,
}

impl SignedHeaders {
    /// Reads `host;x-amz-date`.
    ///
    /// # Errors
    /// [`SigV4Error::SignedHeaders`] for anything that is spelled or sorted otherwise.
    pub fn parse(text: &str) -> Result<Self, SigV4Error> {
        let mut names: Vec<HeaderName> = Vec::new();
        let mut before = "";
        for part in text.split(';') {
            if part <= before || names.len() == MOST || part.bytes().any(|b| b.is_ascii_uppercase())
            {
                return Err(SigV4Error::SignedHeaders);
            }
            let name = HeaderName::from_bytes(part.as_bytes());
            let name = name.map_err(|_| SigV4Error::SignedHeaders)?;
            // The header that holds the signature cannot be part of what is signed.
            if name == AUTHORIZATION {
                return Err(SigV4Error::SignedHeaders);
            }
            names.push(name);
            before = part;
        }
        Ok(Self {
            text: text.into(),
            names,
        })
    }

    /// Sorts names.
    ///
    /// # Errors
    /// As [`SignedHeaders::parse`].
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, SigV4Error> {
        let mut names: Vec<String> = names.into_iter().map(str::to_ascii_lowercase).collect();
        names.sort();
        names.dedup();
        Self::parse(&names.join(";"))
    }

    /// Tells whether a header is covered.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        self.names.iter().any(|known| known.as_str() == name)
    }

    /// The names.
    #[must_use]
    pub fn names(&self) -> &[HeaderName] {
        &self.names
    }
}

impl fmt::Display for SignedHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
