//! The scopes that exist here: declared with a name, what they imply and who may grant them.

use std::collections::{BTreeMap, BTreeSet};

use doorward_core::{Scope, ScopeSet};

/// What is declared of a scope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeclaredScope {
    /// What people are shown: "Read orders".
    pub name: String,
    /// What it allows, in a sentence; may be empty.
    pub description: String,
    /// What comes with it.
    pub implies: ScopeSet,
    /// A user may grant it to a client.
    pub by_user: bool,
    /// A client may have it for itself, by client credentials.
    pub by_client: bool,
}

impl DeclaredScope {
    /// A scope that only has its own word.
    #[must_use]
    pub fn plain(scope: &Scope) -> Self {
        Self {
            name: scope.as_str().to_owned(),
            description: String::new(),
            implies: ScopeSet::EMPTY,
            by_user: true,
            by_client: true,
        }
    }
}

/// All scopes.
#[derive(Clone, Default, Debug)]
pub struct ScopeCatalogue(BTreeMap<Scope, DeclaredScope>);

impl ScopeCatalogue {
    /// Takes declarations. What a declared scope implies exists as well.
    #[must_use]
    pub fn new(declared: impl IntoIterator<Item = (Scope, DeclaredScope)>) -> Self {
        let mut all: BTreeMap<Scope, DeclaredScope> = declared.into_iter().collect();
        let implied: Vec<Scope> = all
            .values()
            .flat_map(|one| one.implies.iter().cloned())
            .collect();
        for scope in implied {
            let plain = DeclaredScope::plain(&scope);
            all.entry(scope).or_insert(plain);
        }
        Self(all)
    }

    /// What is declared of a scope.
    #[must_use]
    pub fn get(&self, scope: &Scope) -> Option<&DeclaredScope> {
        self.0.get(scope)
    }

    /// All scopes in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Scope, &DeclaredScope)> {
        self.0.iter()
    }

    /// The scopes with everything that they imply, however many steps away. Ends, also where two
    /// imply each other.
    #[must_use]
    pub fn closure(&self, scopes: &ScopeSet) -> ScopeSet {
        let mut reached: BTreeSet<Scope> = BTreeSet::new();
        let mut next: Vec<&Scope> = scopes.iter().collect();
        while let Some(scope) = next.pop() {
            if reached.insert(scope.clone())
                && let Some(declared) = self.0.get(scope)
            {
                next.extend(declared.implies.iter());
            }
        }
        reached.into_iter().collect()
    }

    /// Those of the scopes that suit.
    #[must_use]
    pub fn filter(
        &self,
        scopes: &ScopeSet,
        mut suits: impl FnMut(&DeclaredScope) -> bool,
    ) -> ScopeSet {
        let known = |scope: &&Scope| self.0.get(*scope).is_some_and(&mut suits);
        scopes.iter().filter(known).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use doorward_core::{Scope, ScopeSet};

    use super::{DeclaredScope, ScopeCatalogue};

    #[test]
    fn what_is_implied_comes_along_and_circles_end() {
        let set = |text| ScopeSet::parse(text).unwrap();
        let declare = |name: &str, implies| {
            let scope = Scope::parse(name).unwrap();
            let declared = DeclaredScope {
                implies: set(implies),
                ..DeclaredScope::plain(&scope)
            };
            (scope, declared)
        };
        let all = ScopeCatalogue::new([
            declare("admin", "write"),
            declare("write", "read admin"),
            declare("other", ""),
        ]);
        assert_eq!(all.closure(&set("admin")), set("admin read write"));
        assert_eq!(all.closure(&set("read other")), set("other read"));
        assert!(all.get(&Scope::parse("read").unwrap()).is_some());
    }
}
