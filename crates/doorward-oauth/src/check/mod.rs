//! Checks that several endpoints share, one file per parameter.

pub mod resource;
pub mod scope;
