//! Scopes: what a credential may be used for (RFC 6749 section 3.3).

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// The longest scope that is accepted, in bytes.
pub const MAX_SCOPE_LEN: usize = 128;

/// One scope: 1 to 128 characters of `%x21 / %x23-5B / %x5D-7E`, compared whole and
/// case-sensitively.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Arc<str>);

/// A text that is not a scope.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "a scope is 1 to {MAX_SCOPE_LEN} visible ASCII characters without space, quote or backslash"
)]
pub struct NotAScope;

impl Scope {
    /// Parses one scope.
    ///
    /// # Errors
    /// [`NotAScope`] when the text is empty, too long or has another character.
    pub fn parse(text: &str) -> Result<Self, NotAScope> {
        let legal = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if text.is_empty() || text.len() > MAX_SCOPE_LEN || !text.bytes().all(legal) {
            return Err(NotAScope);
        }
        Ok(Self(text.into()))
    }

    /// The scope's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A set of scopes, sorted, without duplicates. Cloning it copies a pointer.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct ScopeSet(Option<Arc<[Scope]>>);

impl ScopeSet {
    /// The set without scopes.
    pub const EMPTY: Self = Self(None);

    /// Parses scopes divided by single or repeated spaces, as in the `scope` parameter.
    ///
    /// # Errors
    /// [`NotAScope`] when one of the words is not a scope.
    pub fn parse(text: &str) -> Result<Self, NotAScope> {
        let scopes: Result<Vec<_>, _> = text
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(Scope::parse)
            .collect();
        Ok(scopes?.into_iter().collect())
    }

    /// Tells whether `scope` is in the set.
    #[must_use]
    pub fn contains(&self, scope: &Scope) -> bool {
        self.as_slice().binary_search(scope).is_ok()
    }

    /// Tells whether every scope of `self` is in `other`.
    #[must_use]
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.iter().all(|scope| other.contains(scope))
    }

    /// The scopes in order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.as_slice().iter()
    }

    /// How many scopes the set has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Tells whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    fn as_slice(&self) -> &[Scope] {
        self.0.as_deref().unwrap_or_default()
    }

    /// The scopes of both sets.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.iter().chain(other.iter()).cloned().collect()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(iter: I) -> Self {
        let mut scopes: Vec<Scope> = iter.into_iter().collect();
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            Self::EMPTY
        } else {
            Self(Some(scopes.into()))
        }
    }
}

/// Space-delimited, as in the `scope` parameter.
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, scope) in self.iter().enumerate() {
            if n > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{NotAScope, Scope, ScopeSet};

    fn set(text: &str) -> ScopeSet {
        ScopeSet::parse(text).unwrap()
    }

    #[test]
    fn r099_scope_match_is_whole_word_and_case_sensitive() {
        let granted = set("orders:read orders");
        assert!(set("orders:read").is_subset_of(&granted));
        for near in [
            "orders:rea",
            "orders:reads",
            "Orders:read",
            "orders:*",
            "order",
            "read",
        ] {
            assert!(!set(near).is_subset_of(&granted), "{near}");
        }
    }

    #[test]
    fn parse_sorts_and_drops_duplicates() {
        assert_eq!(set("b a  b").to_string(), "a b");
        assert_eq!(set("").len(), 0);
    }

    #[test]
    fn parse_refuses_what_is_not_a_scope() {
        for bad in ["a\"b", "a\\b", "a\tb", "é", "a\u{7f}"] {
            assert_eq!(Scope::parse(bad), Err(NotAScope), "{bad:?}");
        }
        assert_eq!(Scope::parse(&"x".repeat(129)), Err(NotAScope));
    }
}
