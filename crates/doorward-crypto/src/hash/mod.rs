//! Keyed digests of API keys, and password hashes.

mod apr1;
mod argon2id;
pub mod htpasswd;
pub mod key_digest;
pub mod password;
mod sha_crypt;

pub use argon2id::{Argon2Params, hash_argon2id};
pub use htpasswd::{Htpasswd, HtpasswdError};
pub use key_digest::{KeyDigest, Pepper, PepperId, Peppers};
pub use password::{PasswordHash, PasswordHashError};
