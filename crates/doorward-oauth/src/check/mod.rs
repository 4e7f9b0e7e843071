//! Checks that several endpoints share, one file per parameter.

pub mod pkce;
pub mod prompt;
pub mod redirect_uri;
pub mod resource;
pub mod response_type;
pub mod scope;
