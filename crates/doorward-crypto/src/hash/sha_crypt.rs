//! SHA-crypt (`$5$`, `$6$`), for imported files only.

use sha_crypt::{Params, sha256_crypt, sha512_crypt};

use super::password::PasswordHashError;

/// How many rounds an imported hash may ask for.
pub(super) const MAX_ROUNDS: u32 = 1_000_000;
const MIN_ROUNDS: u32 = Params::ROUNDS_MIN;

/// The order in which the digest's bytes are written.
const ORDER_256: [usize; 32] = [
    20, 10, 0, 11, 1, 21, 2, 22, 12, 23, 13, 3, 14, 4, 24, 5, 25, 15, 26, 16, 6, 17, 7, 27, 8, 28,
    18, 29, 19, 9, 30, 31,
];
const ORDER_512: [usize; 64] = [
    42, 21, 0, 1, 43, 22, 23, 2, 44, 45, 24, 3, 4, 46, 25, 26, 5, 47, 48, 27, 6, 7, 49, 28, 29, 8,
    50, 51, 30, 9, 10, 52, 31, 32, 11, 53, 54, 33, 12, 13, 55, 34, 35, 14, 56, 57, 36, 15, 16, 58,
    37, 38, 17, 59, 60, 39, 18, 19, 61, 40, 41, 20, 62, 63,
];
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A parsed hash of this family.
#[derive(Clone)]
pub(super) struct ShaCrypt {
    wide: bool,
    params: Params,
    salt: String,
    digest: String,
}

impl ShaCrypt {
    /// Parses what follows `$5$` or (`wide`) `$6$`.
    pub(super) fn parse(text: &str, wide: bool) -> Result<Self, PasswordHashError> {
        let (rounds, text) = match text.strip_prefix("rounds=") {
            None => (Params::RECOMMENDED_ROUNDS, text),
            Some(rest) => {
                let (rounds, rest) = rest.split_once('$').ok_or(PasswordHashError::Malformed)?;
                (super::password::decimal(rounds)?, rest)
            }
        };
        if !(MIN_ROUNDS..=MAX_ROUNDS).contains(&rounds) {
            return Err(PasswordHashError::Cost);
        }
        let (salt, digest) = text.split_once('$').ok_or(PasswordHashError::Malformed)?;
        let digest_len = if wide { 86 } else { 43 };
        if !is_crypt64(salt, 1..=16) || !is_crypt64(digest, digest_len..=digest_len) {
            return Err(PasswordHashError::Malformed);
        }
        let params = Params::new(rounds).map_err(|_| PasswordHashError::Cost)?;
        Ok(Self {
            wide,
            params,
            salt: salt.to_owned(),
            digest: digest.to_owned(),
        })
    }

    /// The digest as it was stored, and as this password has it.
    pub(super) fn compare(&self, password: &[u8]) -> (&str, String) {
        let salt = self.salt.as_bytes();
        let computed = if self.wide {
            crypt64(&sha512_crypt(password, salt, self.params), &ORDER_512)
        } else {
            crypt64(&sha256_crypt(password, salt, self.params), &ORDER_256)
        };
        (&self.digest, computed)
    }
}

/// Tells whether the text has only characters of the alphabet, and how many.
pub(super) fn is_crypt64(text: &str, len: std::ops::RangeInclusive<usize>) -> bool {
    len.contains(&text.len()) && text.bytes().all(|b| ALPHABET.contains(&b))
}

/// Writes bytes in the given order, six bits a character, the lowest first.
pub(super) fn crypt64(bytes: &[u8], order: &[usize]) -> String {
    let ordered: Vec<u8> = order
        .iter()
        .filter_map(|at| bytes.get(*at).copied())
        .collect();
    let mut text = String::with_capacity(ordered.len() * 4 / 3 + 1);
    for group in ordered.chunks(3) {
        let mut word = group
            .iter()
            .rev()
            .fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
        for _ in 0..=group.len() {
            text.extend(ALPHABET.get(word & 0x3f).copied().map(char::from));
            word >>= 6;
        }
    }
    text
}
