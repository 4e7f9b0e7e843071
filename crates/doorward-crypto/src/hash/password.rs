//! Password hashes: Argon2id for our own, and the formats of imported `htpasswd` files.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use doorward_core::Entropy;
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::Zeroizing;

use super::apr1;
use super::sha_crypt::{ShaCrypt, is_crypt64};

/// The longest password that is looked at, in bytes. A longer one never matches.
pub const MAX_PASSWORD_LEN: usize = 1024;
/// The longest password that bcrypt sees whole, in bytes. A longer one never matches a bcrypt
/// hash: bcrypt would ignore what is beyond, and so accept passwords that differ.
pub const MAX_BCRYPT_LEN: usize = 72;
/// The longest password for SHA-crypt, in bytes. Its work grows with the password's length
/// times the rounds, and both can be large.
pub const MAX_SHA_CRYPT_LEN: usize = 256;

const SALT_LEN: usize = 16;
const OUTPUT_LEN: usize = 32;
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_PASSES: u32 = 10;
const MAX_LANES: u32 = 16;
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

/// The cost of new Argon2id hashes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Argon2Params {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Default for Argon2Params {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
        }
    }
}

impl Argon2Params {
    /// Takes memory in KiB, passes and lanes; none may be below the default.
    ///
    /// # Errors
    /// [`PasswordHashError::Params`] outside the bounds.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, PasswordHashError> {
        let floor = Self::default();
        let fits = (floor.memory_kib..=MAX_MEMORY_KIB).contains(&memory_kib)
            && (floor.passes..=MAX_PASSES).contains(&passes)
            && (floor.lanes..=MAX_LANES).contains(&lanes);
        if fits {
            Ok(Self {
                memory_kib,
                passes,
                lanes,
            })
        } else {
            Err(PasswordHashError::Params)
        }
    }
}

/// A password hash, parsed, with a cost that the server can bear.
#[derive(Clone)]
pub struct PasswordHash(Format);

#[derive(Clone)]
enum Format {
    Argon2id {
        params: Argon2Params,
        salt: Vec<u8>,
        digest: Vec<u8>,
    },
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
            argon2id(rest)?
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
        // SECURITY: tools that end a password at NUL would have hashed the part before it.
        if !matches!(self.0, Format::Argon2id { .. }) && password.contains(&0) {
            return false;
        }
        match &self.0 {
            Format::Argon2id {
                params,
                salt,
                digest,
            } => {
                let mut computed = Zeroizing::new(vec![0; digest.len()]);
                argon2_into(*params, password, salt, &mut computed).is_ok()
                    && computed.ct_eq(digest).into()
            }
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
            Format::Argon2id {
                params,
                salt,
                digest,
            } => {
                params.memory_kib < wanted.memory_kib
                    || params.passes < wanted.passes
                    || params.lanes < wanted.lanes
                    || salt.len() < SALT_LEN
                    || digest.len() < OUTPUT_LEN
            }
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
            Format::Argon2id { .. } => "argon2id",
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

/// Hashes a password with Argon2id and a fresh salt of 16 bytes, as a PHC string.
///
/// # Errors
/// [`PasswordHashError::TooLong`] beyond [`MAX_PASSWORD_LEN`] bytes, and
/// [`PasswordHashError::Failed`] when there is no memory.
pub fn hash_argon2id(
    password: &[u8],
    params: Argon2Params,
    entropy: &dyn Entropy,
) -> Result<String, PasswordHashError> {
    if password.len() > MAX_PASSWORD_LEN {
        return Err(PasswordHashError::TooLong);
    }
    let mut salt = [0; SALT_LEN];
    entropy.fill(&mut salt);
    let mut digest = Zeroizing::new([0; OUTPUT_LEN]);
    argon2_into(params, password, &salt, digest.as_mut())?;
    Ok(format!(
        "$argon2id$v=19$m={},t={},p={}${}${}",
        params.memory_kib,
        params.passes,
        params.lanes,
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(digest.as_ref())
    ))
}

fn argon2_into(
    params: Argon2Params,
    password: &[u8],
    salt: &[u8],
    into: &mut [u8],
) -> Result<(), PasswordHashError> {
    let Argon2Params {
        memory_kib,
        passes,
        lanes,
    } = params;
    Params::new(memory_kib, passes, lanes, Some(into.len()))
        .and_then(|params| {
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into(password, salt, into)
        })
        .map_err(|_| PasswordHashError::Failed)
}

/// Parses what follows `$argon2id$` of a PHC string.
fn argon2id(rest: &str) -> Result<Format, PasswordHashError> {
    let bad = PasswordHashError::Malformed;
    let fields: Vec<&str> = rest.split('$').collect();
    let ["v=19", costs, salt, digest] = fields.as_slice() else {
        return Err(bad);
    };
    let costs: Vec<&str> = costs.split(',').collect();
    let [memory, passes, lanes] = costs.as_slice() else {
        return Err(bad);
    };
    let memory_kib = decimal(memory.strip_prefix("m=").ok_or(bad)?)?;
    let passes = decimal(passes.strip_prefix("t=").ok_or(bad)?)?;
    let lanes = decimal(lanes.strip_prefix("p=").ok_or(bad)?)?;
    let bearable = (1..=MAX_LANES).contains(&lanes)
        && (1..=MAX_PASSES).contains(&passes)
        && (8 * lanes..=MAX_MEMORY_KIB).contains(&memory_kib);
    if !bearable {
        return Err(PasswordHashError::Cost);
    }
    let salt = STANDARD_NO_PAD.decode(salt).map_err(|_| bad)?;
    let digest = STANDARD_NO_PAD.decode(digest).map_err(|_| bad)?;
    if !(8..=64).contains(&salt.len()) || !(16..=64).contains(&digest.len()) {
        return Err(bad);
    }
    Ok(Format::Argon2id {
        params: Argon2Params {
            memory_kib,
            passes,
            lanes,
        },
        salt,
        digest,
    })
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
