//! `owner` and `body` of a `[[route]]`: whose objects a call may name, what its body may set.

use doorward_core::ScopeSet;
use doorward_core::credential::Method as Credential;
use doorward_core::policy::{Access, Binding, BodyRule, Owner, PathPlace, Pointer};
use doorward_policy::{Methods, PathTemplate, Route, Segment};
use http::Method;

use super::diagnostic::Diagnostic;
use super::document::{Node, Origin, Value};
use super::route::Known;
use super::section::Section;

/// How to write a pointer.
const POINTER_FIX: &str = "Write /user_id, or /items/*/price for every element of a list.";

/// Reads both; `None` when something is wrong with them.
pub(super) fn read(
    section: &mut Section<'_>,
    path: Option<&PathTemplate>,
    max_body: (Option<u64>, Origin),
) -> Option<Binding> {
    let owner = match section.take("owner") {
        None => None,
        Some(node) => Some(read_owner(section, node, path)?),
    };
    let body = match section.take("body") {
        None => None,
        Some(node) => Some(read_body(section, node)?),
    };
    let wants_body = owner.as_ref().is_some_and(|owner| owner.body.is_some());
    let body = body.or_else(|| wants_body.then(BodyRule::default));
    let body = match body {
        None => None,
        Some(rule) => Some(bounded(section, rule, max_body)?),
    };
    Some(Binding { owner, body })
}

/// Warns of what works and is seldom meant.
pub(super) fn warn(section: &mut Section<'_>, route: &Route, known: &Known<'_>) {
    let Some(owner) = &route.binding.owner else {
        return;
    };
    let origin = section.origin();
    let without_body = match &route.methods {
        Methods::Any => true,
        Methods::List(methods) => [Method::GET, Method::HEAD, Method::DELETE]
            .iter()
            .any(|method| methods.contains(method)),
    };
    if owner.body.is_some() && without_body {
        section.diagnostics().push(Diagnostic::warning(
            origin,
            "route: `owner.body` refuses calls without a body, and the route has methods that \
             have none"
                .to_owned(),
            "Write a route of its own for methods = [\"POST\", \"PUT\", \"PATCH\"].",
        ));
    }
    if names_clash(route, known) {
        section.diagnostics().push(Diagnostic::warning(
            origin,
            "route: `owner` compares subjects, and callers of several issuers are accepted: \
             `alice` of one is `alice` of the other"
                .to_owned(),
            "Accept one issuer: accept = [\"jwt:NAME\"]; or make sure that all of them mean the \
             same people by the same names.",
        ));
    }
}

/// Tells whether subjects of a route are named by more than one authority: ourselves, and each
/// issuer of others.
fn names_clash(route: &Route, known: &Known<'_>) -> bool {
    let Access::Guarded(guarded) = &route.access else {
        return false;
    };
    let own = known.own.url.as_str();
    let mut authorities: Vec<&str> = Vec::new();
    for accept in &guarded.accepts {
        match (accept.method, accept.issuer.as_deref()) {
            (Credential::Jwt, Some(issuer)) => authorities.push(issuer),
            (Credential::Jwt, None) => {
                authorities.push(own);
                authorities.extend(known.issuers.iter().map(|record| record.issuer.as_str()));
            }
            _ => authorities.push(own),
        }
    }
    authorities.sort_unstable();
    authorities.dedup();
    authorities.len() > 1
}

/// Gives the rule the route's `max_body`.
fn bounded(
    section: &mut Section<'_>,
    rule: BodyRule,
    (max_body, origin): (Option<u64>, Origin),
) -> Option<BodyRule> {
    let Some(bytes) = max_body else {
        return Some(rule);
    };
    match usize::try_from(bytes) {
        Ok(max_bytes) if max_bytes <= BodyRule::MOST_BYTES => Some(BodyRule { max_bytes, ..rule }),
        _ => {
            let most = BodyRule::MOST_BYTES;
            let message = format!("`max_body`: a body of more than {most} bytes cannot be judged");
            let fix = format!("Give at most {most}, or drop `body` and `owner.body`.");
            section.error(origin, message, fix);
            None
        }
    }
}

fn read_owner(
    section: &mut Section<'_>,
    node: Node,
    template: Option<&PathTemplate>,
) -> Option<Owner> {
    let mut table = Section::open("route.owner", node, section.diagnostics());
    let path_origin = table.origin_of("path");
    let named = table.text("path");
    let query = table.text("query").map(String::into_boxed_str);
    let body_origin = table.origin_of("body");
    let body = table
        .text("body")
        .map(|text| pointer(&mut table, &text, body_origin));
    let unless = if table.has("unless_scope") {
        Some(scopes(&mut table, "unless_scope")?)
    } else {
        None
    };
    let mut path = None;
    if let (Some(name), Some(template)) = (&named, template) {
        path = place(template, name);
        if path.is_none() {
            let message = format!("`path`: there is no {{{name}}} in {template}");
            let fix = "Name a parameter of one segment: path = \"/users/{user}\" and \
                       owner = { path = \"user\" }.";
            table.error(path_origin, message, fix);
        }
    }
    if named.is_none() && query.is_none() && body.is_none() {
        let fix = "Add path = \"user\", query = \"user\" or body = \"/user_id\".";
        table.error(table.origin(), "no place names the owner", fix);
        table.finish();
        return None;
    }
    table.finish();
    if named.is_some() && path.is_none() {
        return None;
    }
    let body = match body {
        None => None,
        Some(read) => Some(read?),
    };
    Some(Owner {
        path,
        query,
        body,
        unless,
    })
}

/// The segment of a parameter.
fn place(template: &PathTemplate, name: &str) -> Option<PathPlace> {
    let mut segments = template.segments().iter();
    let segment =
        segments.position(|s| matches!(s, Segment::Parameter(known) if **known == *name))?;
    Some(PathPlace {
        name: name.into(),
        segment,
    })
}

fn read_body(section: &mut Section<'_>, node: Node) -> Option<BodyRule> {
    let mut table = Section::open("route.body", node, section.diagnostics());
    let mut good = true;
    let members = table.texts("members").map(|texts| {
        let read = texts
            .iter()
            .map(|(text, origin)| pointer(&mut table, text, *origin));
        let read: Vec<_> = read.collect();
        good &= read.iter().all(Option::is_some);
        read.into_iter().flatten().collect()
    });
    let needs = match table.take("needs") {
        None => Some(Vec::new()),
        Some(node) => read_needs(&mut table, node),
    };
    let mut types = Vec::new();
    for (text, origin) in table.texts("types").unwrap_or_default() {
        if is_json(&text) {
            types.push(text.to_ascii_lowercase().into_boxed_str());
        } else {
            good = false;
            let fix = "Write application/json, or a type that ends in +json and holds the \
                       object itself; a JSON Patch cannot be judged.";
            table.error(origin, format!("`types`: `{text}` cannot be judged"), fix);
        }
    }
    if types.is_empty() {
        types.push(BodyRule::JSON.into());
    }
    table.finish();
    let needs = needs?;
    good.then_some(BodyRule {
        max_bytes: BodyRule::MAX_BYTES,
        types,
        members,
        needs,
    })
}

/// Reads `needs = { "/role" = "users:admin" }`.
fn read_needs(table: &mut Section<'_>, node: Node) -> Option<Vec<(Pointer, ScopeSet)>> {
    let entries = Section::open("route.body.needs", node, table.diagnostics()).take_all();
    let mut needs = Vec::with_capacity(entries.len());
    let mut good = true;
    for (name, node) in entries {
        let origin = node.origin;
        let wrapped = Node {
            origin,
            value: Value::Table(vec![("scope".to_owned(), node)]),
        };
        let pointer = pointer(table, &name, origin);
        let path = format!("route.body.needs.\"{name}\"");
        let mut entry = Section::open(path, wrapped, table.diagnostics());
        let scopes = scopes(&mut entry, "scope");
        entry.finish();
        match (pointer, scopes) {
            (Some(pointer), Some(scopes)) => needs.push((pointer, scopes)),
            _ => good = false,
        }
    }
    good.then_some(needs)
}

/// One scope, or a list of scopes that are all needed.
fn scopes(section: &mut Section<'_>, key: &'static str) -> Option<ScopeSet> {
    let origin = section.origin_of(key);
    let node = section.take(key)?;
    let texts: Option<Vec<String>> = match node.value {
        Value::Text(text) => Some(vec![text]),
        Value::List(items) => items
            .into_iter()
            .map(|item| match item.value {
                Value::Text(text) => Some(text),
                _ => None,
            })
            .collect(),
        _ => None,
    };
    let parsed: Option<ScopeSet> = texts
        .unwrap_or_default()
        .iter()
        .map(|text| doorward_core::Scope::parse(text).ok())
        .collect();
    let named = parsed.filter(|scopes| !scopes.is_empty());
    if named.is_none() {
        let fix = format!("Write {key} = \"orders:any\", or a list of scopes.");
        section.error(origin, format!("`{key}` names no scope"), fix);
    }
    named
}

fn pointer(section: &mut Section<'_>, text: &str, origin: Origin) -> Option<Pointer> {
    match Pointer::parse(text) {
        Ok(pointer) => Some(pointer),
        Err(error) => {
            section.error(
                origin,
                format!("`{text}` is no pointer: {error}"),
                POINTER_FIX,
            );
            None
        }
    }
}

/// Tells whether bodies of a media type are JSON documents of the object itself.
fn is_json(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b'_'))
    };
    let Some(("application", kind)) = text.split_once('/') else {
        return false;
    };
    token(kind)
        && (kind == "json" || kind.ends_with("+json"))
        && !matches!(kind, "json-patch+json" | "json-seq+json")
}
