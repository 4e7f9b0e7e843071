//! Proofs that a credential is in the hands it was given to.
//!
//! [`authority`] makes client certificates of our own, [`certificate`] reads a client certificate, [`chain`] finds out who vouches for it (RFC 5280),
//! [`certificate_request`] asks an authority for one, [`certificate_header`] reads what a TLS terminator wrote about one (RFC 9440).

pub mod authority;
pub mod certificate;
pub mod certificate_header;
pub mod certificate_request;
pub mod chain;
mod escape;
