//! JSON object signing: RFC 7515 (JWS), 7517 (JWK), 7518 (JWA), 7519 (JWT), 7638 (thumbprint)
//! and 8037 (Ed25519). Encryption (RFC 7516) is absent on purpose.

pub mod algorithm;
pub mod b64;
pub mod claims;
mod der;
pub mod jwk;
pub mod jwks;
pub mod jws;
mod public_key;
mod roca;
pub mod sign;
pub mod verification_key;

pub use algorithm::Algorithm;
pub use claims::{ClaimPath, Claims, ClaimsError};
pub use doorward_core::json;
pub use json::{JsonError, Number, Object, Value, WrongType};
pub use jwk::KeyError;
pub use jwks::{Jwks, JwksError};
pub use jws::{Header, Jws, JwsError, Limits, VerifiedPayload};
pub use sign::{SigningKey, SigningKeyError};
pub use verification_key::VerificationKey;
