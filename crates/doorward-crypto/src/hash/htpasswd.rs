//! The `htpasswd` file of Apache and nginx.

use std::collections::BTreeMap;
use std::fmt;

use doorward_core::Secret;
use thiserror::Error;

use super::password::{PasswordHash, PasswordHashError};

/// The longest name of a user, in bytes.
pub const MAX_NAME_LEN: usize = 255;

/// The users of a file, by name.
#[derive(Default)]
pub struct Htpasswd(BTreeMap<String, Entry>);

/// A hash, read and as written.
struct Entry {
    hash: PasswordHash,
    text: Secret<String>,
}

/// One mistake in a file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}: {mistake}")]
pub struct HtpasswdError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong in it.
    pub mistake: Mistake,
}

/// What can be wrong in a line.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Mistake {
    /// The line is not `name:hash`.
    #[error("expected \"name:hash\"")]
    NoColon,
    /// The name is empty, too long, or has control characters.
    #[error("the name must have 1 to {MAX_NAME_LEN} bytes and no control characters")]
    Name,
    /// The name stands in an earlier line too.
    #[error("the name is also in line {0}")]
    Duplicate(usize),
    /// The hash is refused.
    #[error(transparent)]
    Hash(#[from] PasswordHashError),
}

/// Shows how many users there are, and no hash.
impl fmt::Debug for Htpasswd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Htpasswd")
            .field("users", &self.0.len())
            .finish_non_exhaustive()
    }
}

impl Htpasswd {
    /// Parses a file: lines `name:hash`, blank lines, and comments that begin with `#`. As in
    /// nginx, what follows a second colon is a comment.
    ///
    /// # Errors
    /// All mistakes of the file.
    pub fn parse(text: &str) -> Result<Self, Vec<HtpasswdError>> {
        let mut users = BTreeMap::new();
        let mut lines = BTreeMap::new();
        let mut mistakes = Vec::new();
        for (line, content) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let content = content.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let parsed = entry(content).and_then(|(name, hash)| match lines.insert(name, line) {
                Some(earlier) => Err(Mistake::Duplicate(earlier)),
                None => Ok(users.insert(name.to_owned(), hash)),
            });
            if let Err(mistake) = parsed {
                mistakes.push(HtpasswdError { line, mistake });
            }
        }
        if mistakes.is_empty() {
            Ok(Self(users))
        } else {
            Err(mistakes)
        }
    }

    /// The hash of a user's password.
    #[must_use]
    pub fn lookup(&self, name: &str) -> Option<&PasswordHash> {
        self.0.get(name).map(|entry| &entry.hash)
    }

    /// The users in the order of their names, each with the hash's text for storing.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret<String>)> {
        self.0
            .iter()
            .map(|(name, entry)| (name.as_str(), &entry.text))
    }
}

fn entry(line: &str) -> Result<(&str, Entry), Mistake> {
    let (name, rest) = line.split_once(':').ok_or(Mistake::NoColon)?;
    if name.is_empty() || name.len() > MAX_NAME_LEN || name.chars().any(char::is_control) {
        return Err(Mistake::Name);
    }
    let hash = rest.split_once(':').map_or(rest, |(hash, _comment)| hash);
    let text = Secret::new(hash.to_owned());
    Ok((
        name,
        Entry {
            hash: PasswordHash::parse(hash)?,
            text,
        },
    ))
}
