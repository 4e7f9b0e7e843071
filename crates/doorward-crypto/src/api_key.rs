//! The text of an API key: `{prefix}_{kind}_{env}_{random}{checksum}`.
//!
//! The checksum is CRC-32 of everything before it, in 6 characters of base 62. It is no secret:
//! it keeps typing errors, random guesses and edited keys away from the store. Nobody may rely
//! on a length.

use std::fmt;

pub use doorward_core::api_key::{Environment, KeyKind};
use doorward_core::{Entropy, Secret};
use thiserror::Error;

/// The characters of the random part and of the checksum.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECKSUM_LEN: usize = 6;
const MIN_RANDOM_LEN: usize = 30;
const MAX_RANDOM_LEN: usize = 200;
const NEW_RANDOM_LEN: usize = 32;
const HINT_LEN: usize = 4;

/// The operator's word in front of every key: 1 to 16 of `a-z0-9`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct KeyPrefix(String);

/// Why a text is refused as an API key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ApiKeyError {
    /// The text does not begin with the prefix: it may be a credential of another kind.
    #[error("not an API key")]
    NotAKey,
    /// The text begins like a key and does not go on like one.
    #[error("the API key is malformed")]
    Malformed,
    /// The checksum does not fit: the key was mistyped, cut off or edited.
    #[error("the API key's checksum is wrong")]
    BadChecksum,
}

/// A text that is not a prefix.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the prefix of API keys is 1 to 16 of a-z and 0-9")]
pub struct NotAPrefix;

/// A well-formed API key with a right checksum. Whether anybody issued it is another question.
pub struct ApiKeyText {
    kind: KeyKind,
    env: Environment,
    head_len: usize,
    text: Secret<String>,
}

impl KeyPrefix {
    /// Parses a prefix.
    ///
    /// # Errors
    /// [`NotAPrefix`] when the text is not one.
    pub fn parse(text: &str) -> Result<Self, NotAPrefix> {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        if text.is_empty() || text.len() > 16 || !text.bytes().all(legal) {
            return Err(NotAPrefix);
        }
        Ok(Self(text.to_owned()))
    }

    /// The prefix's text, without the underscore.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The regular expression for secret scanners, open at its end.
    #[must_use]
    pub fn regex(&self) -> String {
        format!(
            "{}_(sk|pk|rk|ak)_(live|test)_[0-9A-Za-z]{{{MIN_RANDOM_LEN},}}",
            self.0
        )
    }
}

impl ApiKeyText {
    /// Makes a new key with 190 bits of randomness.
    #[must_use]
    pub fn generate(
        prefix: &KeyPrefix,
        kind: KeyKind,
        env: Environment,
        entropy: &dyn Entropy,
    ) -> Self {
        let mut text = format!("{}_{}_{}_", prefix.as_str(), kind.as_str(), env.as_str());
        let head_len = text.len();
        text.reserve_exact(NEW_RANDOM_LEN + CHECKSUM_LEN);
        push_random(&mut text, NEW_RANDOM_LEN, entropy);
        text.extend(checksum(&text).map(char::from));
        Self {
            kind,
            env,
            head_len,
            text: Secret::new(text),
        }
    }

    /// Parses a presented key.
    ///
    /// # Errors
    /// [`ApiKeyError::NotAKey`] when the text does not begin with the prefix and an underscore,
    /// else what is wrong with the key.
    pub fn parse(text: &str, prefix: &KeyPrefix) -> Result<Self, ApiKeyError> {
        let (kind, env, head_len) = inspect(text, prefix)?;
        Ok(Self {
            kind,
            env,
            head_len,
            text: Secret::new(text.to_owned()),
        })
    }

    /// Checks a presented key as [`ApiKeyText::parse`] does, without copying it: for the path of
    /// every request.
    ///
    /// # Errors
    /// As [`ApiKeyText::parse`].
    pub fn check(text: &str, prefix: &KeyPrefix) -> Result<(KeyKind, Environment), ApiKeyError> {
        inspect(text, prefix).map(|(kind, env, _)| (kind, env))
    }

    /// What the key is for.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The environment that the key belongs to.
    #[must_use]
    pub const fn env(&self) -> Environment {
        self.env
    }

    /// The whole key, for digesting it and for showing it once to its owner.
    #[must_use]
    pub const fn secret(&self) -> &Secret<String> {
        &self.text
    }

    /// What may be shown and stored to tell keys apart: all up to the environment, and the
    /// first 4 of the random characters.
    #[must_use]
    pub fn hint(&self) -> &str {
        self.text
            .expose()
            .get(..self.head_len + HINT_LEN)
            .unwrap_or_default()
    }
}

impl fmt::Debug for ApiKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeyText")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Appends random characters of base 62, each equally likely.
fn push_random(text: &mut String, count: usize, entropy: &dyn Entropy) {
    let mut missing = count;
    while missing > 0 {
        let mut byte = [0];
        entropy.fill(&mut byte);
        let [byte] = byte;
        // SECURITY: six bits, and 62 and 63 thrown away: a remainder would favour some
        // characters.
        if let Some(character) = BASE62.get(usize::from(byte & 0x3f)) {
            text.push(char::from(*character));
            missing -= 1;
        }
    }
}

/// Takes a key apart without copying it: its kind, its environment, and the length of what comes
/// before the random characters.
fn inspect(text: &str, prefix: &KeyPrefix) -> Result<(KeyKind, Environment, usize), ApiKeyError> {
    let rest = text
        .strip_prefix(prefix.as_str())
        .and_then(|rest| rest.strip_prefix('_'))
        .ok_or(ApiKeyError::NotAKey)?;
    let (kind, rest) = rest.split_once('_').ok_or(ApiKeyError::Malformed)?;
    let (env, body) = rest.split_once('_').ok_or(ApiKeyError::Malformed)?;
    let kind = KeyKind::parse(kind).ok_or(ApiKeyError::Malformed)?;
    let env = Environment::parse(env).ok_or(ApiKeyError::Malformed)?;
    let lengths = MIN_RANDOM_LEN + CHECKSUM_LEN..=MAX_RANDOM_LEN + CHECKSUM_LEN;
    if !lengths.contains(&body.len()) || !body.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(ApiKeyError::Malformed);
    }
    let (covered, sum) = text
        .split_at_checked(text.len() - CHECKSUM_LEN)
        .ok_or(ApiKeyError::Malformed)?;
    if checksum(covered) != sum.as_bytes() {
        return Err(ApiKeyError::BadChecksum);
    }
    Ok((kind, env, text.len() - body.len()))
}

/// The CRC-32 (IEEE) of a text in 6 characters of base 62.
fn checksum(text: &str) -> [u8; CHECKSUM_LEN] {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    digits
}
