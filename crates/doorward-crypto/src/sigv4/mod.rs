//! AWS Signature Version 4: requests signed with a shared secret, in the `Authorization` header
//! or in the query.
//!
//! What it is: strict parsers of both forms, the canonical request built from the head of a
//! request as it was received, signing and verifying. There is no public standard; the reference
//! is "AWS Signature Version 4 for API requests" in the documentation of AWS.
//!
//! What is refused on purpose, because two readers may read it differently: signed headers that
//! come twice or have runs of spaces, queries in another spelling than the canonical one, names
//! that are repeated out of order. Absent on purpose: `AWS4-ECDSA-P256-SHA256`, session tokens
//! and bodies that are signed piece by piece.

pub mod authorization;
pub mod canonical_request;
mod hex;
pub mod payload;
pub mod presigned;
mod query;
pub mod scope;
pub mod signature;
pub mod signed_headers;
pub mod stamp;

pub use authorization::Authorization;
pub use canonical_request::{CanonicalError, PathEncoding, canonical_request};
pub use payload::Payload;
pub use presigned::Presigned;
pub use query::canonical_query;
pub use scope::CredentialScope;
pub use signature::{SigV4Signature, string_to_sign};
pub use signed_headers::SignedHeaders;
pub use stamp::Stamp;

use thiserror::Error;

/// The one algorithm, as requests name it.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Why a signed request cannot be read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SigV4Error {
    /// The algorithm is another one.
    #[error("the algorithm is not {ALGORITHM}")]
    Algorithm,
    /// A part is missing, there twice, or one that nobody knows.
    #[error("`{0}` is missing or comes twice, or there is a part that nobody knows")]
    Part(&'static str),
    /// The credential is not `ID/YYYYMMDD/REGION/SERVICE/aws4_request`.
    #[error("the credential is not ID/YYYYMMDD/REGION/SERVICE/aws4_request")]
    Scope,
    /// The names of signed headers are not in lower case, sorted, and each there once.
    #[error("the signed headers are not names in lower case, sorted, each once")]
    SignedHeaders,
    /// The signature is not 64 digits of lower-case hexadecimal.
    #[error("the signature is not 64 digits in lower-case hexadecimal")]
    Signature,
    /// The time is not `YYYYMMDDTHHMMSSZ`.
    #[error("the time is not YYYYMMDDTHHMMSSZ")]
    Stamp,
    /// The span is not a number of seconds from 1 to 604800.
    #[error("the span is not a number of seconds from 1 to 604800")]
    Expires,
    /// The body's digest is not 64 digits of lower-case hexadecimal, or a word for none.
    #[error("the body's digest is not 64 digits in lower-case hexadecimal")]
    Payload,
    /// There is a session token, and nobody here gives any out.
    #[error("there is a session token, and nobody here gives any out")]
    SessionToken,
}
