//! One JSON Web Key (RFC 7517), read as a public key that verifies signatures.

use thiserror::Error;

use super::json::{JsonError, Object, WrongType};
use super::public_key::{Curve, PublicKey};
use super::verification_key::VerificationKey;
use super::{Algorithm, b64};

/// The longest `kid` that is accepted, in bytes.
pub const MAX_KID_LEN: usize = 256;

/// Why a key is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KeyError {
    /// The key is not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A member has the wrong type.
    #[error(transparent)]
    WrongType(#[from] WrongType),
    /// A member that the key needs is absent.
    #[error("member {0:?} is missing")]
    Missing(&'static str),
    /// A member is not base64url, or has the wrong length.
    #[error("member {0:?} is not encoded as the standard says")]
    Encoding(&'static str),
    /// The `kid` is longer than [`MAX_KID_LEN`] bytes.
    #[error("the kid is longer than {MAX_KID_LEN} bytes")]
    KidTooLong,
    /// The `kty` is not one that is supported.
    #[error("the key type is not RSA, EC or OKP")]
    UnknownKeyType,
    /// The `crv` is not one that is supported.
    #[error("the curve is not P-256, P-384 or Ed25519")]
    UnknownCurve,
    /// The `alg` is not a supported signature algorithm.
    #[error("the key's algorithm is not a supported signature algorithm")]
    UnknownAlgorithm,
    /// The algorithm does not belong to this type of key.
    #[error("the key's algorithm does not belong to its type")]
    AlgorithmMismatch,
    /// A symmetric key, which must never be published.
    #[error("a symmetric key can't be used here")]
    Symmetric,
    /// A key with private members, which must never be published.
    #[error("the key holds private members: treat it as leaked")]
    Private,
    /// The `use` or `key_ops` say that the key is for something else.
    #[error("the key is not meant for verifying signatures")]
    NotForSignatures,
    /// The RSA modulus is even, or not of 2048 to 8192 bits.
    #[error("the RSA modulus is not an odd number of 2048 to 8192 bits")]
    RsaModulus,
    /// The RSA key comes from a generator whose private keys can be worked out (ROCA).
    #[error("the RSA key has the weakness CVE-2017-15361 (ROCA)")]
    Roca,
    /// The RSA exponent is even, 1, or of more than 33 bits.
    #[error("the RSA exponent is not an odd number from 3 to 2^33 - 1")]
    RsaExponent,
    /// The point is not on the curve, or generates a small group.
    #[error("the public key is not a safe point of its curve")]
    BadPoint,
    /// A secret of less than 32 bytes.
    #[error("the shared secret has less than 32 bytes")]
    ShortSecret,
    /// The text is not one PEM block `PUBLIC KEY` with a supported key.
    #[error("the text is not a PEM block PUBLIC KEY with an RSA, P-256, P-384 or Ed25519 key")]
    Pem,
}

/// Reads a public JWK. The key's own `kty`, `crv`, `alg`, `use` and `key_ops` settle what it
/// can verify.
///
/// # Errors
/// [`KeyError`] says what is wrong.
pub(crate) fn read(jwk: &Object) -> Result<VerificationKey, KeyError> {
    refuse_private(jwk)?;
    refuse_other_use(jwk)?;
    let key = public_key(jwk)?;
    let kid = match jwk.string("kid")? {
        Some(kid) if kid.len() > MAX_KID_LEN => return Err(KeyError::KidTooLong),
        kid => kid.map(str::to_owned),
    };
    let algorithm = match jwk.string("alg")? {
        None => None,
        Some(name) => Some(Algorithm::parse(name).ok_or(KeyError::UnknownAlgorithm)?),
    };
    VerificationKey::new(&key, algorithm, kid)
}

fn refuse_private(jwk: &Object) -> Result<(), KeyError> {
    if jwk.get("k").is_some() || jwk.string("kty")? == Some("oct") {
        return Err(KeyError::Symmetric);
    }
    // SECURITY: whoever could read this key set can sign with such a key.
    if ["d", "p", "q", "dp", "dq", "qi", "oth"]
        .iter()
        .any(|name| jwk.get(name).is_some())
    {
        return Err(KeyError::Private);
    }
    Ok(())
}

fn refuse_other_use(jwk: &Object) -> Result<(), KeyError> {
    let by_use = jwk.string("use")?.is_none_or(|purpose| purpose == "sig");
    let operations = match jwk.get("key_ops") {
        Some(super::Value::String(_)) => return Err(WrongType("key_ops".to_owned()).into()),
        _ => jwk.string_or_array("key_ops")?,
    };
    let by_operation = operations.is_none_or(|operations| operations.contains(&"verify"));
    if by_use && by_operation {
        Ok(())
    } else {
        Err(KeyError::NotForSignatures)
    }
}

fn public_key(jwk: &Object) -> Result<PublicKey, KeyError> {
    let bytes = |name: &'static str| {
        let text = jwk.string(name)?.ok_or(KeyError::Missing(name))?;
        b64::decode(text).map_err(|_| KeyError::Encoding(name))
    };
    match jwk.string("kty")?.ok_or(KeyError::Missing("kty"))? {
        "RSA" => PublicKey::rsa(bytes("n")?, bytes("e")?),
        "EC" => {
            let curve = jwk.string("crv")?.ok_or(KeyError::Missing("crv"))?;
            let curve = Curve::parse(curve).ok_or(KeyError::UnknownCurve)?;
            PublicKey::ec(curve, bytes("x")?, bytes("y")?)
        }
        "OKP" => match jwk.string("crv")?.ok_or(KeyError::Missing("crv"))? {
            "Ed25519" => PublicKey::ed25519(&bytes("x")?),
            _ => Err(KeyError::UnknownCurve),
        },
        _ => Err(KeyError::UnknownKeyType),
    }
}
