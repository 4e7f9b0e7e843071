//! The authentication methods of Doorward, one file per method.
//!
//! What it is: [`api_key`], [`jwt`] and [`basic`], each an implementation of
//! [`doorward_core::Authenticator`], with the state they need in memory: the keys, the key sets
//! of issuers, the users. The state is shared by `Arc` and survives a reload of the
//! configuration; the authenticators around it are made anew.
//!
//! What it never does: SQL, HTTP, TLS, reading clocks, deciding what a caller may do. A request
//! never waits for a store. What must be fetched, kept or written is asked of traits or handed
//! out by functions named `take_...`, for the binary to do.
//!
//! Where to start: [`api_key`], the shortest of the three.

pub mod api_key;
pub mod basic;
mod bearer;
pub mod jwt;
mod query;

#[cfg(test)]
mod testing;
