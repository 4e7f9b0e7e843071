//! The table against a matcher that tries every route.

use doorward_core::request::RequestFault;
use http::Method;
use proptest::prelude::*;

use super::RouteTable;
use super::tests::route;
use crate::fold::folded;
use crate::role::Roles;
use crate::route::{Methods, Route};
use crate::template::Segment;

const HOSTS: [&str; 4] = ["", "a.example.com", "*.example.com", "b.example"];
const ASKED_HOSTS: [&str; 5] = [
    "a.example.com",
    "c.example.com",
    "b.example",
    "example.com",
    "x.a.example.com",
];
const LITERALS: [&str; 5] = ["a", "b", "Adm", "caf%C3%A9", "x:y"];
const ASKED: [&str; 11] = [
    "a",
    "A",
    "b",
    "Adm",
    "adm",
    "%41dm",
    "caf%C3%A9",
    "caf%C3%89",
    "x:y",
    "x%3Ay",
    "zz",
];
const METHODS: [&str; 5] = ["GET", "POST", "HEAD", "GET,POST", "*"];

/// How well a template fits a path: the best is the greatest. Compared segment by segment, the
/// end of both counts as a literal.
fn fit(route: &Route, path: &[&str]) -> Option<(Vec<u8>, bool)> {
    let mut ranks = Vec::new();
    let mut exact = true;
    let mut left = path;
    for segment in route.path.segments() {
        match (segment, left) {
            (Segment::CatchAll(_), _) => {
                ranks.push(1);
                return Some((ranks, exact));
            }
            (Segment::Literal(text), [first, rest @ ..]) if folded(text) == folded(first) => {
                exact &= &**text == *first;
                ranks.push(3);
                left = rest;
            }
            (Segment::Parameter(_), [_, rest @ ..]) => {
                ranks.push(2);
                left = rest;
            }
            _ => return None,
        }
    }
    ranks.push(3);
    left.is_empty().then_some((ranks, exact))
}

fn host_rank(route: &Route, host: &str) -> Option<u8> {
    if route.hosts.is_empty() {
        return Some(0);
    }
    let rank = |pattern: &crate::HostPattern| {
        let text = pattern.to_string();
        match text.strip_prefix("*.") {
            None => (text == host).then_some(2),
            Some(parent) => (host.split_once('.')?.1 == parent).then_some(1),
        }
    };
    route.hosts.iter().filter_map(rank).max()
}

/// The index of the route that covers a request, by trying them all.
fn naive(
    routes: &[Route],
    host: &str,
    path: &str,
    method: &Method,
) -> Result<Option<usize>, RequestFault> {
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let fits = |route| Some((host_rank(route, host)?, fit(route, &segments)?));
    let Some(best) = routes
        .iter()
        .filter_map(|r| fits(r).map(|(h, (p, _))| (h, p)))
        .max()
    else {
        return Ok(None);
    };
    let mut of_method = None;
    let mut of_get = None;
    for (index, route) in routes.iter().enumerate() {
        let Some((host, (ranks, exact))) = fits(route) else {
            continue;
        };
        if (host, ranks) != best {
            continue;
        }
        if !exact {
            return Err(RequestFault::PathCase);
        }
        match &route.methods {
            Methods::Any => of_method = Some(index),
            Methods::List(list) if list.contains(method) => of_method = Some(index),
            Methods::List(list) if list.contains(&Method::GET) => of_get = Some(index),
            Methods::List(_) => {}
        }
    }
    Ok(of_method.or_else(|| of_get.filter(|_| *method == Method::HEAD)))
}

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(&LITERALS[..]).prop_map(str::to_owned),
        2 => Just("{p}".to_owned()),
    ]
}

/// A route in the notation of the tests; parameters get their own names.
fn declared() -> impl Strategy<Value = String> {
    let path = (
        prop::collection::vec(segment(), 0..4),
        prop::bool::weighted(0.3),
    );
    (
        prop::sample::select(&METHODS[..]),
        prop::sample::select(&HOSTS[..]),
        path,
    )
        .prop_map(|(methods, host, (mut segments, catch_all))| {
            for (n, segment) in segments.iter_mut().enumerate() {
                *segment = segment.replace("{p}", &format!("{{p{n}}}"));
            }
            if catch_all {
                segments.push("{*rest}".to_owned());
            }
            format!("{methods} {host}/{}", segments.join("/"))
        })
}

/// Adds routes one by one, leaving out those that contradict what is there.
fn consistent(texts: &[String]) -> (Vec<Route>, RouteTable) {
    let mut kept: Vec<&String> = Vec::new();
    let table = |texts: &[&String]| {
        RouteTable::build(
            texts.iter().map(|text| route(text)).collect(),
            Roles::default(),
        )
    };
    for text in texts {
        kept.push(text);
        if table(&kept).is_err() {
            kept.pop();
        }
    }
    let routes = kept.iter().map(|text| route(text)).collect();
    (
        routes,
        table(&kept).unwrap_or_else(|errors| panic!("{errors:?}")),
    )
}

fn asked() -> impl Strategy<Value = (String, bool)> {
    let segments = prop::collection::vec(prop::sample::select(&ASKED[..]), 0..6);
    (segments, any::<bool>()).prop_map(|(segments, slash)| {
        let slash = slash && !segments.is_empty();
        (format!("/{}", segments.join("/")), slash)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r098_the_table_agrees_with_a_matcher_that_tries_every_route(
        texts in prop::collection::vec(declared(), 0..14),
        paths in prop::collection::vec(asked(), 1..30),
        host in prop::sample::select(&ASKED_HOSTS[..]),
        method in prop::sample::select(&["GET", "POST", "HEAD", "PUT"][..]),
    ) {
        let (routes, table) = consistent(&texts);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        for (path, slash) in paths {
            let expected = naive(&routes, host, &path, &method)
                .map(|found| found.map(|index| table.rules()[index].name.to_string()));
            let sent = if slash { format!("{path}/") } else { path };
            let found = table.rule_of(host, &sent, &method);
            let found = found.map(|rule| rule.map(|rule| rule.name.to_string()));
            prop_assert_eq!(found, expected, "{} {}{} in {:?}", method, host, sent, texts);
        }
    }

    #[test]
    fn g05_spellings_of_one_path_have_one_rule_or_none(
        texts in prop::collection::vec(declared(), 0..14),
        (path, _) in asked(),
        method in prop::sample::select(&["GET", "POST"][..]),
    ) {
        let (_, table) = consistent(&texts);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let spellings = [
            path.to_ascii_uppercase(),
            path.to_ascii_lowercase().replace("%c3", "%C3").replace("%a9", "%A9"),
            path.replace(':', "%3A"),
            path.replace("%C3%A9", "%C3%89"),
        ];
        let rule = |path: &str| {
            let found = table.rule_of("a.example.com", path, &method);
            found.map(|rule| rule.map(|rule| rule.name.to_string()))
        };
        let decided: Vec<_> = spellings.iter().chain([&path]).filter_map(|p| rule(p).ok()).collect();
        prop_assert!(decided.windows(2).all(|pair| pair[0] == pair[1]), "{:?} {:?}", path, decided);
    }
}
