//! A public key whose numbers were checked.

use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents,
};

use super::jwk::KeyError;
use super::roca::is_roca;
use super::{Algorithm, b64};
use crate::digest::sha256;

/// An RSA, EC or Ed25519 public key. Made only by the checking constructors.
pub(crate) enum PublicKey {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    Ec {
        curve: Curve,
        x: Vec<u8>,
        y: Vec<u8>,
    },
    Ed25519 {
        x: [u8; 32],
    },
}

/// A curve for ECDSA.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
}

impl Curve {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "P-256" => Some(Self::P256),
            "P-384" => Some(Self::P384),
            _ => None,
        }
    }

    pub(crate) const fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        }
    }

    const fn verification(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::P384 => &signature::ECDSA_P384_SHA384_FIXED,
        }
    }
}

const RSA: &[Algorithm] = &[
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

impl PublicKey {
    /// Takes the big-endian modulus and exponent, without leading zeros.
    pub(crate) fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<Self, KeyError> {
        if n.first().is_none_or(|byte| *byte == 0) {
            return Err(KeyError::Encoding("n"));
        }
        if e.first().is_none_or(|byte| *byte == 0) {
            return Err(KeyError::Encoding("e"));
        }
        if !(2048..=8192).contains(&bit_len(&n)) || !is_odd(&n) {
            return Err(KeyError::RsaModulus);
        }
        if !is_odd(&e) || bit_len(&e) < 2 || bit_len(&e) > 33 {
            return Err(KeyError::RsaExponent);
        }
        if is_roca(&n) {
            return Err(KeyError::Roca);
        }
        Ok(Self::Rsa { n, e })
    }

    /// Takes the coordinates in the full length of the curve (RFC 7518 section 6.2.1).
    pub(crate) fn ec(curve: Curve, x: Vec<u8>, y: Vec<u8>) -> Result<Self, KeyError> {
        if x.len() != curve.coordinate_len() {
            return Err(KeyError::Encoding("x"));
        }
        if y.len() != curve.coordinate_len() {
            return Err(KeyError::Encoding("y"));
        }
        let key = Self::Ec { curve, x, y };
        // Parsing is what proves that the point is on the curve.
        key.verifier(curve.algorithm())?;
        Ok(key)
    }

    /// Takes the encoded point (RFC 8032 section 5.1.2).
    pub(crate) fn ed25519(x: &[u8]) -> Result<Self, KeyError> {
        let x: [u8; 32] = x.try_into().map_err(|_| KeyError::Encoding("x"))?;
        // SECURITY: under a key of a small group, one signature fits many messages.
        if is_weak_ed25519(&x) {
            return Err(KeyError::BadPoint);
        }
        Ok(Self::Ed25519 { x })
    }

    /// The algorithms that a key of this type can verify.
    pub(crate) const fn algorithms(&self) -> &'static [Algorithm] {
        match self {
            Self::Rsa { .. } => RSA,
            Self::Ec {
                curve: Curve::P256, ..
            } => &[Algorithm::Es256],
            Self::Ec {
                curve: Curve::P384, ..
            } => &[Algorithm::Es384],
            Self::Ed25519 { .. } => &[Algorithm::EdDsa],
        }
    }

    /// Prepares the key for verifying signatures of one algorithm.
    pub(crate) fn verifier(&self, algorithm: Algorithm) -> Result<ParsedPublicKey, KeyError> {
        if !self.algorithms().contains(&algorithm) {
            return Err(KeyError::AlgorithmMismatch);
        }
        match self {
            Self::Rsa { n, e } => {
                let parameters = rsa_parameters(algorithm).ok_or(KeyError::AlgorithmMismatch)?;
                RsaPublicKeyComponents { n, e }
                    .to_parsed_public_key(parameters)
                    .map_err(|_| KeyError::RsaModulus)
            }
            Self::Ec { curve, x, y } => {
                let point = [&[4_u8], x.as_slice(), y.as_slice()].concat();
                ParsedPublicKey::new(curve.verification(), point).map_err(|_| KeyError::BadPoint)
            }
            Self::Ed25519 { x } => {
                ParsedPublicKey::new(&signature::ED25519, x).map_err(|_| KeyError::BadPoint)
            }
        }
    }

    /// The thumbprint with SHA-256, in base64url (RFC 7638 section 3, RFC 8037 section 2).
    pub(crate) fn thumbprint(&self) -> String {
        let canonical = match self {
            Self::Rsa { n, e } => {
                format!(
                    r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
                    b64::encode(e),
                    b64::encode(n)
                )
            }
            Self::Ec { curve, x, y } => format!(
                r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
                curve.as_str(),
                b64::encode(x),
                b64::encode(y)
            ),
            Self::Ed25519 { x } => {
                format!(
                    r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#,
                    b64::encode(x)
                )
            }
        };
        b64::encode(sha256(canonical.as_bytes()))
    }
}

impl Curve {
    const fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
        }
    }
}

const fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa | Algorithm::Hs256 => return None,
    })
}

/// The bits of a big-endian number without leading zero bytes.
fn bit_len(number: &[u8]) -> usize {
    let top = number
        .first()
        .map_or(0, |byte| byte.leading_zeros() as usize);
    number.len().saturating_mul(8) - top
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|byte| byte & 1 == 1)
}

/// The little-endian y coordinates of the points of order 1, 2, 4 and 8.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    little(1, 0, 0),
    little(0xec, 0xff, 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

/// A number by its lowest byte, the 30 bytes between, and its highest byte.
const fn little(low: u8, middle: u8, high: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    let [first, .., last] = &mut bytes;
    *first = low;
    *last = high;
    bytes
}

/// Tells whether the point has a small order or a second spelling (y not below 2^255 - 19).
fn is_weak_ed25519(point: &[u8; 32]) -> bool {
    let mut y = *point;
    let [low, middle @ .., high] = &mut y;
    *high &= 0x7f;
    let beyond = *low >= 0xed && *high == 0x7f && middle.iter().all(|byte| *byte == 0xff);
    beyond || SMALL_ORDER.contains(&y)
}
