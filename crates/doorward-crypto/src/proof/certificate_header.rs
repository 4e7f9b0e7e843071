//! Headers in which TLS terminators write the caller's certificate (RFC 9440, and older ones).
//!
//! Which of them is believed, and from whom, is for others to say. What is written in two ways
//! or twice is not read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use thiserror::Error;

use super::certificate::MAX_CERTIFICATE_LEN;
use super::chain::MAX_CHAIN_LEN;
use super::escape;

/// The longest header value that is read, in bytes: a chain in base64, percent-encoded.
const MAX_VALUE_LEN: usize = 3 * MAX_CERTIFICATE_LEN;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// How a terminator writes the certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderForm {
    /// `Client-Cert` and `Client-Cert-Chain` (RFC 9440).
    Rfc9440,
    /// nginx: `ssl-client-cert`, a percent-encoded PEM text (`$ssl_client_escaped_cert`).
    Nginx,
    /// Envoy: `X-Forwarded-Client-Cert` of exactly one element, with `Cert` or `Chain`.
    Envoy,
    /// Traefik: `X-Forwarded-Tls-Client-Cert`, PEM texts without their armour, by commas.
    Traefik,
    /// HAProxy: `X-SSL-Client-Cert`, DER in base64 (`ssl_c_der,base64`).
    Haproxy,
    /// AWS ALB, mutual TLS verify: `X-Amzn-Mtls-Clientcert-Leaf`, a percent-encoded PEM text.
    AwsAlb,
}

/// A header that cannot be read in one way only.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the terminator's certificate header is there twice, too long, or not in its form")]
pub struct MalformedHeader;

impl HeaderForm {
    /// Every form and its name in the configuration.
    pub const ALL: [(&'static str, Self); 6] = [
        ("rfc9440", Self::Rfc9440),
        ("nginx", Self::Nginx),
        ("envoy", Self::Envoy),
        ("traefik", Self::Traefik),
        ("haproxy", Self::Haproxy),
        ("aws-alb", Self::AwsAlb),
    ];

    /// The header that holds the caller's certificate.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::Rfc9440 => "client-cert",
            Self::Nginx => "ssl-client-cert",
            Self::Envoy => "x-forwarded-client-cert",
            Self::Traefik => "x-forwarded-tls-client-cert",
            Self::Haproxy => "x-ssl-client-cert",
            Self::AwsAlb => "x-amzn-mtls-clientcert-leaf",
        }
    }

    /// Reads the chain, leaf first, as DER; `None` when the terminator wrote none.
    ///
    /// # Errors
    /// [`MalformedHeader`].
    pub fn read(self, headers: &HeaderMap) -> Result<Option<Vec<Vec<u8>>>, MalformedHeader> {
        let Some(value) = single(headers, self.header())? else {
            // SECURITY: a chain without a certificate is not a certificate.
            return Ok(None);
        };
        let chain = match self {
            Self::Rfc9440 => rfc9440(value, headers),
            Self::Nginx | Self::AwsAlb => escaped_pem(value),
            Self::Envoy => envoy(value),
            Self::Traefik => traefik(value),
            Self::Haproxy => base64(value).map(|der| vec![der]),
        };
        match chain {
            Some(chain) if !chain.is_empty() && chain.len() <= MAX_CHAIN_LEN => Ok(Some(chain)),
            _ => Err(MalformedHeader),
        }
    }
}

/// The one value of a header; an empty one is none: that is how nginx says so.
fn single<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h [u8]>, MalformedHeader> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    // SECURITY: of two, one may be the caller's own.
    if values.next().is_some() {
        return Err(MalformedHeader);
    }
    match value.map(http::HeaderValue::as_bytes) {
        Some(value) if value.len() > MAX_VALUE_LEN => Err(MalformedHeader),
        Some(b"") => Ok(None),
        value => Ok(value),
    }
}

fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let der = STANDARD.decode(text).ok()?;
    (!der.is_empty() && der.len() <= MAX_CERTIFICATE_LEN).then_some(der)
}

/// A byte sequence of RFC 9651 section 3.3.5, and a list of them.
fn rfc9440(leaf: &[u8], headers: &HeaderMap) -> Option<Vec<Vec<u8>>> {
    let sequence = |text: &[u8]| {
        let inner = text.strip_prefix(b":")?.strip_suffix(b":")?;
        base64(inner)
    };
    let mut chain = vec![sequence(leaf)?];
    let rest = single(headers, "client-cert-chain").ok()?;
    for each in rest.into_iter().flat_map(|list| list.split(|b| *b == b',')) {
        if chain.len() == MAX_CHAIN_LEN {
            return None;
        }
        chain.push(sequence(each.trim_ascii())?);
    }
    Some(chain)
}

fn escaped_pem(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    pem(str::from_utf8(&escape::decode(text)?).ok()?)
}

/// PEM blocks one after the other, and nothing else but white space.
fn pem(text: &str) -> Option<Vec<Vec<u8>>> {
    let mut chain = Vec::new();
    let mut rest = text.trim_ascii();
    while !rest.is_empty() {
        if chain.len() == MAX_CHAIN_LEN {
            return None;
        }
        let (block, after) = rest.strip_prefix(BEGIN)?.split_once(END)?;
        let body: Vec<u8> = block.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        chain.push(base64(&body)?);
        rest = after.trim_ascii_start();
    }
    Some(chain)
}

fn traefik(value: &[u8]) -> Option<Vec<Vec<u8>>> {
    let text = escape::decode(value)?;
    text.split(|byte| *byte == b',').map(base64).collect()
}

/// One element of `key=value` by semicolons; a value with one of `,;=` is quoted.
///
/// SECURITY: a second element was written by somebody in front of the terminator: it may be the
/// caller.
fn envoy(value: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut rest = str::from_utf8(value).ok()?;
    let (mut leaf, mut chain) = (None, None);
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let (text, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find([';', ',']).unwrap_or(after.len())),
        };
        // An escaped quotation mark: what is read here never has one.
        if text.contains(['\\', '"']) {
            return None;
        }
        let slot = match key.to_ascii_lowercase().as_str() {
            "cert" => Some(&mut leaf),
            "chain" => Some(&mut chain),
            "hash" | "by" | "subject" | "uri" | "dns" => None,
            _ => return None,
        };
        if let Some(slot) = slot
            && slot.replace(escaped_pem(text.as_bytes())?).is_some()
        {
            return None;
        }
        rest = match after.strip_prefix(';') {
            Some(more) if !more.is_empty() => more,
            _ if after.is_empty() => after,
            _ => return None,
        };
    }
    match (leaf, chain) {
        (Some(leaf), Some(chain)) => {
            let same = leaf.len() == 1 && leaf.first() == chain.first();
            same.then_some(chain)
        }
        (Some(leaf), None) => (leaf.len() == 1).then_some(leaf),
        (None, chain) => chain,
    }
}

#[cfg(test)]
mod tests;
