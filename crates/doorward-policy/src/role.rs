//! Roles, and whether a caller has the scopes that a rule needs.

use std::collections::HashMap;
use std::sync::Arc;

use doorward_core::scope::ScopeSet;
use doorward_core::verified::Grants;
use thiserror::Error;

/// What each role stands for. Names are compared whole and case-sensitively; a role that is not
/// listed grants nothing.
#[derive(Clone, Debug, Default)]
pub struct Roles(HashMap<Arc<str>, ScopeSet>);

/// Roles that contradict each other.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RoleError {
    /// Two declarations of one name.
    #[error("the role `{0}` is declared twice; put its scopes into one declaration")]
    Twice(String),
    /// A name without characters, or with control characters.
    #[error("`{0}` cannot name a role; write visible characters")]
    Name(String),
}

impl Roles {
    /// Takes the declared roles.
    ///
    /// # Errors
    /// Every [`RoleError`] found.
    pub fn new(
        declared: impl IntoIterator<Item = (String, ScopeSet)>,
    ) -> Result<Self, Vec<RoleError>> {
        let mut roles = HashMap::new();
        let mut errors = Vec::new();
        for (name, scopes) in declared {
            if name.trim().is_empty() || name.chars().any(char::is_control) {
                errors.push(RoleError::Name(name));
            } else if roles.contains_key(name.as_str()) {
                errors.push(RoleError::Twice(name));
            } else {
                roles.insert(name.into(), scopes);
            }
        }
        if errors.is_empty() {
            Ok(Self(roles))
        } else {
            Err(errors)
        }
    }

    /// Tells whether a role is declared.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The scopes that a role grants; none for a role that is not declared.
    #[must_use]
    pub fn scopes(&self, name: &str) -> &ScopeSet {
        self.0.get(name).unwrap_or(&ScopeSet::EMPTY)
    }

    /// Tells whether a credential's scopes and roles together hold every required scope.
    #[must_use]
    pub fn satisfy(&self, required: &ScopeSet, grants: &Grants) -> bool {
        required.iter().all(|scope| {
            grants.scopes.contains(scope)
                || grants
                    .roles
                    .iter()
                    .any(|role| self.scopes(role).contains(scope))
        })
    }
}

#[cfg(test)]
mod tests {
    use doorward_core::scope::ScopeSet;
    use doorward_core::verified::Grants;

    use super::{RoleError, Roles};

    fn set(text: &str) -> ScopeSet {
        ScopeSet::parse(text).unwrap()
    }

    fn roles(declared: &[(&str, &str)]) -> Result<Roles, Vec<RoleError>> {
        Roles::new(
            declared
                .iter()
                .map(|(name, scopes)| ((*name).to_owned(), set(scopes))),
        )
    }

    #[test]
    fn r099_scopes_and_roles_add_up_whole_word_and_case_sensitive() {
        let roles = roles(&[("clerk", "orders:read"), ("boss", "orders:write staff")]).unwrap();
        let grants = |scopes, names: &[&str]| Grants {
            issuer: None,
            scopes: set(scopes),
            roles: names.iter().map(|name| (*name).into()).collect(),
        };
        for (required, scopes, names, allowed) in [
            ("", "", &[][..], true),
            ("orders:read", "orders:read", &[], true),
            ("orders:read", "", &["clerk"], true),
            ("orders:read orders:write", "orders:write", &["clerk"], true),
            ("orders:read staff", "", &["clerk", "boss"], true),
            ("orders:read", "orders", &[], false),
            ("orders:read", "orders:reads", &["boss"], false),
            ("orders:read", "", &["Clerk"], false),
            ("orders:read", "", &["cler"], false),
            ("clerk", "", &["clerk"], false),
            ("Orders:read", "orders:read", &["clerk"], false),
            ("orders:read staff", "", &["boss"], false),
        ] {
            assert_eq!(
                roles.satisfy(&set(required), &grants(scopes, names)),
                allowed,
                "{required} with {scopes} {names:?}"
            );
        }
    }

    #[test]
    fn contradicting_roles_are_all_reported() {
        let errors = roles(&[("a", "x"), ("a", "y"), (" ", "z"), ("b\n", "z")]).unwrap_err();
        assert_eq!(errors.len(), 3);
        assert_eq!(errors[0], RoleError::Twice("a".to_owned()));
    }
}
