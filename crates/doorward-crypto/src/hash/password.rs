//! Password hashes: Argon2id for our own, and the formats of imported `htpasswd` files.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

use super::apr1;
use super::argon2id::{Argon2Params, Argon2id};
use super::sha_crypt::{ShaCrypt, is_crypt64};

/// The longest password that is looked at, in bytes. A longer one never matches.
pub const MAX_PASSWORD_LEN: usize = 1024;
/// The longest password that bcrypt sees whole, in bytes. A longer one never matches a bcrypt
/// hash: bcrypt would ignore what is beyond, and so accept passwords that differ.
pub const MAX_BCRYPT_LEN: usize = 72;
/// The longest password for SHA-crypt, in bytes. Its work grows with the password's length
/// times the rounds, and both can be large.
pub const MAX_SHA_CRYPT_LEN: usize = 256;

const MAX_BCRYPT_COST: u32 = 14;

/// Why a text is refused as a password hash.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PasswordHashError {
    /// The text begins like a known format and does not go on like it.
    #[error("the password hash is malformed")]
    Malformed,
    /// The hash would take too much time or memory, or too little to be worth keeping.
    #[error("the password hash has a cost outside the accepted bounds")]
    Cost,
    /// Traditional DES crypt, which looks at 8 characters of a password.
    #[error("DES crypt hashes are not accepted: hash the password with bcrypt (htpasswd -B)")]
    DesCrypt,
    /// Not a known hash; maybe the password itself.
    #[error("not a known password hash; plain text is not accepted (use htpasswd -B)")]
    Unknown,
    /// The parameters for new hashes are below the floor or above the ceiling.
    #[error("Argon2id needs 19456 to 262144 KiB of memory, 2 to 10 passes and 1 to 16 lanes")]
    Params,
    /// The password is longer than [`MAX_PASSWORD_LEN`].
    #[error("the password has more than {MAX_PASSWORD_LEN} bytes")]
    TooLong,
    /// The hash function failed, for want of memory for example.
    #[error("hashing failed")]
    Failed,
}

/// A password hash, parsed, with a cost that the server can bear.
#[derive(Clone)]
pub struct PasswordHash(Format);

#[derive(Clone)]
enum Format {
    Argon2id(Argon2id),
    Bcrypt(String),
    Md5Crypt {
        magic: &'static str,
        salt: String,
        digest: String,
    },
    Sha1([u8; 20]),
    ShaCrypt(ShaCrypt),
}

impl PasswordHash {
    /// Parses `$argon2id$`, `$2a$`/`$2b$`/`$2y$`, `$apr1$`, `$1$`, `$5$`, `$6$` or `{SHA}`.
    ///
    /// # Errors
    /// [`PasswordHashError`] for every other text, and for costs that could hang the server.
    pub fn parse(text: &str) -> Result<Self, PasswordHashError> {
        let format = if let Some(rest) = text.strip_prefix("$argon2id$") {
            Format::Argon2id(Argon2id::parse(rest)?)
        } else if ["$2a$", "$2b$", "$2y$"]
            .iter()
            .any(|magic| text.starts_with(magic))
        {
            bcrypt(text)?
        } else if let Some(rest) = text.strip_prefix("$apr1$") {
            md5_crypt("$apr1$", rest)?
        } else if let Some(rest) = text.strip_prefix("$1$") {
            md5_crypt("$1$", rest)?
        } else if let Some(rest) = text.strip_prefix("$5$") {
            Format::ShaCrypt(ShaCrypt::parse(rest, false)?)
        } else if let Some(rest) = text.strip_prefix("$6$") {
            Format::ShaCrypt(ShaCrypt::parse(rest, true)?)
        } else if let Some(rest) = text.strip_prefix("{SHA}") {
            sha1_digest(rest)?
        } else if is_crypt64(text, 13..=13) {
            return Err(PasswordHashError::DesCrypt);
        } else {
            return Err(PasswordHashError::Unknown);
        };
        Ok(Self(format))
    }

    /// Tells whether this is the password. The time taken depends on the hash and on the
    /// password's length, not on how near the password is.
    ///
    /// A password longer than the format's limit never matches, nor does one with a NUL byte in
    /// the formats whose tools take C strings (all but Argon2id).
    #[must_use]
    pub fn verify(&self, password: &[u8]) -> bool {
        if password.len() > self.max_password_len() {
            return false;
        }
        // SECURITY: to bcrypt, which repeats a password with a NUL after it, `a NUL a` is `a`;
        // and tools that end a password at NUL hashed the part before it.
        if !matches!(self.0, Format::Argon2id(_)) && password.contains(&0) {
            return false;
        }
        match &self.0 {
            Format::Argon2id(hash) => hash.verify(password),
            Format::Bcrypt(text) => bcrypt::verify(password, text).unwrap_or(false),
            Format::Md5Crypt {
                magic,
                salt,
                digest,
            } => {
                let computed = apr1::hash(magic, salt.as_bytes(), password);
                computed.as_bytes().ct_eq(digest.as_bytes()).into()
            }
            Format::Sha1(digest) => Sha1::digest(password).ct_eq(digest).into(),
            Format::ShaCrypt(hash) => {
                let (stored, computed) = hash.compare(password);
                computed.as_bytes().ct_eq(stored.as_bytes()).into()
            }
        }
    }

    /// Tells whether the password should be hashed anew, with these parameters, the next time
    /// it is known: the hash is not Argon2id, or costs less.
    #[must_use]
    pub fn needs_upgrade(&self, wanted: Argon2Params) -> bool {
        match &self.0 {
            Format::Argon2id(hash) => hash.needs_upgrade(wanted),
            _ => true,
        }
    }

    const fn max_password_len(&self) -> usize {
        match self.0 {
            Format::Bcrypt(_) => MAX_BCRYPT_LEN,
            Format::ShaCrypt(_) => MAX_SHA_CRYPT_LEN,
            _ => MAX_PASSWORD_LEN,
        }
    }

    const fn name(&self) -> &'static str {
        match self.0 {
            Format::Argon2id(_) => "argon2id",
            Format::Bcrypt(_) => "bcrypt",
            Format::Md5Crypt { .. } => "md5-crypt",
            Format::Sha1(_) => "sha1",
            Format::ShaCrypt(_) => "sha-crypt",
        }
    }
}

/// Names the format only: a hash is half of the way to the password.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PasswordHash").field(&self.name()).finish()
    }
}

fn bcrypt(text: &str) -> Result<Format, PasswordHashError> {
    let cost = text.get(4..6).ok_or(PasswordHashError::Malformed)?;
    if !cost.bytes().all(|b| b.is_ascii_digit()) {
        return Err(PasswordHashError::Malformed);
    }
    let parts: bcrypt::HashParts = text.parse().map_err(|_| PasswordHashError::Malformed)?;
    if !(4..=MAX_BCRYPT_COST).contains(&parts.get_cost()) {
        return Err(PasswordHashError::Cost);
    }
    Ok(Format::Bcrypt(text.to_owned()))
}

fn md5_crypt(magic: &'static str, rest: &str) -> Result<Format, PasswordHashError> {
    let (salt, digest) = rest.split_once('$').ok_or(PasswordHashError::Malformed)?;
    if !is_crypt64(salt, 1..=8) || !is_crypt64(digest, 22..=22) {
        return Err(PasswordHashError::Malformed);
    }
    Ok(Format::Md5Crypt {
        magic,
        salt: salt.to_owned(),
        digest: digest.to_owned(),
    })
}

fn sha1_digest(rest: &str) -> Result<Format, PasswordHashError> {
    let digest = STANDARD
        .decode(rest)
        .map_err(|_| PasswordHashError::Malformed)?;
    let digest = digest
        .try_into()
        .map_err(|_| PasswordHashError::Malformed)?;
    Ok(Format::Sha1(digest))
}

/// Parses a decimal number without sign and leading zeros.
pub(super) fn decimal(text: &str) -> Result<u32, PasswordHashError> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse()
        .ok()
        .filter(|_| plain)
        .ok_or(PasswordHashError::Malformed)
}
