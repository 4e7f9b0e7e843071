//! The only crate of Doorward that calls cryptography: JOSE, key digests, password hashes.
//!
//! What it is: strict parsers of signed tokens, keys and password hashes, and the few
//! operations on them. What was parsed once can't hold nonsense, and a payload of a token can
//! only be had by verifying its signature.
//!
//! What it never does: I/O, wall clocks, ambient randomness for secrets, `alg` taken from a
//! token on trust, keys taken from a token on trust.
//!
//! Where to start: [`jose::jws`], then [`jose::jwks`], [`hash::password`] and [`api_key`].

pub mod api_key;
mod asn1;
pub mod digest;
pub mod entropy;
pub mod hash;
pub mod jose;
pub mod message_signature;
pub mod proof;
pub mod redact;
pub mod seal;
pub mod sigv4;
pub mod websocket;
