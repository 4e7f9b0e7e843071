//! Signed requests (RFC 9421): what goes through, what is refused, and the bodies.

mod bodies;
mod clients;
mod requests;
mod sigv4;
