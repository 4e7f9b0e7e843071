//! Puts routes together, and finds all their contradictions.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use doorward_core::policy::{Binding, Rule};

use super::RouteTable;
use super::check;
use super::sapling::Sapling;
use super::tree::Tree;
use crate::error::{RouteError, RouteFault};
use crate::host::HostPattern;
use crate::role::Roles;
use crate::route::Route;

/// How many nodes a look-up may visit.
const MAX_STEPS: usize = 1024;
/// How many hosts a rule's name lists.
const NAMED_HOSTS: usize = 3;

/// Builds a table, or says everything that is wrong.
pub(super) fn build(routes: Vec<Route>, roles: Roles) -> Result<RouteTable, Vec<RouteError>> {
    let mut errors = Vec::new();
    let mut saplings: HashMap<Option<HostPattern>, Sapling> = HashMap::new();
    for (index, route) in routes.iter().enumerate() {
        let mut faults = check::faults(route);
        for host in hosts(route) {
            let sapling = saplings.entry(host).or_default();
            for fault in sapling.insert(index, &routes) {
                // One mistake is one message, also when it holds for many hosts.
                if !faults.contains(&fault) {
                    faults.push(fault);
                }
            }
        }
        errors.extend(faults.into_iter().map(|fault| error(route, fault)));
    }
    let mut table = RouteTable {
        exact: HashMap::new(),
        wildcard: HashMap::new(),
        any: Tree::default(),
        rules: Vec::new(),
        roles,
    };
    for (host, sapling) in saplings {
        let last = sapling.last_route();
        let tree = sapling.grow();
        let steps = tree.worst_steps();
        if steps > MAX_STEPS {
            let limit = MAX_STEPS;
            let fault = RouteFault::TooManySteps { steps, limit };
            errors.extend(routes.get(last).map(|route| error(route, fault)));
        }
        match host {
            None => table.any = tree,
            Some(host) if host.is_wildcard() => {
                table.wildcard.insert(host.name().into(), tree);
            }
            Some(host) => {
                table.exact.insert(host.name().into(), tree);
            }
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    table.rules = routes
        .into_iter()
        .map(|route| Arc::new(rule(route)))
        .collect();
    Ok(table)
}

/// The hosts of a route, each once; none stands for any.
fn hosts(route: &Route) -> Vec<Option<HostPattern>> {
    if route.hosts.is_empty() {
        return vec![None];
    }
    let unique: BTreeSet<_> = route.hosts.iter().cloned().collect();
    unique.into_iter().map(Some).collect()
}

fn error(route: &Route, fault: RouteFault) -> RouteError {
    RouteError {
        label: route.label.clone(),
        route: format!("{} {}", route.methods, place(route)),
        fault,
    }
}

/// The hosts and the path: `/orders/{id}`, `api.example.com/orders/{id}`.
fn place(route: &Route) -> String {
    let mut text = String::new();
    for (n, host) in route.hosts.iter().take(NAMED_HOSTS).enumerate() {
        text.push_str(if n > 0 { "," } else { "" });
        text.push_str(&host.to_string());
    }
    if let Some(more @ 1..) = route.hosts.len().checked_sub(NAMED_HOSTS) {
        text.push_str(&format!(",+{more}"));
    }
    text.push_str(route.path.as_str());
    text
}

fn rule(route: Route) -> Rule {
    let place = place(&route);
    Rule {
        name: format!("{} {place}", route.methods).into(),
        route: place.into(),
        access: route.access,
        binding: binding(route.binding),
        forwarding: route.forwarding,
        cors: route.cors,
        limits: route.limits,
    }
}

/// SECURITY: an owner in the body is judged only where the body is.
fn binding(mut binding: Binding) -> Binding {
    if binding
        .owner
        .as_ref()
        .is_some_and(|owner| owner.body.is_some())
    {
        binding.body.get_or_insert_default();
    }
    binding
}
