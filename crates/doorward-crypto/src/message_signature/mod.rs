//! HTTP message signatures: RFC 9421, with digest fields (RFC 9530) and structured fields
//! (RFC 9651).
//!
//! What it is: the signature base, built from the head of a request exactly as it was received;
//! signing and verifying it with the algorithm pinned to a key; and the digest of a body that
//! streams by. Signatures of responses are absent on purpose.

pub mod algorithm;
pub mod component;
pub mod content_digest;
pub mod input;
pub mod private_key;
pub mod public_key;
pub mod signature_base;
pub mod structured_field;

pub use algorithm::SignatureAlgorithm;
pub use component::{Component, ComponentError};
pub use content_digest::{ContentDigest, ContentDigestError, DigestAlgorithm};
pub use input::{Covered, InputError, SignatureParams, Signatures};
pub use private_key::{PrivateKey, PrivateKeyError};
pub use public_key::{SignatureRefused, SignatureVerifier};
pub use signature_base::{BaseError, signature_base};
