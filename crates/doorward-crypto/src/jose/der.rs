//! The little DER that a PEM block `PUBLIC KEY` needs (RFC 5280 section 4.1, RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::jwk::KeyError;
use super::public_key::{Curve, PublicKey};
use crate::asn1::{BIT_STRING, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE};

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";
/// The longest PEM text that is accepted, in bytes; a key of 8192 bits needs 1500.
const MAX_PEM_LEN: usize = 4096;

const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const NULL: &[u8] = &[0x05, 0x00];

/// Reads one PEM block and nothing around it but whitespace.
pub(crate) fn public_key_from_pem(pem: &str) -> Result<PublicKey, KeyError> {
    if pem.len() > MAX_PEM_LEN {
        return Err(KeyError::Pem);
    }
    let body = pem
        .trim()
        .strip_prefix(BEGIN)
        .and_then(|rest| rest.strip_suffix(END))
        .ok_or(KeyError::Pem)?;
    let body: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(body).map_err(|_| KeyError::Pem)?;
    subject_public_key_info(&der)
}

fn subject_public_key_info(der: &[u8]) -> Result<PublicKey, KeyError> {
    let parts = || {
        let mut outer = Reader(der);
        let mut info = Reader(outer.take(SEQUENCE)?);
        let mut algorithm = Reader(info.take(SEQUENCE)?);
        let key = info.take(BIT_STRING)?;
        outer.end()?;
        info.end()?;
        // The first byte counts unused bits: none in a key.
        Some((
            algorithm.take(OBJECT_IDENTIFIER)?,
            algorithm,
            key.strip_prefix(&[0])?,
        ))
    };
    let (name, mut algorithm, key) = parts().ok_or(KeyError::Pem)?;
    match name {
        RSA_ENCRYPTION if algorithm.0 == NULL => rsa(key),
        EC_PUBLIC_KEY => {
            let curve = match algorithm.take(OBJECT_IDENTIFIER).ok_or(KeyError::Pem)? {
                P256 => Curve::P256,
                P384 => Curve::P384,
                _ => return Err(KeyError::UnknownCurve),
            };
            algorithm.end().ok_or(KeyError::Pem)?;
            let point = key.strip_prefix(&[4]).ok_or(KeyError::Pem)?;
            let (x, y) = point
                .split_at_checked(curve.coordinate_len())
                .ok_or(KeyError::Pem)?;
            PublicKey::ec(curve, x.to_vec(), y.to_vec())
        }
        ED25519 if algorithm.0.is_empty() => PublicKey::ed25519(key),
        _ => Err(KeyError::Pem),
    }
}

fn rsa(key: &[u8]) -> Result<PublicKey, KeyError> {
    let numbers = || {
        let mut outer = Reader(key);
        let mut numbers = Reader(outer.take(SEQUENCE)?);
        outer.end()?;
        let both = (positive(&mut numbers)?, positive(&mut numbers)?);
        numbers.end()?;
        Some(both)
    };
    let (n, e) = numbers().ok_or(KeyError::Pem)?;
    PublicKey::rsa(n, e)
}

/// Reads a positive INTEGER as big-endian bytes without a leading zero.
fn positive(numbers: &mut Reader<'_>) -> Option<Vec<u8>> {
    let number = numbers.take(INTEGER)?;
    match number {
        [0, rest @ ..] if rest.first().is_some_and(|top| top & 0x80 != 0) => Some(rest.to_vec()),
        [top, ..] if *top != 0 && top & 0x80 == 0 => Some(number.to_vec()),
        _ => None,
    }
}
