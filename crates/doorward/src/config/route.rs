//! `[[route]]`: what is protected, and how.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use doorward_authn::mtls::issuer_of;
use doorward_core::credential::Method;
use doorward_core::policy::{Accept, Access, Cors, Forwarding, Guarded};
use doorward_policy::{HostPattern, Methods, PathTemplate, Roles, Route, RouteTable};
use doorward_store::IssuerRecord;

use super::binding;
use super::client_ca::ClientCa;
use super::document::{Node, Origin, Value};
use super::issuer::OwnIssuer;
use super::listener::Listener;
use super::rate_limit::RateLimits;
use super::section::Section;
use super::signing;
use super::upstream::UpstreamSettings;
use super::websocket;

/// What routes may refer to.
pub(super) struct Known<'c> {
    /// Upstreams by name.
    pub(super) upstreams: &'c BTreeMap<Arc<str>, UpstreamSettings>,
    /// Issuers of others, from the file.
    pub(super) issuers: &'c [IssuerRecord],
    /// Ourselves as an issuer.
    pub(super) own: &'c OwnIssuer,
    /// Authorities for client certificates.
    pub(super) client_cas: &'c [ClientCa],
    /// Where callers connect.
    pub(super) listeners: &'c [Listener],
    /// Signed requests are read.
    pub(super) message_signature: bool,
    /// Requests signed in the style of AWS are read.
    pub(super) sigv4: bool,
}

impl Known<'_> {
    /// Tells whether credentials of a method are read at all.
    fn reads(&self, method: Method) -> bool {
        match method {
            Method::MessageSignature => self.message_signature,
            Method::SigV4 => self.sigv4,
            _ => true,
        }
    }
}

/// Reads roles and routes into the table that decides, and where each of its rules is written.
pub(super) fn read_table(
    root: &mut Section<'_>,
    known: &Known<'_>,
    rates: &mut RateLimits,
) -> Option<(RouteTable, Vec<Origin>)> {
    let roles = read_roles(root);
    let mut origins = HashMap::new();
    let mut in_order = Vec::new();
    let mut routes = Vec::new();
    for node in take_list(root) {
        let origin = node.origin;
        let mut section = Section::open("route", node, root.diagnostics());
        if let Some(route) = read(&mut section, known, rates) {
            binding::warn(&mut section, &route, known);
            origins.insert(route.label.clone(), origin);
            in_order.push(origin);
            routes.push(route);
        }
        section.finish();
    }
    if routes.is_empty() && !root.diagnostics().has_errors() {
        root.missing(
            &["route"],
            Origin::Absent,
            "no route: every call would be refused",
            "Add [[route]] with path = \"/{*path}\" and scopes = [\"api\"].",
        );
        return None;
    }
    if root.diagnostics().has_errors() {
        return None;
    }
    match RouteTable::build(routes, roles?) {
        Ok(table) => Some((table, in_order)),
        Err(errors) => {
            for error in errors {
                let origin = origins.get(&error.label).copied().unwrap_or(Origin::Absent);
                root.diagnostics().error(
                    origin,
                    format!("route {}: {}", error.route, error.fault),
                    "Change one of the routes; docs/configuration.md says which rule wins.",
                );
            }
            None
        }
    }
}

fn take_list(root: &mut Section<'_>) -> Vec<Node> {
    match root.take("route") {
        None => Vec::new(),
        Some(Node {
            value: Value::List(items),
            ..
        }) => items,
        Some(node) => {
            let message = format!("`route` is {}", node.value.kind());
            root.error(
                node.origin,
                message,
                "Write each route as [[route]], with two brackets.",
            );
            Vec::new()
        }
    }
}

fn read_roles(root: &mut Section<'_>) -> Option<Roles> {
    let Some(node) = root.take("roles") else {
        return Some(Roles::default());
    };
    let origin = node.origin;
    let entries = Section::open("roles", node, root.diagnostics()).take_all();
    let mut roles = Vec::with_capacity(entries.len());
    for (name, node) in entries {
        let entry_origin = node.origin;
        if !matches!(node.value, Value::List(_)) {
            let message = format!("roles: `{name}` is {}, not a list", node.value.kind());
            let fix = format!("Write {name} = [\"orders:read\"].");
            root.error(entry_origin, message, fix);
            continue;
        }
        let table = Value::Table(vec![("scopes".to_owned(), node)]);
        let wrapped = Node {
            origin: entry_origin,
            value: table,
        };
        let mut section = Section::open(format!("roles.{name}"), wrapped, root.diagnostics());
        roles.extend(section.scopes("scopes").map(|scopes| (name, scopes)));
        section.finish();
    }
    match Roles::new(roles) {
        Ok(roles) => Some(roles),
        Err(errors) => {
            for error in errors {
                root.error(origin, error.to_string(), "Mend the [roles] table.");
            }
            None
        }
    }
}

fn read(section: &mut Section<'_>, known: &Known<'_>, rates: &mut RateLimits) -> Option<Route> {
    let hosts = read_hosts(section);
    let path_origin = section.origin_of("path");
    let path = section.required_text("path", "\"/orders/{id}\"");
    let methods = read_methods(section);
    let access = read_access(section, known);
    let max_body_origin = section.origin_of("max_body");
    let forwarding = read_forwarding(section, known);
    let cors = read_cors(section);
    let limit = section.take("limit");
    let path = path.and_then(|text| match PathTemplate::parse(&text) {
        Ok(path) => Some(path),
        Err(error) => {
            section.error(
                path_origin,
                format!("`path`: {error}"),
                "Write a path such as /orders/{id} or /files/{*rest}.",
            );
            None
        }
    });
    let max_body = forwarding.as_ref().and_then(|passed| passed.max_body);
    let binding = binding::read(section, path.as_ref(), (max_body, max_body_origin));
    let (hosts, path, methods, access) = (hosts?, path?, methods?, access?);
    let place = place(&hosts, &path, &methods);
    let limits = rates.read_of(section, limit, &access, &place);
    Some(Route {
        label: format!("{}", section.origin()),
        hosts,
        path,
        methods,
        access,
        binding: binding?,
        forwarding: forwarding?,
        cors: cors?,
        limits: limits?,
    })
}

/// What names a route, wherever it is written: `GET,POST api.example.com/orders`.
fn place(hosts: &[HostPattern], path: &PathTemplate, methods: &Methods) -> String {
    let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
    format!("{methods} {}{path}", hosts.join(","))
}

fn read_hosts(section: &mut Section<'_>) -> Option<Vec<HostPattern>> {
    let mut hosts = Vec::new();
    let mut good = true;
    for (text, origin) in section.texts("hosts").unwrap_or_default() {
        match HostPattern::parse(&text) {
            Ok(host) => hosts.push(host),
            Err(error) => {
                good = false;
                let fix = "Write api.example.com or *.example.com.";
                section.error(origin, format!("`hosts`: {error}"), fix);
            }
        }
    }
    good.then_some(hosts)
}

fn read_methods(section: &mut Section<'_>) -> Option<Methods> {
    let origin = section.origin_of("methods");
    let Some(texts) = section.texts("methods") else {
        return Some(Methods::Any);
    };
    match Methods::parse(texts.iter().map(|(text, _)| text.as_str())) {
        Ok(methods) => Some(methods),
        Err(error) => {
            let fix = "Write methods = [\"GET\", \"POST\"], or leave it out for every method.";
            section.error(origin, format!("`methods`: {error}"), fix);
            None
        }
    }
}

fn read_access(section: &mut Section<'_>, known: &Known<'_>) -> Option<Access> {
    let origin = section.origin();
    let public = section.boolean("public", false);
    let stated = section.has("scopes");
    let accept_written = section.has("accept");
    let scopes = section.scopes("scopes").unwrap_or_default();
    let query_key = section.text("key_in_query");
    let signing_written = signing::is_written(section);
    let signing = signing::read(section);
    let accepts = read_accept(section, known)?;
    if public {
        if stated || accept_written || query_key.is_some() || signing_written {
            let fix = "Remove `public`, or remove `scopes`, `accept`, `key_in_query` and what \
                       is asked of signatures.";
            section.error(origin, "a public route asks nothing of its callers", fix);
            return None;
        }
        return Some(Access::Public);
    }
    if !stated {
        section.missing(
            &["scopes", "public"],
            origin,
            "the route does not say what it needs",
            "Add scopes = [\"orders:read\"]; or scopes = [] for every known caller; or \
             public = true for everybody.",
        );
        return None;
    }
    let query_key = query_key.map(String::into_boxed_str);
    Some(Access::Guarded(Guarded {
        accepts,
        scopes,
        query_key,
        signing: signing?,
    }))
}

fn read_accept(section: &mut Section<'_>, known: &Known<'_>) -> Option<Vec<Accept>> {
    let origin = section.origin_of("accept");
    let Some(texts) = section.texts("accept") else {
        return Some(
            Method::ALL
                .into_iter()
                // Callers may hold certificates for other reasons: a route must ask for them.
                .filter(|method| *method != Method::Mtls && known.reads(*method))
                .map(|method| Accept {
                    method,
                    issuer: None,
                })
                .collect(),
        );
    };
    if texts.is_empty() {
        let fix =
            "Name some of \"api_key\", \"basic\", \"jwt\" and \"mtls\"; or write public = true.";
        section.error(origin, "`accept` is empty: nobody could call", fix);
        return None;
    }
    let certificates = known.listeners.iter().any(Listener::knows_certificates);
    let mut accepts = Vec::with_capacity(texts.len());
    let mut good = true;
    for (text, origin) in texts {
        match parse_accept(&text, known) {
            Some(accept) if accept.method == Method::Mtls && !certificates => {
                good = false;
                section.error(
                    origin,
                    "no listener asks for client certificates: nobody could call",
                    "Add client_certificates = \"optional\" and `client_ca` to a listener.",
                );
            }
            Some(accept) if known.reads(accept.method) => accepts.push(accept),
            Some(accept) => {
                good = false;
                let message = format!("`{text}` is accepted and never read");
                let fix = format!("Add a section [{}].", accept.method);
                section.error(origin, message, fix);
            }
            // The mistake in [trusted_issuer] is reported where it is.
            None if is_broken_issuer(section, &text) => good = false,
            None => {
                good = false;
                section.error(
                    origin,
                    format!("`{text}` is not a method"),
                    "Write api_key, basic, message_signature, sigv4, jwt, mtls, mtls:NAME of a [client_ca.NAME], jwt:self, jwt:NAME of a [trusted_issuer.NAME], or \
                     jwt:https://issuer.example.",
                );
            }
        }
    }
    good.then_some(accepts)
}

fn is_broken_issuer(section: &mut Section<'_>, text: &str) -> bool {
    let name = text.strip_prefix("jwt:");
    name.is_some_and(|name| {
        let path = format!("trusted_issuer.{name}");
        section.diagnostics().has_errors_in(&path)
    })
}

fn parse_accept(text: &str, known: &Known<'_>) -> Option<Accept> {
    if let Some(method) = Method::parse(text) {
        return Some(Accept {
            method,
            issuer: None,
        });
    }
    if let Some(named) = text.strip_prefix("mtls:") {
        let ca = known.client_cas.iter().find(|ca| ca.name == named)?;
        return Some(Accept {
            method: Method::Mtls,
            issuer: Some(issuer_of(&ca.name)),
        });
    }
    let named = text.strip_prefix("jwt:")?;
    let of_file = known.issuers.iter().find(|issuer| issuer.name == named);
    let issuer = match (named, of_file) {
        ("self", _) => known.own.url.as_str(),
        (_, Some(record)) => record.issuer.as_str(),
        (url, None) if url.starts_with("https://") || url.starts_with("http://") => url,
        _ => return None,
    };
    Some(Accept {
        method: Method::Jwt,
        issuer: Some(issuer.into()),
    })
}

fn read_forwarding(section: &mut Section<'_>, known: &Known<'_>) -> Option<Forwarding> {
    let origin = section.origin_of("upstream");
    let named = section.text("upstream");
    let path = named.as_ref().map(|name| format!("upstream.{name}"));
    let broken = path.is_some_and(|path| section.diagnostics().has_errors_in(&path));
    let pass_credential = section.boolean("pass_credential", false);
    let max_body = section
        .has("max_body")
        .then(|| section.integer("max_body", 0, 0..=u64::from(u32::MAX) * 1024));
    let timeout = section.duration("timeout", super::UPSTREAM_TIMEOUT);
    let websocket = websocket::read(section);
    let mut names = known.upstreams.keys();
    let upstream = match (named, names.next(), names.next()) {
        (Some(name), Some(_), _) => known
            .upstreams
            .get_key_value(name.as_str())
            .map(|(key, _)| key),
        (None, Some(only), None) => Some(only),
        (None, Some(_), Some(_)) => known.upstreams.get_key_value("default").map(|(key, _)| key),
        // The mistake in [upstream] is reported where it is.
        (_, None, _) => return None,
    };
    if broken && upstream.is_none() {
        return None;
    }
    let Some(upstream) = upstream else {
        let names: Vec<_> = known.upstreams.keys().map(|name| &**name).collect();
        let fix = format!("Name one of: {}.", names.join(", "));
        let message = "`upstream` does not name an upstream";
        section.missing(&["upstream"], origin, message, fix);
        return None;
    };
    Some(Forwarding {
        upstream: Arc::clone(upstream),
        pass_credential,
        max_body,
        timeout,
        websocket,
    })
}

/// Reads `cors`: absent is `Some(None)`, wrong is `None`.
fn read_cors(section: &mut Section<'_>) -> Option<Option<Cors>> {
    let Some(node) = section.take("cors") else {
        return Some(None);
    };
    let mut table = Section::open("route.cors", node, section.diagnostics());
    let mut good = true;
    let mut origins = Vec::new();
    for (text, origin) in table.texts("origins").unwrap_or_default() {
        if is_origin(&text) {
            origins.push(text.into_boxed_str());
        } else {
            good = false;
            let fix = "Write scheme and host: https://app.example, or \"*\".";
            table.error(origin, format!("`{text}` is not an origin"), fix);
        }
    }
    let mut headers = Vec::new();
    for (text, origin) in table.texts("headers").unwrap_or_default() {
        match http::HeaderName::from_bytes(text.as_bytes()) {
            Ok(name) => headers.push(name),
            Err(_) => {
                good = false;
                table.error(origin, format!("`{text}` is not a header name"), "Mend it.");
            }
        }
    }
    if origins.is_empty() && good {
        good = false;
        let fix = "Add origins = [\"https://app.example\"].";
        table.missing(&["origins"], table.origin(), "no origin is named", fix);
    }
    let credentials = table.boolean("credentials", false);
    let max_age = table.duration("max_age", std::time::Duration::from_secs(600));
    table.finish();
    good.then_some(Some(Cors {
        origins,
        headers,
        credentials,
        max_age,
    }))
}

fn is_origin(text: &str) -> bool {
    if text == "*" {
        return true;
    }
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|host| {
        !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) && text.is_ascii()
    })
}
