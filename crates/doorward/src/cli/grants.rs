//! New rights of a key or a user: what can be said.

use clap::Args;
use doorward_core::ScopeSet;

use super::value;

/// New scopes and roles. Those that are given replace all the old ones.
#[derive(Args)]
pub struct Grants {
    /// A scope; may be given several times or with spaces. Replaces the old ones.
    #[arg(long = "scope", group = "change", value_parser = value::scopes)]
    pub scopes: Vec<ScopeSet>,
    /// Takes all scopes away.
    #[arg(long, group = "change", conflicts_with = "scopes")]
    pub no_scope: bool,
    /// A role; may be given several times. Replaces the old ones.
    #[arg(long = "role", group = "change")]
    pub roles: Vec<String>,
    /// Takes all roles away.
    #[arg(long, group = "change", conflicts_with = "roles")]
    pub no_role: bool,
}

impl Grants {
    /// The new scopes, where they are to change.
    pub fn new_scopes(&self) -> Option<ScopeSet> {
        let given = self.no_scope || !self.scopes.is_empty();
        given.then(|| value::all_scopes(&self.scopes))
    }

    /// The new roles, where they are to change.
    pub fn new_roles(&self) -> Option<Vec<String>> {
        let given = self.no_role || !self.roles.is_empty();
        given.then(|| self.roles.clone())
    }
}
