//! Client certificates: the few fields that say who somebody is and when (RFC 5280).
//!
//! `webpki` parses the certificate as a whole and judges who vouches for it; read here is what it
//! does not tell. What can be read in two ways is refused, never repaired.

use doorward_core::Timestamp;
use doorward_core::client_certificate::{CertificateName, NameKind};
use doorward_core::verified::Validity;
use rustls_pki_types::CertificateDer;
use thiserror::Error;

use crate::asn1::{INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE};
use crate::digest::sha256;

/// The longest certificate that is read, in bytes.
pub const MAX_CERTIFICATE_LEN: usize = 16 * 1024;
/// The most names that are read of a certificate.
const MAX_NAMES: usize = 64;
/// The longest name, in bytes.
const MAX_NAME_LEN: usize = 512;

const BOOLEAN: u8 = 0x01;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;
const ISSUER_ID: u8 = 0x81;
const SUBJECT_ID: u8 = 0x82;
const EXTENSIONS: u8 = 0xa3;
const RFC822_NAME: u8 = 0x81;
const DNS_NAME: u8 = 0x82;
const URI_NAME: u8 = 0x86;
/// Of an authority key identifier (RFC 5280 section 4.2.1.1).
const KEY_ID: u8 = 0x80;
/// 2.5.29.35
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
/// 2.5.29.17
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// Why a certificate cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CertificateError {
    /// It is not a certificate, or too long.
    #[error("it is not a certificate of at most {MAX_CERTIFICATE_LEN} bytes")]
    Malformed,
    /// A name in it can be read in two ways, or stands for many.
    #[error("a name has a NUL, a wildcard, or a character that does not belong there")]
    Name,
    /// It has more names than anybody needs.
    #[error("it has more than {MAX_NAMES} names")]
    ManyNames,
}

/// What was read of a certificate. Nobody has vouched for it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The SHA-256 of the whole certificate: `x5t#S256` (RFC 8705 section 3.1).
    pub thumbprint: [u8; 32],
    /// The serial number, as its DER has it.
    pub serial: Vec<u8>,
    /// From when to when it says it is valid.
    pub validity: Validity,
    names: Result<Vec<CertificateName>, CertificateError>,
}

impl Certificate {
    /// Reads a certificate.
    ///
    /// # Errors
    /// [`CertificateError::Malformed`]. What is wrong with its names is told when they are asked
    /// for: authorities need none.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_CERTIFICATE_LEN {
            return Err(CertificateError::Malformed);
        }
        // SECURITY: two parsers must agree that this is one certificate and nothing behind it.
        webpki::EndEntityCert::try_from(&CertificateDer::from(der))
            .map_err(|_| CertificateError::Malformed)?;
        let (serial, validity, extensions) = fields(der).ok_or(CertificateError::Malformed)?;
        Ok(Self {
            thumbprint: sha256(der),
            serial: serial.to_vec(),
            validity,
            names: names(extensions.unwrap_or_default()),
        })
    }

    /// The DNS names, URIs and e-mail addresses, in order.
    ///
    /// # Errors
    /// [`CertificateError`] when one of them can be read in two ways: then none is to be believed.
    pub fn names(&self) -> Result<&[CertificateName], CertificateError> {
        self.names.as_deref().map_err(|error| *error)
    }
}

/// What names a certificate at its authority (RFC 9773 section 4.1): the identifier of the
/// authority's key and the serial number, both as the DER has them. `None` where the certificate
/// does not say whose key signed it.
#[must_use]
pub fn renewal_name(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (serial, _, extensions) = fields(der)?;
    let mut outer = Reader(extension(extensions?, AUTHORITY_KEY_ID)??);
    let mut identifier = Reader(outer.take(SEQUENCE)?);
    Some((identifier.take(KEY_ID)?, serial))
}

/// Serial number, validity, and extensions where there are any.
type Fields<'d> = (&'d [u8], Validity, Option<&'d [u8]>);

/// Reads the fields that matter (RFC 5280 section 4.1).
fn fields(der: &[u8]) -> Option<Fields<'_>> {
    let mut outer = Reader(der);
    let mut certificate = Reader(outer.take(SEQUENCE)?);
    outer.end()?;
    let mut signed = Reader(certificate.take(SEQUENCE)?);
    signed.maybe(VERSION)?;
    let serial = signed.take(INTEGER)?;
    let _algorithm = signed.take(SEQUENCE)?;
    let _issuer = signed.take(SEQUENCE)?;
    let mut validity = Reader(signed.take(SEQUENCE)?);
    let (not_before, last) = (moment(&mut validity)?, moment(&mut validity)?);
    validity.end()?;
    let _subject = signed.take(SEQUENCE)?;
    let _key = signed.take(SEQUENCE)?;
    signed.maybe(ISSUER_ID)?;
    signed.maybe(SUBJECT_ID)?;
    let extensions = signed.maybe(EXTENSIONS)?;
    signed.end()?;
    let validity = Validity {
        not_before,
        // The last second is still within it (RFC 5280 section 4.1.2.5).
        not_after: last.plus(std::time::Duration::from_secs(1)),
        revoked_at: Timestamp::MAX,
    };
    Some((serial, validity, extensions))
}

/// The names in the extension for them, read strictly.
fn names(extensions: &[u8]) -> Result<Vec<CertificateName>, CertificateError> {
    if extensions.is_empty() {
        return Ok(Vec::new());
    }
    let found = extension(extensions, SUBJECT_ALT_NAME).ok_or(CertificateError::Malformed)?;
    let Some(value) = found else {
        return Ok(Vec::new());
    };
    let mut outer = Reader(value);
    let mut each = Reader(outer.take(SEQUENCE).ok_or(CertificateError::Malformed)?);
    outer.end().ok_or(CertificateError::Malformed)?;
    let mut names = Vec::new();
    while each.end().is_none() {
        let (tag, text) = each.any().ok_or(CertificateError::Malformed)?;
        let kind = match tag {
            RFC822_NAME => NameKind::Email,
            DNS_NAME => NameKind::Dns,
            URI_NAME => NameKind::Uri,
            // Addresses, directory names and the like: nobody is known by them here.
            _ => continue,
        };
        if names.len() == MAX_NAMES {
            return Err(CertificateError::ManyNames);
        }
        names.push(name(kind, text).ok_or(CertificateError::Name)?);
    }
    Ok(names)
}

/// Finds an extension; it must not be there twice.
fn extension<'d>(extensions: &'d [u8], wanted: &[u8]) -> Option<Option<&'d [u8]>> {
    let mut outer = Reader(extensions);
    let mut each = Reader(outer.take(SEQUENCE)?);
    outer.end()?;
    let mut found = None;
    while each.end().is_none() {
        let mut extension = Reader(each.take(SEQUENCE)?);
        let id = extension.take(OBJECT_IDENTIFIER)?;
        extension.maybe(BOOLEAN)?;
        let value = extension.take(OCTET_STRING)?;
        extension.end()?;
        if id == wanted && found.replace(value).is_some() {
            return None;
        }
    }
    Some(found)
}

/// Reads one name of a kind, as configuration and certificates write it.
///
/// SECURITY: a NUL ends a name for some parsers and not for others; a wildcard stands for many
/// callers; a letter that looks like another is another caller. None of them is an identity.
#[must_use]
pub fn name(kind: NameKind, text: &[u8]) -> Option<CertificateName> {
    let graphic = text.iter().all(u8::is_ascii_graphic);
    if text.is_empty() || text.len() > MAX_NAME_LEN || !graphic || text.contains(&b'*') {
        return None;
    }
    let text = str::from_utf8(text).ok()?;
    let good = match kind {
        NameKind::Dns => is_dns(text),
        NameKind::Uri => is_uri(text),
        NameKind::Email => text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !local.contains(['"', '(', ')', ',', ':', ';', '<', '>'])
                && is_dns(domain)
        }),
    };
    let text = match kind {
        NameKind::Dns => text.to_ascii_lowercase(),
        NameKind::Uri | NameKind::Email => text.to_owned(),
    };
    good.then(|| CertificateName {
        kind,
        text: text.into(),
    })
}

fn is_dns(text: &str) -> bool {
    let label = |label: &str| {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (1..=63).contains(&label.len())
            && label.bytes().all(legal)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// A URI with a scheme; a SPIFFE id must be one (SPIFFE-ID section 2).
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(legal);
    let odd = ['"', '<', '>', '\\', '^', '`', '{', '|', '}', ','];
    if !named || rest.is_empty() || rest.contains(odd) {
        return false;
    }
    !scheme.eq_ignore_ascii_case("spiffe") || (scheme == "spiffe" && is_spiffe(rest))
}

fn is_spiffe(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix("//") else {
        return false;
    };
    let (domain, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let in_domain =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_');
    let in_path = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    let segment =
        |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(in_path);
    !domain.is_empty()
        && domain.bytes().all(in_domain)
        && (path.is_empty() || path.split('/').skip(1).all(segment))
}

/// Reads a time (RFC 5280 section 4.1.2.5): in UTC, with seconds, without fractions.
pub(super) fn moment(from: &mut Reader<'_>) -> Option<Timestamp> {
    let (tag, text) = from.any()?;
    let digits = text.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year = number(year);
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        (GENERALIZED_TIME, 14) => {
            let (year, rest) = digits.split_at_checked(4)?;
            (number(year), rest)
        }
        _ => return None,
    };
    let mut pairs = rest.chunks(2).map(number);
    let (month, day) = (pairs.next()?, pairs.next()?);
    let (hour, minute, second) = (pairs.next()?, pairs.next()?, pairs.next()?);
    let real = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    real.then(|| Timestamp::from_secs(seconds))
}

fn number(digits: &[u8]) -> i64 {
    let digit = |byte: &u8| i64::from(byte.wrapping_sub(b'0'));
    digits.iter().fold(0, |sum, byte| sum * 10 + digit(byte))
}

/// Days since the Unix epoch of a date of the proleptic Gregorian calendar.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests;
