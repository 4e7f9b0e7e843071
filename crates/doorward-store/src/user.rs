//! Users who sign in with a name and a password (RFC 7617).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_core::scope::ScopeSet;
use doorward_core::secret::Secret;
use thiserror::Error;

use crate::error::StoreError;

const NAME_MAX: usize = 128;

/// A user's name: 1 to 128 bytes of UTF-8 without colon or control characters (RFC 7617
/// section 2). Compared byte by byte. Cloning it copies a pointer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UserName(Arc<str>);

/// A text that is not a user's name.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a user name is 1 to {NAME_MAX} bytes without colon or control characters")]
pub struct NotAUserName;

impl UserName {
    /// Parses a user's name.
    ///
    /// # Errors
    /// [`NotAUserName`] when it is empty, too long, or has a colon or a control character.
    pub fn parse(text: &str) -> Result<Self, NotAUserName> {
        let illegal = |c: char| c == ':' || c.is_control();
        if text.is_empty() || text.len() > NAME_MAX || text.contains(illegal) {
            return Err(NotAUserName);
        }
        Ok(Self(text.into()))
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is stored about a user.
#[derive(Clone)]
pub struct UserRecord {
    /// The name; unique.
    pub name: UserName,
    /// The password's hash in the text form of its algorithm.
    pub password_hash: Secret<String>,
    /// What the user may do.
    pub scopes: ScopeSet,
    /// The roles the user has.
    pub roles: Vec<String>,
    /// Since when the user may not enter.
    pub disabled_at: Option<Timestamp>,
    /// When the user was made.
    pub created_at: Timestamp,
    /// When the password was last set, by the user or an operator.
    pub password_changed_at: Timestamp,
}

/// SECURITY: leaves out the hash.
impl fmt::Debug for UserRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserRecord")
            .field("name", &self.name)
            .field("scopes", &self.scopes)
            .field("roles", &self.roles)
            .field("disabled_at", &self.disabled_at)
            .finish_non_exhaustive()
    }
}

/// The users.
#[async_trait]
pub trait Users: Send + Sync {
    /// Stores a new user.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the name is taken.
    async fn create(&self, user: UserRecord) -> Result<(), StoreError>;

    /// Stores many new users, all or none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] with the first name that is taken or given twice.
    async fn import(&self, users: Vec<UserRecord>) -> Result<(), StoreError>;

    /// Finds a user by name.
    async fn lookup(&self, name: &UserName) -> Result<Option<UserRecord>, StoreError>;

    /// The users after `after` in the order of their names' bytes, at most `limit`.
    async fn list(
        &self,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<Vec<UserRecord>, StoreError>;

    /// Sets a new password; false when there is no such user.
    async fn set_password(
        &self,
        name: &UserName,
        hash: Secret<String>,
        at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Stores the same password under a better algorithm when the hash is still `expected`; false
    /// when it is not, or when there is no such user.
    async fn upgrade_password(
        &self,
        name: &UserName,
        expected: Secret<String>,
        hash: Secret<String>,
    ) -> Result<bool, StoreError>;

    /// Shuts a user out and returns since when; `None` when there is no such user. The earliest
    /// moment stays.
    async fn disable(
        &self,
        name: &UserName,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// Lets a user in again; false when there is no such user.
    async fn enable(&self, name: &UserName) -> Result<bool, StoreError>;

    /// Replaces what a user may do, scopes and roles each where they are given; false when there
    /// is no such user.
    async fn set_grants(
        &self,
        name: &UserName,
        scopes: Option<ScopeSet>,
        roles: Option<Vec<String>>,
    ) -> Result<bool, StoreError>;

    /// Removes a user; false when there is no such user.
    async fn remove(&self, name: &UserName) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::{NotAUserName, UserName};

    #[test]
    fn r027_names_hold_no_colon_and_no_control_character() {
        for good in ["a", "Zoë", "o'brien; --", "a b"] {
            assert_eq!(UserName::parse(good).unwrap().as_str(), good);
        }
        let long = "x".repeat(129);
        for bad in [
            "",
            "a:b",
            "a\0b",
            "a\nb",
            "a\u{7f}",
            "a\u{85}",
            long.as_str(),
        ] {
            assert_eq!(UserName::parse(bad), Err(NotAUserName), "{bad:?}");
        }
    }
}
