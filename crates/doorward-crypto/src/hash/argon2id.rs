//! Argon2id (RFC 9106), the one password hash that is made anew, as a PHC string.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use doorward_core::Entropy;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::password::{MAX_PASSWORD_LEN, PasswordHashError, decimal};

const SALT_LEN: usize = 16;
const OUTPUT_LEN: usize = 32;
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_PASSES: u32 = 10;
const MAX_LANES: u32 = 16;

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

/// A parsed hash.
#[derive(Clone)]
pub(super) struct Argon2id {
    params: Argon2Params,
    salt: Vec<u8>,
    digest: Vec<u8>,
}

impl Argon2id {
    /// Parses what follows `$argon2id$` of a PHC string.
    pub(super) fn parse(rest: &str) -> Result<Self, PasswordHashError> {
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
        Ok(Self {
            params: Argon2Params {
                memory_kib,
                passes,
                lanes,
            },
            salt,
            digest,
        })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut computed = Zeroizing::new(vec![0; self.digest.len()]);
        argon2_into(self.params, password, &self.salt, &mut computed).is_ok()
            && computed.ct_eq(&self.digest).into()
    }

    /// Tells whether the hash costs less than `wanted`.
    pub(super) const fn needs_upgrade(&self, wanted: Argon2Params) -> bool {
        self.params.memory_kib < wanted.memory_kib
            || self.params.passes < wanted.passes
            || self.params.lanes < wanted.lanes
            || self.salt.len() < SALT_LEN
            || self.digest.len() < OUTPUT_LEN
    }
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
