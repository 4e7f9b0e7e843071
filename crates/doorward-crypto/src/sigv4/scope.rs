//! The credential of a signed request: which key, for which day, region and service.

use std::fmt;

use super::SigV4Error;

/// The last part of every scope.
const TERMINATOR: &str = "aws4_request";
/// The longest part, in bytes.
const MAX_PART: usize = 64;

/// Which key signed, and what for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CredentialScope {
    key: Box<str>,
    /// `DAY/REGION/SERVICE/aws4_request`.
    text: Box<str>,
    region_at: usize,
    service_at: usize,
}

impl CredentialScope {
    /// Reads `ID/YYYYMMDD/REGION/SERVICE/aws4_request`.
    ///
    /// # Errors
    /// [`SigV4Error::Scope`] for anything else.
    pub fn parse(text: &str) -> Result<Self, SigV4Error> {
        let mut parts = text.split('/');
        let mut part = || parts.next().ok_or(SigV4Error::Scope);
        let (key, day, region, service, end) = (part()?, part()?, part()?, part()?, part()?);
        if parts.next().is_some() || end != TERMINATOR {
            return Err(SigV4Error::Scope);
        }
        Self::new(key, day, (region, service))
    }

    /// Puts a scope together.
    ///
    /// # Errors
    /// [`SigV4Error::Scope`] when a part cannot be one.
    pub fn new(key: &str, day: &str, (region, service): (&str, &str)) -> Result<Self, SigV4Error> {
        let day_like = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
        if !day_like || !is_part(key) || !is_part(region) || !is_part(service) {
            return Err(SigV4Error::Scope);
        }
        Ok(Self {
            key: key.into(),
            text: format!("{day}/{region}/{service}/{TERMINATOR}").into(),
            region_at: day.len() + 1,
            service_at: day.len() + region.len() + 2,
        })
    }

    /// The identifier of the key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The day: `20260823`.
    #[must_use]
    pub fn day(&self) -> &str {
        self.text.get(..8).unwrap_or_default()
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        let end = self.service_at.saturating_sub(1);
        self.text.get(self.region_at..end).unwrap_or_default()
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> &str {
        let rest = self.text.get(self.service_at..).unwrap_or_default();
        rest.split('/').next().unwrap_or_default()
    }

    /// All but the key: `20260823/eu-1/orders/aws4_request`.
    #[must_use]
    pub fn without_key(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for CredentialScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.key, self.text)
    }
}

/// Tells whether a text can be the name of a key, a region or a service: 1 to 64 of
/// `A-Za-z0-9._-`.
#[must_use]
pub fn is_part(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_PART).contains(&text.len()) && text.bytes().all(legal)
}
