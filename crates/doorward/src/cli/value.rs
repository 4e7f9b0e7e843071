//! The values of options, parsed once. What cannot be parsed is wrong usage.

use std::time::Duration;

use doorward_authn::client_key::SIGV4_ALGORITHM;
use doorward_core::net::Cidrs;
use doorward_core::{ScopeSet, Timestamp};
use doorward_crypto::message_signature::SignatureAlgorithm;
use doorward_store::{Environment, KeyKind};

use crate::config::section::parse_duration;
use crate::config::upstream::parse_url;
use crate::desk::certificate::MAX_TTL as MAX_CERTIFICATE_TTL;
use crate::desk::token::MAX_TTL;

/// When a key ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Never.
    Never,
    /// So long from now.
    After(Duration),
}

impl End {
    /// The moment; none for never.
    pub fn at(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Never => None,
            Self::After(span) => Some(now.plus(span)),
        }
    }
}

/// Joins scopes that were given in several options.
pub fn all_scopes(given: &[ScopeSet]) -> ScopeSet {
    given.iter().flat_map(ScopeSet::iter).cloned().collect()
}

pub(super) fn span(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write 30s, 15m, 24h or 90d".to_owned())
}

pub(super) fn end(text: &str) -> Result<End, String> {
    match text {
        "never" => Ok(End::Never),
        _ => match parse_duration(text) {
            Some(span) if !span.is_zero() => Ok(End::After(span)),
            _ => Err("write 90d, 24h or never".to_owned()),
        },
    }
}

pub(super) fn ttl(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Some(span) if span >= Duration::from_secs(1) && span <= MAX_TTL => Ok(span),
        _ => Err("write a time span from 1s to 24h, for example 15m".to_owned()),
    }
}

pub(super) fn certificate_ttl(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Some(span) if span >= Duration::from_secs(1) && span <= MAX_CERTIFICATE_TTL => Ok(span),
        _ => Err("write a time span from 1s to 90d, for example 24h".to_owned()),
    }
}

pub(super) fn leeway(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Some(span) if span <= Duration::from_secs(60) => Ok(span),
        _ => Err("write a time span of at most 60s".to_owned()),
    }
}

pub(super) fn scopes(text: &str) -> Result<ScopeSet, String> {
    ScopeSet::parse(text).map_err(|error| error.to_string())
}

pub(super) fn cidr(text: &str) -> Result<String, String> {
    Cidrs::parse([text])
        .map(|_| text.to_owned())
        .map_err(|_| "write an address block such as 10.0.0.0/8 or 192.0.2.7".to_owned())
}

pub(super) fn kind(text: &str) -> Result<KeyKind, String> {
    KeyKind::parse(text)
        .filter(|kind| *kind != KeyKind::Publishable)
        .ok_or_else(|| "write sk, rk or ak".to_owned())
}

pub(super) fn signature_algorithm(text: &str) -> Result<String, String> {
    if SignatureAlgorithm::parse(text).is_some() || text == SIGV4_ALGORITHM {
        return Ok(text.to_owned());
    }
    let names = SignatureAlgorithm::ALL.map(SignatureAlgorithm::as_str);
    Err(format!(
        "write one of {}, {SIGV4_ALGORITHM}",
        names.join(", ")
    ))
}

pub(super) fn environment(text: &str) -> Result<Environment, String> {
    Environment::parse(text).ok_or_else(|| "write live or test".to_owned())
}

pub(super) fn upstream(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    parse_url(text)
        .map(|_| text.to_owned())
        .ok_or_else(|| "write scheme, host and port only: http://127.0.0.1:3000".to_owned())
}
