//! JSON Web Signatures in compact form (RFC 7515 section 7.1), checked as RFC 8725 advises.
//!
//! A token has one spelling in base64url. Yet an ECDSA signature `(r, s)` has the twin
//! `(r, -s)`, which anybody can work out and issuers are free to use: a deny list must name a
//! token by its `jti`, not by its bytes.

use std::fmt;

use thiserror::Error;

use super::json::{JsonError, Object, Value, WrongType};
use super::jwk::MAX_KID_LEN;
use super::verification_key::Refused;
use super::{Algorithm, Jwks, VerificationKey, b64};

/// The longest `typ` that is accepted, in bytes.
const MAX_TYP_LEN: usize = 128;

/// How long a token may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The whole token, in bytes.
    pub token_bytes: usize,
    /// The header, decoded, in bytes.
    pub header_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            token_bytes: 16 * 1024,
            header_bytes: 8 * 1024,
        }
    }
}

/// Why a token is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum JwsError {
    /// The token or its header is longer than allowed.
    #[error("the token is too long")]
    TooLarge,
    /// The token is not three parts of strict base64url divided by dots.
    #[error("the token is not a compact JWS")]
    Malformed,
    /// The header is not an object of strict JSON.
    #[error("the token's header: {0}")]
    Header(JsonError),
    /// A header parameter is absent, too long, or of the wrong type.
    #[error("the token's header parameter {0:?} is missing or wrong")]
    Parameter(&'static str),
    /// The `alg` is not a supported one; `none` is not.
    #[error("the token's algorithm is not supported")]
    UnknownAlgorithm,
    /// The header demands an extension (`crit`, `b64`), and none is supported.
    #[error("the token demands an extension that is not supported")]
    Critical,
    /// The payload is not an object of strict JSON.
    #[error("the token's payload: {0}")]
    Payload(JsonError),
    /// No key with the token's `kid` may verify its `alg`.
    #[error("no key fits the token's kid and algorithm")]
    NoKey,
    /// The signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
}

/// The header parameters that matter. None of them is a reason to trust the token.
#[derive(Clone, PartialEq, Debug)]
pub struct Header {
    algorithm: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
    jwk: Option<Object>,
}

/// A token that was taken apart and **not** verified.
pub struct Jws<'t> {
    signing_input: &'t str,
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// The payload of a token whose signature was verified; nothing else makes one.
pub struct VerifiedPayload {
    bytes: Vec<u8>,
    header: Header,
}

impl Header {
    /// The `alg`.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid`, of at most 256 bytes. It may name a key and means nothing else.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The `typ` in lower case and without `application/` (RFC 7515 section 4.1.9).
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// The `jwk` that the token brings along. Only a proof of possession may use it, and only to
    /// prove possession of that very key.
    #[must_use]
    pub const fn untrusted_jwk(&self) -> Option<&Object> {
        self.jwk.as_ref()
    }

    fn parse(text: &[u8], max_bytes: usize) -> Result<Self, JwsError> {
        let header = Object::parse(text, max_bytes).map_err(JwsError::Header)?;
        // SECURITY: `crit` names what must be understood; nothing is, so it is never fine.
        let unencoded = header
            .get("b64")
            .is_some_and(|b64| *b64 != Value::Bool(true));
        if header.get("crit").is_some() || unencoded {
            return Err(JwsError::Critical);
        }
        let wrong = |name: &'static str| move |_: WrongType| JwsError::Parameter(name);
        let name = header.string("alg").map_err(wrong("alg"))?;
        let name = name.ok_or(JwsError::Parameter("alg"))?;
        let kid = header.string("kid").map_err(wrong("kid"))?;
        if kid.is_some_and(|kid| kid.len() > MAX_KID_LEN) {
            return Err(JwsError::Parameter("kid"));
        }
        let typ = header.string("typ").map_err(wrong("typ"))?;
        Ok(Self {
            algorithm: Algorithm::parse(name).ok_or(JwsError::UnknownAlgorithm)?,
            kid: kid.map(str::to_owned),
            typ: typ.map(media_type).transpose()?,
            jwk: header.object("jwk").map_err(wrong("jwk"))?.cloned(),
        })
    }
}

impl<'t> Jws<'t> {
    /// Takes a compact JWS apart.
    ///
    /// # Errors
    /// [`JwsError`] when the token is too long, has another form, or has a header that can't be
    /// accepted whatever the key.
    pub fn parse(token: &'t str, limits: Limits) -> Result<Self, JwsError> {
        if token.len() > limits.token_bytes {
            return Err(JwsError::TooLarge);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::Malformed)?;
        if header.is_empty() || signature.is_empty() || payload.contains('.') {
            return Err(JwsError::Malformed);
        }
        let decode = |part: &str| b64::decode(part).map_err(|_| JwsError::Malformed);
        let header = decode(header)?;
        if header.len() > limits.header_bytes {
            return Err(JwsError::TooLarge);
        }
        Ok(Self {
            signing_input,
            header: Header::parse(&header, limits.header_bytes)?,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }

    /// The header, which says what the token claims about itself.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The `iss` of the payload, unverified: fit for choosing whose keys to try and for nothing
    /// else. `None` when there is none.
    ///
    /// # Errors
    /// [`JwsError`] when the payload is not strict JSON, or its `iss` not a string.
    pub fn unverified_issuer(&self) -> Result<Option<String>, JwsError> {
        let payload =
            Object::parse(&self.payload, self.payload.len()).map_err(JwsError::Payload)?;
        match payload.string("iss") {
            Ok(issuer) => Ok(issuer.map(str::to_owned)),
            Err(_) => Err(JwsError::Parameter("iss")),
        }
    }

    /// Verifies the signature with one key.
    ///
    /// # Errors
    /// [`JwsError::NoKey`] when the key may not verify the token's `alg`,
    /// [`JwsError::Signature`] when the signature is wrong.
    pub fn verify(self, key: &VerificationKey) -> Result<VerifiedPayload, JwsError> {
        self.check(key)?;
        Ok(VerifiedPayload {
            bytes: self.payload,
            header: self.header,
        })
    }

    /// Verifies the signature with the keys of a set that fit the token's `kid` and `alg`.
    ///
    /// # Errors
    /// [`JwsError::NoKey`] when no key fits, [`JwsError::Signature`] when the signature is wrong
    /// under every fitting key.
    pub fn verify_with(self, keys: &Jwks) -> Result<VerifiedPayload, JwsError> {
        let mut outcome = Err(JwsError::NoKey);
        for key in keys.candidates(self.header.kid(), self.header.algorithm) {
            outcome = self.check(key);
            if outcome.is_ok() {
                break;
            }
        }
        outcome?;
        Ok(VerifiedPayload {
            bytes: self.payload,
            header: self.header,
        })
    }

    fn check(&self, key: &VerificationKey) -> Result<(), JwsError> {
        key.verify(
            self.header.algorithm,
            self.signing_input.as_bytes(),
            &self.signature,
        )
        .map_err(|refused| match refused {
            Refused::Algorithm => JwsError::NoKey,
            Refused::Signature => JwsError::Signature,
        })
    }
}

impl VerifiedPayload {
    /// The payload's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The header, which the signature covers too.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }
}

/// Leaves the payload out: it says who somebody is.
impl fmt::Debug for VerifiedPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedPayload")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// Brings a media type to the form in which it is compared.
fn media_type(typ: &str) -> Result<String, JwsError> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+/".contains(&b);
    if typ.is_empty() || typ.len() > MAX_TYP_LEN || !typ.bytes().all(legal) {
        return Err(JwsError::Parameter("typ"));
    }
    let lower = typ.to_ascii_lowercase();
    Ok(match lower.strip_prefix("application/") {
        Some(short) if !short.is_empty() && !short.contains('/') => short.to_owned(),
        _ => lower,
    })
}
