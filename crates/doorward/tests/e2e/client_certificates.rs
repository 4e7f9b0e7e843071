//! Client certificates: as a credential, as what a token is bound to, and what others write about
//! them in headers.

mod asking_fronts;
mod bound_tokens;
mod handshakes;
mod headers;
mod names;
mod own;
pub(crate) mod pki;
mod revocation;
mod terminators;
mod tls;
