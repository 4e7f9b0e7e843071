//! Proofs that a credential is in the hands it was given to.
//!
//! [`certificate`] reads a client certificate, [`chain`] finds out who vouches for it (RFC 5280),
//! [`certificate_header`] reads what a TLS terminator wrote about one (RFC 9440).

pub mod certificate;
pub mod certificate_header;
pub mod chain;
mod escape;
