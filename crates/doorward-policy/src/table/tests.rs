use std::time::Duration;

use doorward_core::credential::Method as Credential;
use doorward_core::net::ClientAddress;
use doorward_core::policy::{Accept, Access, Binding, Forwarding, Guarded, Policy, Rule};
use doorward_core::request::{Arrival, ManagedHeaders, RequestFault, RequestHead, Transport};
use doorward_core::scope::ScopeSet;
use http::{Method, Request};

use super::RouteTable;
use crate::error::RouteError;
use crate::host::HostPattern;
use crate::role::Roles;
use crate::route::{Methods, Route};
use crate::template::PathTemplate;

mod decide;
mod declare;

fn set(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

fn guarded(scopes: &str) -> Access {
    Access::Guarded(Guarded {
        accepts: vec![Accept {
            method: Credential::ApiKey,
            issuer: None,
        }],
        scopes: set(scopes),
        query_key: None,
        signing: doorward_core::policy::Signing::NOTHING,
    })
}

/// A route from `GET,POST a.example,*.b.example/path`.
pub(super) fn route(text: &str) -> Route {
    let (methods, place) = text.split_once(' ').unwrap();
    let (hosts, path) = place.split_at(place.find('/').unwrap());
    Route {
        label: text.to_owned(),
        hosts: hosts
            .split(',')
            .filter(|host| !host.is_empty())
            .map(|host| HostPattern::parse(host).unwrap())
            .collect(),
        path: PathTemplate::parse(path).unwrap(),
        methods: Methods::parse(methods.split(',')).unwrap(),
        access: guarded("r"),
        binding: Binding::default(),
        forwarding: Forwarding {
            upstream: "u".into(),
            pass_credential: false,
            max_body: None,
            websocket: doorward_core::policy::WebSocketBounds::NONE,
            timeout: Duration::from_secs(1),
        },
        cors: None,
        limits: Vec::new(),
    }
}

fn build(texts: &[&str]) -> Result<RouteTable, Vec<RouteError>> {
    RouteTable::build(
        texts.iter().map(|text| route(text)).collect(),
        Roles::default(),
    )
}

fn table(texts: &[&str]) -> RouteTable {
    build(texts).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// The name of the rule that covers `GET a.example/path`; `None` for no rule.
fn name<'t>(table: &'t RouteTable, asked: &str) -> Result<Option<&'t str>, RequestFault> {
    let (method, place) = asked.split_once(' ').unwrap();
    let (host, path) = place.split_at(place.find('/').unwrap());
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    Ok(table.rule_of(host, path, &method)?.map(|rule| &*rule.name))
}

fn assert_names(table: &RouteTable, expected: &[(&str, Option<&str>)]) {
    for (asked, rule) in expected {
        assert_eq!(name(table, asked), Ok(*rule), "{asked}");
    }
}

fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> Result<RequestHead, RequestFault> {
    let mut builder = Request::builder().method(method).uri(target);
    builder = builder.header("host", "A.example:8443");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    let none: [&str; 0] = [];
    RequestHead::canonicalise(
        builder.body(()).unwrap().into_parts().0,
        Arrival {
            client: ClientAddress::new([192, 0, 2, 1].into()),
            transport: Transport::Tls,
        },
        &ManagedHeaders::new(none, none),
    )
}

#[test]
fn r095_what_no_route_covers_has_no_rule() {
    assert_names(&table(&[]), &[("GET a/", None), ("GET a/x", None)]);
    assert_names(
        &table(&["GET /a/{id}", "GET h.example/b"]),
        &[
            ("GET x/a/1", Some("GET /a/{id}")),
            ("GET x/a", None),
            ("GET x/a/1/2", None),
            ("GET x/", None),
            ("POST x/a/1", None),
            ("GET h.example/b", Some("GET h.example/b")),
            ("GET x/b", None),
        ],
    );
}

#[test]
fn literals_come_before_parameters_before_catch_alls() {
    let table = table(&[
        "GET /users/{id}",
        "GET /users/me",
        "GET /users/{id}/keys",
        "GET /users/me/{*rest}",
        "GET /{*path}",
        "GET /{a}/{b}/{c}/d",
    ]);
    assert_names(
        &table,
        &[
            ("GET x/users/7", Some("GET /users/{id}")),
            ("GET x/users/me", Some("GET /users/me")),
            ("GET x/users/me/keys", Some("GET /users/me/{*rest}")),
            ("GET x/users/7/keys", Some("GET /users/{id}/keys")),
            ("GET x/users/7/other", Some("GET /{*path}")),
            ("GET x/users/7/x/d", Some("GET /{a}/{b}/{c}/d")),
            ("GET x/users", Some("GET /{*path}")),
            ("GET x/", Some("GET /{*path}")),
        ],
    );
}

#[test]
fn g04_the_index_of_a_guarded_tree_has_the_rule_of_the_tree() {
    let guarded = table(&["* /admin/{*rest}", "* /{*path}", "GET /{page}"]);
    for path in ["/admin", "/admin/", "/admin/x", "/admin/x/y/"] {
        assert_eq!(
            name(&guarded, &format!("GET x{path}")),
            Ok(Some("* /admin/{*rest}"))
        );
    }
    let own = table(&["GET /admin", "* /admin/{*rest}"]);
    assert_names(
        &own,
        &[
            ("GET x/admin/", Some("GET /admin")),
            ("GET x/admin/a", Some("* /admin/{*rest}")),
            ("POST x/admin", None),
        ],
    );
}

#[test]
fn g04_a_slash_at_the_end_changes_nothing() {
    let table = table(&["GET /a", "GET /b/", "GET /c/{id}", "GET /"]);
    assert_names(
        &table,
        &[
            ("GET x/a", Some("GET /a")),
            ("GET x/a/", Some("GET /a")),
            ("GET x/b", Some("GET /b/")),
            ("GET x/b/", Some("GET /b/")),
            ("GET x/c/1/", Some("GET /c/{id}")),
            ("GET x/", Some("GET /")),
        ],
    );
}

#[test]
fn g04_asterisk_and_hash_in_a_path_are_plain_characters_or_nothing() {
    let table = table(&["GET /a/b", "GET /%2A/b", "GET /{x}/c"]);
    assert_names(
        &table,
        &[
            ("GET x/a/*", None),
            ("GET x/*/c", Some("GET /{x}/c")),
            ("GET x/%2A/b", Some("GET /%2A/b")),
        ],
    );
    // One character in two encodings is one segment to most servers.
    assert_eq!(name(&table, "GET x/*/b"), Err(RequestFault::PathCase));
}

#[test]
fn r097_another_method_does_not_leave_a_path_for_a_less_specific_one() {
    let table = table(&[
        "GET /admin",
        "* /{*path}",
        "* /{page}",
        "GET h.example/x",
        "* /x",
    ]);
    assert_names(
        &table,
        &[
            ("GET x/admin", Some("GET /admin")),
            ("HEAD x/admin", Some("GET /admin")),
            ("POST x/admin", None),
            ("OPTIONS x/admin", None),
            ("PROPFIND x/admin", None),
            ("POST x/other", Some("* /{page}")),
            ("POST h.example/x", None),
            ("GET h.example/x", Some("GET h.example/x")),
            ("POST other.example/x", Some("* /x")),
        ],
    );
}

#[test]
fn r097_methods_match_byte_for_byte() {
    let table = table(&["GET,QUERY /a", "* /b"]);
    for near in ["get", "Get", "GETT", "GE", "QUERy", "G-ET"] {
        assert_eq!(name(&table, &format!("{near} x/a")), Ok(None), "{near}");
    }
    assert_names(&table, &[("QUERY x/a", Some("GET,QUERY /a"))]);
    for lower in ["get", "Post", "TRACE", "CONNECT"] {
        assert_eq!(
            head(lower, "/b", &[]).err(),
            Some(RequestFault::MethodRefused),
            "{lower}"
        );
    }
}

#[test]
fn r097_head_has_the_rule_of_get_unless_it_has_its_own() {
    assert_names(
        &table(&["GET /a", "POST /b", "GET /c", "HEAD /c", "* /d"]),
        &[
            ("HEAD x/a", Some("GET /a")),
            ("HEAD x/b", None),
            ("HEAD x/c", Some("HEAD /c")),
            ("HEAD x/d", Some("* /d")),
        ],
    );
}

#[test]
fn g21_options_needs_a_rule_like_any_method() {
    let table = table(&["GET,POST /a", "OPTIONS /b"]);
    assert_names(
        &table,
        &[("OPTIONS x/a", None), ("OPTIONS x/b", Some("OPTIONS /b"))],
    );
    let websocket = head(
        "GET",
        "/a",
        &[("connection", "upgrade"), ("upgrade", "websocket")],
    );
    let rule = table.rule_for(&websocket.unwrap()).unwrap().unwrap();
    assert_eq!(&*rule.name, "GET,POST /a");
}

#[test]
fn g21_a_preflight_has_the_rule_of_the_method_it_asks_for() {
    let table = table(&["GET /a", "DELETE /a", "GET /Case"]);
    let asked = |method: &'static str, path| {
        let headers = [
            ("origin", "https://page.example"),
            ("access-control-request-method", method),
        ];
        table
            .rule_for_preflight(&head("OPTIONS", path, &headers).unwrap())
            .map(|rule| rule.map(|rule| rule.name.to_string()))
    };
    assert_eq!(asked("DELETE", "/a"), Ok(Some("DELETE /a".to_owned())));
    assert_eq!(asked("GET", "/a/"), Ok(Some("GET /a".to_owned())));
    for none in ["POST", "delete", "OPTIONS", "", "G ET", "GET, DELETE"] {
        assert_eq!(asked(none, "/a"), Ok(None), "{none:?}");
    }
    assert_eq!(asked("GET", "/case"), Err(RequestFault::PathCase));
    let plain = head("OPTIONS", "/a", &[]).unwrap();
    assert!(table.rule_for_preflight(&plain).unwrap().is_none());
    let twice = [
        ("origin", "https://page.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-method", "DELETE"),
    ];
    let twice = head("OPTIONS", "/a", &twice).unwrap();
    assert!(table.rule_for_preflight(&twice).unwrap().is_none());
}

#[test]
fn g23_method_override_headers_and_parameters_choose_no_rule() {
    let table = table(&["GET /a", "DELETE /a"]);
    for header in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ] {
        let head = head("GET", "/a?_method=DELETE", &[(header, "DELETE")]).unwrap();
        let rule = table.rule_for(&head).unwrap().unwrap();
        assert_eq!(&*rule.name, "GET /a");
    }
}

#[test]
fn g05_hosts_match_in_any_case_with_any_port_also_in_big_tables() {
    let names: Vec<String> = (0..1000)
        .map(|n| format!("GET Host-{n}.Example/a"))
        .collect();
    let mut texts: Vec<&str> = names.iter().map(String::as_str).collect();
    texts.push("GET A.EXAMPLE/b");
    texts.push("GET *.Wild.example/c");
    let table = table(&texts);
    for n in 0..1000 {
        let expected = format!("GET host-{n}.example/a");
        assert_names(&table, &[(&expected, Some(&expected))]);
    }
    let rule = table.rule_for(&head("GET", "/b", &[]).unwrap()).unwrap();
    assert_eq!(
        rule.map(|rule| rule.name.to_string()),
        Some("GET a.example/b".to_owned())
    );
    assert_names(
        &table,
        &[
            ("GET one.wild.example/c", Some("GET *.wild.example/c")),
            ("GET wild.example/c", None),
            ("GET two.one.wild.example/c", None),
            ("GET onewild.example/c", None),
        ],
    );
}

#[test]
fn hosts_by_name_come_before_wildcards_before_any() {
    let table = table(&[
        "* a.example.com/x",
        "* *.example.com/x",
        "* /x",
        "* *.example.com/y",
        "* /{*rest}",
    ]);
    assert_names(
        &table,
        &[
            ("GET a.example.com/x", Some("* a.example.com/x")),
            ("GET b.example.com/x", Some("* *.example.com/x")),
            ("GET c/x", Some("* /x")),
            ("GET a.example.com/y", Some("* *.example.com/y")),
            ("GET a.example.com/z", Some("* /{*rest}")),
        ],
    );
}

#[test]
fn r098_a_path_in_other_letters_reaches_no_rule() {
    let table = table(&[
        "GET /Admin/{id}",
        "GET /{*path}",
        "GET /{page}",
        "GET /caf%C3%A9",
        "GET /tokens",
        "GET /a:b",
        "GET h.example/Only",
        "GET /only",
    ]);
    for spelling in [
        "x/admin/1",
        "x/ADMIN/1/",
        "x/TOKENS",
        "x/to%E2%84%AAens",
        "x/caf%C3%89",
        "x/a%3Ab",
        "x/A:b",
        "h.example/only",
    ] {
        assert_eq!(
            name(&table, &format!("GET {spelling}")),
            Err(RequestFault::PathCase),
            "{spelling}"
        );
    }
    assert_names(
        &table,
        &[
            ("GET x/Admin/1", Some("GET /Admin/{id}")),
            // No literal decides these in any letter case.
            ("GET x/admin", Some("GET /{page}")),
            ("GET x/admin/1/2", Some("GET /{*path}")),
            ("GET x/caf%C3%A9", Some("GET /caf%C3%A9")),
            ("GET x/only", Some("GET /only")),
        ],
    );
}

#[test]
fn g06_only_the_path_is_matched_never_the_query() {
    let table = table(&["GET /admin/{*rest}", "GET /public"]);
    for target in [
        "/admin/x?/public",
        "/admin/x?y=/../public",
        "/admin?x#/public",
    ] {
        let head = head("GET", target, &[]).unwrap();
        let rule: Option<std::sync::Arc<Rule>> = table.rule_for(&head).unwrap();
        assert_eq!(&*rule.unwrap().name, "GET /admin/{*rest}", "{target}");
    }
    for beyond in ["/publicx", "/xpublic", "/public/x", "/x/public"] {
        assert_eq!(
            name(&table, &format!("GET x{beyond}")),
            Ok(None),
            "{beyond}"
        );
    }
}
