//! Tokens: the only place where one is made.

pub mod access;
pub mod id;
pub mod refresh;
pub(crate) mod verify;
