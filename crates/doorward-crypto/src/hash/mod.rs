//! Keyed digests of API keys, and password hashes.

mod apr1;
pub mod htpasswd;
pub mod key_digest;
pub mod password;
mod sha_crypt;

pub use htpasswd::{Htpasswd, HtpasswdError};
pub use key_digest::{KeyDigest, Pepper, PepperId, Peppers};
pub use password::{Argon2Params, PasswordHash, PasswordHashError, hash_argon2id};
