//! `[scope."NAME"]`: what a scope is called, what comes with it, who may grant it.

use std::collections::BTreeMap;

use doorward_core::policy::Access;
use doorward_core::{Scope, ScopeSet};
use doorward_oauth::{DeclaredScope, ScopeCatalogue};
use doorward_policy::RouteTable;

use super::document::Origin;
use super::section::Section;

/// The longest name, in characters.
const MAX_NAME: usize = 80;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 400;

/// The declared scopes, before the routes are known.
pub(super) fn read_all(root: &mut Section<'_>) -> BTreeMap<Scope, DeclaredScope> {
    let read = super::named(root, "scope", |name, section| {
        let Ok(scope) = Scope::parse(name) else {
            let origin = section.origin();
            let fix = "Name the section by the scope: [scope.\"orders:read\"].";
            section.error(origin, format!("`{name}` is not a scope"), fix);
            return None;
        };
        let declared = read(&scope, section);
        Some((scope, declared))
    });
    read.into_iter().collect()
}

fn read(scope: &Scope, section: &mut Section<'_>) -> DeclaredScope {
    let plain = DeclaredScope::plain(scope);
    let name = shown(section, "name", MAX_NAME).unwrap_or(plain.name);
    let description = shown(section, "description", MAX_DESCRIPTION).unwrap_or_default();
    let implies = section.scopes("implies").unwrap_or(ScopeSet::EMPTY);
    let (mut by_user, mut by_client) = (true, true);
    if let Some(granters) = section.texts("granted_by") {
        (by_user, by_client) = (false, false);
        for (text, origin) in granters {
            match text.as_str() {
                "user" => by_user = true,
                "client" => by_client = true,
                _ => unknown_granter(section, &text, origin),
            }
        }
    }
    DeclaredScope {
        name,
        description,
        implies,
        by_user,
        by_client,
    }
}

fn unknown_granter(section: &mut Section<'_>, text: &str, origin: Origin) {
    let message = format!("`granted_by` has `{text}`, who cannot grant");
    let fix = "Write \"user\" (people, on the consent page), \"client\" (a client for itself), or \
               both.";
    section.error(origin, message, fix);
}

/// A text for people.
fn shown(section: &mut Section<'_>, key: &'static str, most: usize) -> Option<String> {
    let origin = section.origin_of(key);
    let text = section.text(key)?;
    let good = !text.is_empty() && text.chars().count() <= most;
    if !good || text.contains(char::is_control) {
        let message = format!("`{key}` cannot be shown");
        let fix = format!("Give 1 to {most} characters without line breaks.");
        section.error(origin, message, fix);
    }
    Some(text)
}

/// All scopes: those that are declared, and those that routes need.
pub(super) fn catalogue(
    declared: BTreeMap<Scope, DeclaredScope>,
    policy: &RouteTable,
) -> ScopeCatalogue {
    let mut all = declared;
    for rule in policy.rules() {
        let Access::Guarded(guarded) = &rule.access else {
            continue;
        };
        for scope in guarded.scopes.iter() {
            let plain = || DeclaredScope::plain(scope);
            all.entry(scope.clone()).or_insert_with(plain);
        }
    }
    if let Ok(openid) = Scope::parse("openid") {
        let openid_only = || DeclaredScope {
            by_client: false,
            ..DeclaredScope::plain(&openid)
        };
        all.entry(openid.clone()).or_insert_with(openid_only);
    }
    ScopeCatalogue::new(all)
}
