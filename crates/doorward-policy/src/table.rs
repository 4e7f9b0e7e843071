//! The route table: finds the one rule of a request.
//!
//! Precedence. A host by name comes before a wildcard host, a wildcard host before any host, as
//! long as some path of theirs covers the request. Of the paths, at the first segment where two
//! differ, a literal comes before a parameter and a parameter before a catch-all. The method is
//! looked at last: when the most specific path does not list it, no rule covers the request,
//! although a less specific path might. Otherwise a caller could leave the rules of `/admin` for
//! those of `/{*path}` by choosing another method.

use std::collections::HashMap;
use std::sync::Arc;

use doorward_core::policy::{Access, Owner, Policy, Rule};
use doorward_core::rejection::{BodyFault, Denied, Rejection};
use doorward_core::request::{RequestFault, RequestHead};
use doorward_core::scope::ScopeSet;
use doorward_core::verified::Principal;
use http::Method;
use http::header::ACCESS_CONTROL_REQUEST_METHOD;

use crate::error::RouteError;
use crate::object::{self, Sender};
use crate::role::Roles;
use crate::route::Route;
use leaf::Leaf;
use tree::{Found, Tree};

mod build;
mod check;
mod leaf;
mod literals;
mod sapling;
mod tree;

/// The rules of all routes and the roles, immutable. A reload builds another one and swaps the
/// whole gate, so that no request is decided by halves of two.
pub struct RouteTable {
    exact: HashMap<Box<str>, Tree>,
    wildcard: HashMap<Box<str>, Tree>,
    any: Tree,
    rules: Vec<Arc<Rule>>,
    roles: Roles,
}

impl RouteTable {
    /// Builds the table.
    ///
    /// # Errors
    /// Every [`RouteError`] found.
    pub fn build(routes: Vec<Route>, roles: Roles) -> Result<Self, Vec<RouteError>> {
        build::build(routes, roles)
    }

    /// Every rule, in the order of the routes: the effective policy.
    #[must_use]
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// The declared roles.
    #[must_use]
    pub const fn roles(&self) -> &Roles {
        &self.roles
    }

    /// The rules of a host and a path, whatever the method, to tell an operator what a path has.
    #[must_use]
    pub fn rules_at(&self, host: &str, path: &str) -> Vec<&Arc<Rule>> {
        let leaf = self.trees(host).find_map(|tree| match tree.find(path) {
            Found::Leaf(leaf) => Some(leaf),
            Found::OtherSpelling | Found::Nothing => None,
        });
        let indices = leaf.into_iter().flat_map(Leaf::all);
        indices.filter_map(|index| self.rules.get(index)).collect()
    }

    /// The trees of a host, the most specific first.
    fn trees(&self, host: &str) -> impl Iterator<Item = &Tree> {
        let parent = host.split_once('.').map(|(_, parent)| parent);
        let trees = [
            self.exact.get(host),
            parent.and_then(|parent| self.wildcard.get(parent)),
            Some(&self.any),
        ];
        trees.into_iter().flatten()
    }

    /// Finds the rule of a host without port in lower case, a canonical path and a method.
    ///
    /// # Errors
    /// [`RequestFault::PathCase`] when the path is a route in other letters or another encoding.
    pub fn rule_of(
        &self,
        host: &str,
        path: &str,
        method: &Method,
    ) -> Result<Option<&Arc<Rule>>, RequestFault> {
        for tree in self.trees(host) {
            match tree.find(path) {
                // SECURITY: a path in other letters must not fall to a less specific rule, and
                // neither must a method that the path does not list.
                Found::OtherSpelling => return Err(RequestFault::PathCase),
                Found::Leaf(leaf) => {
                    return Ok(leaf.rule(method).and_then(|index| self.rules.get(index)));
                }
                Found::Nothing => {}
            }
        }
        Ok(None)
    }
}

impl Policy for RouteTable {
    fn rule_for(&self, head: &RequestHead) -> Result<Option<Arc<Rule>>, RequestFault> {
        self.rule_of(head.host().name(), head.path(), head.method())
            .map(Option::<&Arc<Rule>>::cloned)
    }

    fn rule_for_preflight(&self, head: &RequestHead) -> Result<Option<Arc<Rule>>, RequestFault> {
        let mut asked = head.headers().get_all(ACCESS_CONTROL_REQUEST_METHOD).iter();
        let (Some(method), None) = (asked.next(), asked.next()) else {
            return Ok(None);
        };
        let Ok(method) = Method::from_bytes(method.as_bytes()) else {
            return Ok(None);
        };
        self.rule_of(head.host().name(), head.path(), &method)
            .map(Option::<&Arc<Rule>>::cloned)
    }

    fn decide(&self, rule: &Rule, principal: &Principal, head: &RequestHead) -> Result<(), Denied> {
        let Access::Guarded(guarded) = &rule.access else {
            return Ok(());
        };
        let identity = principal.identity();
        if !self.roles.satisfy(&guarded.scopes, &identity.grants) {
            return Err(Denied::Scope {
                required: guarded.scopes.clone(),
            });
        }
        match &rule.binding.owner {
            Some(owner) if !self.is_exempt(owner, principal) => {
                object::check_head(owner, &identity.subject, head)
            }
            _ => Ok(()),
        }
    }

    fn decide_body(
        &self,
        rule: &Rule,
        principal: Option<&Principal>,
        body: &[u8],
    ) -> Result<(), Rejection> {
        let Some(asked) = &rule.binding.body else {
            return Err(Rejection::Body(BodyFault::Unseen));
        };
        let owner = rule.binding.owner.as_ref();
        let bound = owner.filter(|owner| !principal.is_some_and(|who| self.is_exempt(owner, who)));
        let subject = principal.map_or("", |who| &*who.identity().subject);
        let who = Sender {
            owns: bound
                .and_then(|owner| owner.body.as_ref())
                .map(|pointer| (pointer, subject)),
            holds: &|scopes| principal.is_some_and(|who| self.has_all(who, scopes)),
        };
        object::check_body(asked, &who, body)
    }
}

impl RouteTable {
    fn is_exempt(&self, owner: &Owner, principal: &Principal) -> bool {
        let unless = owner.unless.as_ref();
        unless.is_some_and(|scopes| self.has_all(principal, scopes))
    }

    /// SECURITY: everybody has every scope of an empty set, and an empty set here is a mistake.
    fn has_all(&self, principal: &Principal, scopes: &ScopeSet) -> bool {
        !scopes.is_empty() && self.roles.satisfy(scopes, &principal.identity().grants)
    }
}

#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;
