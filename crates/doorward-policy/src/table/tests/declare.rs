use std::time::Duration;

use doorward_core::policy::{Access, Cors, Guarded};
use http::Method;

use super::{build, route, set, table};
use crate::error::RouteFault;
use crate::role::Roles;
use crate::route::Methods;
use crate::table::RouteTable;

fn faults(texts: &[&str]) -> Vec<RouteFault> {
    let errors = build(texts).err().unwrap_or_default();
    errors.into_iter().map(|error| error.fault).collect()
}

#[test]
fn g04_a_path_cannot_be_declared_with_and_without_a_slash_at_the_end() {
    assert_eq!(
        faults(&["GET /a", "POST /a/"]),
        [RouteFault::TrailingSlash {
            other: "GET /a".to_owned()
        }]
    );
}

#[test]
fn r098_two_spellings_of_one_segment_cannot_be_declared() {
    for (first, second) in [
        ("GET /Users", "POST /users/{id}"),
        ("GET /a:b", "GET /a%3Ab"),
        ("GET /x/é", "GET /x/É"),
    ] {
        let found = faults(&[first, second]);
        assert!(
            matches!(found.as_slice(), [RouteFault::Spelling { other, .. }] if other == first),
            "{found:?}"
        );
    }
    assert_eq!(faults(&["GET /a/x", "GET /b/X"]), []);
}

#[test]
fn all_contradictions_are_reported_at_once() {
    let errors = build(&[
        "GET,POST a.example,b.example/x/{id}",
        "POST,PUT b.example,c.example/x/{name}",
        "* /y",
        "GET /y",
        "DELETE /z",
        "DELETE /z",
    ])
    .err()
    .unwrap();
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 3, "{shown:?}");
    assert_eq!(
        shown[0],
        "POST,PUT b.example,c.example/x/{name}: POST,PUT b.example,c.example/x/{name}: \
         GET,POST a.example,b.example/x/{id} already covers POST there; keep one of the two"
    );
    assert!(
        shown[1].contains("* /y already covers GET there"),
        "{shown:?}"
    );
    assert!(shown[2].contains("DELETE /z already covers DELETE there"));
    assert_eq!(faults(&["GET /y", "* /y"]).len(), 1);
    assert_eq!(faults(&["GET a.example,A.example/y"]), []);
    assert_eq!(faults(&["GET /a/{x}", "POST /a/{y}"]), []);
}

#[test]
fn g29_a_guarded_route_must_say_what_guards_it() {
    let mut open = route("GET /a");
    open.access = Access::Guarded(Guarded {
        accepts: Vec::new(),
        scopes: set("r"),
        query_key: None,
        signing: doorward_core::policy::Signing::NOTHING,
    });
    let mut public = route("GET /b");
    public.access = Access::Public;
    let mut cookies = route("GET /c");
    cookies.cors = Some(Cors {
        origins: vec!["https://a.example".into(), "*".into()],
        headers: Vec::new(),
        credentials: true,
        max_age: Duration::ZERO,
    });
    let mut never = route("GET /d");
    never.methods = Methods::List(vec![Method::TRACE]);
    let mut none = route("GET /e");
    none.methods = Methods::List(Vec::new());
    let routes = vec![open, public, cookies, never, none];
    let errors = RouteTable::build(routes, Roles::default()).err().unwrap();
    let found: Vec<_> = errors.into_iter().map(|error| error.fault).collect();
    assert_eq!(
        found,
        [
            RouteFault::NothingAccepted,
            RouteFault::AnyOriginWithCredentials,
            RouteFault::MethodNeverArrives("TRACE".to_owned()),
            RouteFault::NoMethods,
        ]
    );
}

#[test]
fn g29_every_declared_route_is_in_the_effective_policy() {
    let mut public = route("GET /b");
    public.access = Access::Public;
    let routes = vec![route("GET /a"), public, route("* h.example/{*rest}")];
    let table = RouteTable::build(routes, Roles::default()).unwrap();
    let shown: Vec<_> = table
        .rules()
        .iter()
        .map(|rule| (&*rule.name, matches!(rule.access, Access::Public)))
        .collect();
    assert_eq!(
        shown,
        [
            ("GET /a", false),
            ("GET /b", true),
            ("* h.example/{*rest}", false)
        ]
    );
}

#[test]
fn rules_are_named_by_methods_hosts_and_path() {
    let table = table(&[
        "GET,PUT /orders/{id}",
        "* a.x.example,b.x.example,c.x.example,d.x.example,*.x.example/",
    ]);
    let names: Vec<_> = table
        .rules()
        .iter()
        .map(|rule| (&*rule.name, &*rule.route))
        .collect();
    assert_eq!(
        names,
        [
            ("GET,PUT /orders/{id}", "/orders/{id}"),
            (
                "* a.x.example,b.x.example,c.x.example,+2/",
                "a.x.example,b.x.example,c.x.example,+2/"
            ),
        ]
    );
}

#[test]
fn look_ups_that_could_take_long_are_refused_at_start() {
    let branching = |depth: u32| -> Vec<String> {
        (0..1_u32 << depth)
            .map(|bits| {
                let part = |n| {
                    if bits >> n & 1 == 1 {
                        "/a".to_owned()
                    } else {
                        format!("/{{p{n}}}")
                    }
                };
                format!("GET {}/end", (0..depth).map(part).collect::<String>())
            })
            .collect()
    };
    let small = branching(7);
    let small: Vec<_> = small.iter().map(String::as_str).collect();
    assert!(build(&small).is_ok());
    let large = branching(11);
    let large: Vec<_> = large.iter().map(String::as_str).collect();
    assert!(matches!(
        faults(&large).as_slice(),
        [RouteFault::TooManySteps { limit: 1024, .. }]
    ));
}
