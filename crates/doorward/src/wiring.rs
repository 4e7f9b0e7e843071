//! Puts the parts together. Only here is it known which store, which methods and which fronts
//! there are.

pub mod assertion;
mod authorization_server;
pub mod client_trust;
pub mod feed;
pub mod gate;
pub mod key_sets;
pub mod memory;
pub mod quotas;
pub mod reasons;
pub mod reload;
pub mod server;
mod sign_in;
pub mod signer;
pub mod snapshot;
pub mod tasks;
mod token_revocations;
pub mod upstreams;
