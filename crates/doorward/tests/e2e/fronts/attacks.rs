//! What an attacker would send through a server that asks us, or to us in its place.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::curl::{self, Answer};
use crate::fronts::servers::{Front, Relays};
use crate::fronts::world::{World, send};

/// A header that no other request has: other tests use the same API at the same time.
fn trace() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("X-Trace: t{}t", NEXT.fetch_add(1, Relaxed))
}

fn has_reached(world: &World, trace: &str) -> bool {
    let (_, value) = trace.split_once(' ').unwrap();
    world.api.heads().iter().any(|head| head.contains(value))
}

/// Sends a request through a front, which must refuse it.
pub(super) fn refused(world: &World, front: &Front, lines: &[&str]) -> u16 {
    let trace = trace();
    let answer = world.send(front.port(), &[lines, &[trace.as_str()]].concat());
    let reached = has_reached(world, &trace);
    assert!(!reached, "{} {lines:?} {answer:?}", front.name);
    // No answer at all is a refusal too.
    let status = answer.map_or(400, |answer| answer.status);
    assert!(
        (400..600).contains(&status),
        "{} {lines:?} {status}",
        front.name
    );
    status
}

/// Sends a request through a front, which must pass it on; the head that the API got.
fn passed(world: &World, front: &Front, lines: &[&str]) -> String {
    let answer = world.send(front.port(), lines).unwrap();
    assert_eq!(answer.status, 200, "{} {lines:?} {answer:?}", front.name);
    answer.text()
}

/// Every value of headers whose name folds to one of ours, in lower case.
pub(super) fn ours(head: &str) -> Vec<(String, String)> {
    let lines = head.split("\r\n").skip(1);
    let pairs = lines.filter_map(|line| line.split_once(':'));
    let pairs = pairs.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    pairs
        .filter(|(name, _)| name.replace(['_', '.'], "-").contains("doorward"))
        .collect()
}

pub(super) const CLOSE: &str = "Connection: close";
const SPOOFS: [&str; 9] = [
    "X-Doorward-Subject: admin",
    "x-doorward-subject: admin",
    "X-DOORWARD-SCOPES: admin",
    "X-Doorward-Credential: admin",
    "X-Doorward-Issuer: admin",
    "X-Doorward-Method: admin",
    "X-Doorward-Decision: admin",
    "Doorward-Assertion: admin",
    "doorward-assertion: admin",
];
const ALIASES: [&str; 5] = [
    "X_Doorward_Subject: admin",
    "X-Doorward_Subject: admin",
    "X.Doorward.Subject: admin",
    "Doorward_Assertion: admin",
    "X-Doorward.Scopes: admin",
];

#[test]
fn g08_r113_identity_headers_of_callers_reach_no_api_behind_any_front() {
    let world = World::shared();
    for front in &world.fronts {
        for spoof in SPOOFS {
            let public = ["GET /public HTTP/1.1", "Host: h", spoof, CLOSE];
            let told = ours(&passed(&world, front, &public));
            // The decision's id is ours; all else is absent, or empty.
            let more = told
                .iter()
                .filter(|(name, _)| name != "x-doorward-decision");
            let more: Vec<_> = more.filter(|(_, value)| !value.is_empty()).collect();
            assert!(more.is_empty(), "{} {spoof} {more:?}", front.name);
            assert!(told.iter().all(|(_, value)| value != "admin"), "{told:?}");
            let known = [
                "GET /orders HTTP/1.1",
                "Host: h",
                "X-API-Key: KEY",
                spoof,
                CLOSE,
            ];
            let told = ours(&passed(&world, front, &known));
            let one = |name: &str| {
                let mut values = told.iter().filter(|(known, _)| known == name);
                let (_, value) = values.next().unwrap_or_else(|| panic!("{name} {told:?}"));
                assert!(values.next().is_none(), "{} {name} {told:?}", front.name);
                value.as_str()
            };
            assert_eq!(one("x-doorward-subject"), "good", "{}", front.name);
            assert_eq!(one("x-doorward-method"), "api_key");
            assert_eq!(one("x-doorward-scopes"), "files:read orders:read");
            assert!(one("x-doorward-credential").starts_with("key_"));
            assert_eq!(one("doorward-assertion").split('.').count(), 3);
            assert!(told.iter().all(|(_, value)| value != "admin"), "{told:?}");
        }
    }
}

#[test]
fn g09_aliases_of_identity_headers_reach_no_api_behind_any_front() {
    let world = World::shared();
    for front in &world.fronts {
        for alias in ALIASES {
            for (path, key) in [("/public", "X-Nothing: 1"), ("/orders", "X-API-Key: KEY")] {
                let line = format!("GET {path} HTTP/1.1");
                let answer = world.send(front.port(), &[&line, "Host: h", key, alias, CLOSE]);
                let body = answer.map_or_else(String::new, |answer| answer.text());
                let told = ours(&body);
                assert!(
                    told.iter().all(|(_, value)| value != "admin"),
                    "{} {told:?}",
                    front.name
                );
            }
        }
    }
}

#[test]
fn g08_the_credential_ends_at_the_front() {
    let world = World::shared();
    for front in &world.fronts {
        for key in ["X-API-Key: KEY", "Authorization: Bearer KEY"] {
            let head = passed(
                &world,
                front,
                &["GET /orders HTTP/1.1", "Host: h", key, CLOSE],
            );
            assert!(!head.contains(&world.key), "{} {head}", front.name);
        }
    }
}

#[test]
fn g07_r113_a_callers_tale_of_the_original_request_is_not_believed() {
    let world = World::shared();
    for front in &world.fronts {
        for lie in [
            "X-Original-URI: /public",
            "X-Original-URL: http://h/public",
            "X-Original-URL: /public",
            "X-Original-Method: OPTIONS",
            "X-Forwarded-Uri: /public",
            "X-Forwarded-Method: HEAD",
            "X-Forwarded-Path: /public",
            "X-Forwarded-Prefix: /public",
            "X-Rewrite-URL: /public",
            "X-HTTP-Method-Override: GET",
            "X-Envoy-Original-Path: /public",
            "X-Auth-Request-Redirect: /public",
        ] {
            for path in ["/orders", "/files/a"] {
                let line = format!("GET {path} HTTP/1.1");
                refused(&world, front, &[&line, "Host: h", lie, CLOSE]);
                refused(
                    &world,
                    front,
                    &[&line, "Host: h", "X-API-Key: WEAK", lie, CLOSE],
                );
            }
            let post = ["POST /orders HTTP/1.1", "Host: h", "X-API-Key: KEY", lie];
            refused(
                &world,
                front,
                &[&post[..], &["Content-Length: 0", CLOSE]].concat(),
            );
        }
        for host in [
            "X-Forwarded-Host: api.example",
            "X-Original-Host: api.example",
        ] {
            let line = [
                "GET /hosted HTTP/1.1",
                "Host: h",
                "X-API-Key: KEY",
                host,
                CLOSE,
            ];
            refused(&world, front, &line);
        }
    }
}

#[test]
fn g07_the_callers_address_is_the_fronts_word() {
    let world = World::new();
    for front in &world.fronts {
        let mut curl = curl::command(None);
        curl.args([
            "--interface",
            "127.0.0.2",
            "-H",
            "X-Forwarded-For: 10.9.9.9",
        ]);
        curl.args(["-H", "X-Real-IP: 10.9.9.9", "-H", "Forwarded: for=10.9.9.9"]);
        curl.args(["-H", "True-Client-IP: 10.9.9.9", "-o", "/dev/null"]);
        curl.args(["-H", &format!("X-API-Key: {}", world.key)]);
        let answer = curl.arg(front.url("/orders"));
        assert!(answer.status().unwrap().success());
    }
    let records = world.records();
    let records: Vec<_> = records.iter().flatten().collect();
    assert_eq!(records.len(), world.fronts.len());
    for record in records {
        assert_eq!(record["client"], "127.0.0.2", "{record}");
    }
}

/// Whoever is not among the peers may not ask, whatever is told: with a question that every
/// front's listener would allow.
#[test]
fn g07_r113_nobody_else_may_ask() {
    let world = World::shared();
    let ask = |from: &str, port: u16, path: &str| {
        let mut curl = curl::command(None);
        curl.args(["--interface", from]);
        for told in [
            "X-Original-URI: /public",
            "X-Original-Method: GET",
            "X-Forwarded-Uri: /public",
            "X-Forwarded-Method: GET",
            "X-Forwarded-Proto: http",
            "X-Forwarded-Host: h",
            "X-Forwarded-For: 127.0.0.1",
            "Host: h",
        ] {
            curl.args(["-H", told]);
        }
        curl.arg(format!("http://127.0.0.1:{port}{path}"));
        curl::run(curl).unwrap()
    };
    for front in world.fronts.iter().filter(|f| f.asks_in_http()) {
        let port = world.door.port(front.name);
        let path = front.question("/public");
        assert_eq!(ask("127.0.0.1", port, &path).status, 200, "{}", front.name);
        let answer = ask("127.0.0.2", port, &path);
        assert!(
            [400, 403].contains(&answer.status),
            "{} {answer:?}",
            front.name
        );
        assert!(answer.all("x-doorward-subject").is_empty(), "{answer:?}");
        let id = answer.decision_id();
        assert_eq!(world.door.decision(&id)["reason"], "peer_not_trusted");
        assert_eq!(world.door.decision(&id)["front"], front.name);
    }
}

/// What can only come of a broken or hostile front: the answer is never a success.
#[test]
fn g24_g31_odd_questions_are_never_answered_with_success() {
    let world = World::shared();
    let good = [
        "X-Original-URI: /public",
        "X-Original-Method: GET",
        "X-Forwarded-Uri: /public",
        "X-Forwarded-Method: GET",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Host: h",
        "X-Forwarded-For: 127.0.0.1",
    ];
    let odd = |name: &str, value: &str| {
        let start = format!("{name}:");
        let mut lines: Vec<String> = good.iter().map(|line| (*line).to_owned()).collect();
        lines
            .iter_mut()
            .filter(|line| line.starts_with(&start))
            .for_each(|line| {
                *line = format!("{name}: {value}");
            });
        lines
    };
    for front in world.fronts.iter().filter(|f| f.asks_in_http()) {
        let port = world.door.port(front.name);
        let ask = |first: &str, told: &[String]| {
            let own = format!(" {} ", front.question("/public"));
            let first = first.replace(" /public ", &own);
            let mut lines = vec![first.as_str(), "Host: h", CLOSE];
            lines.extend(told.iter().map(String::as_str));
            send(port, &world.fill(&lines)).map(|answer: Answer| answer.status)
        };
        let plain: Vec<String> = good.iter().map(|line| (*line).to_owned()).collect();
        assert_eq!(
            ask("GET /public HTTP/1.1", &plain),
            Some(200),
            "{}",
            front.name
        );
        for first in [
            "CONNECT h:443 HTTP/1.1",
            "CONNECT /public HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "GET * HTTP/1.1",
            "GET http://h/public HTTP/1.1",
            "GET http://evil.example/public HTTP/1.1",
            "TRACE /public HTTP/1.1",
            "get /public HTTP/1.1",
            "GET  HTTP/1.1",
            "GET /public",
            "GET /public#x HTTP/1.1",
            "DELETE /orders HTTP/1.1",
        ] {
            let status = ask(first, &plain);
            assert_ne!(
                status.map(|status| status / 100),
                Some(2),
                "{} {first}",
                front.name
            );
        }
        for (name, values) in [
            (
                "X-Original-URI",
                &["", "*", "public", "http://h/public", "/a#b", "/../public"][..],
            ),
            (
                "X-Forwarded-Uri",
                &["", "*", "public", "http://h/public", "/a#b", "/%zz"],
            ),
            (
                "X-Original-Method",
                &["", "CONNECT", "TRACE", "get", "GET, POST", "G T"],
            ),
            (
                "X-Forwarded-Method",
                &["", "CONNECT", "TRACE", "get", "GET, POST"],
            ),
            (
                "X-Forwarded-Host",
                &["", "a b", "a, b", "user@h", "h/", "a..b"],
            ),
            ("X-Forwarded-Proto", &["", "ftp", "https, http", "HTTP"]),
            ("X-Forwarded-For", &["", "unknown", "127.0.0.1, x", "::::"]),
        ] {
            for value in values {
                let status = ask("GET /public HTTP/1.1", &odd(name, value));
                assert!(
                    status.is_none_or(|status| status >= 400),
                    "{} {name} {value} {status:?}",
                    front.name
                );
            }
        }
    }
}

#[test]
fn g31_odd_requests_pass_no_front() {
    let world = World::shared();
    for front in &world.fronts {
        for first in [
            "CONNECT h:443 HTTP/1.1",
            "GET * HTTP/1.1",
            "TRACE /public HTTP/1.1",
            "GET public HTTP/1.1",
            "GET //public HTTP/1.1",
            "GET /public/../orders HTTP/1.1",
            "GET http://evil.example/orders HTTP/1.1",
        ] {
            refused(&world, front, &[first, "Host: h", CLOSE]);
        }
        // Some servers answer this one themselves.
        let trace = trace();
        let lines = ["OPTIONS * HTTP/1.1", "Host: h", &trace, CLOSE];
        world.send(front.port(), &lines);
        assert!(!has_reached(&world, &trace), "{}", front.name);
    }
}

/// An announced body that does not come must not swallow the next question.
#[test]
fn g13_a_question_that_announces_a_body_is_the_last_of_its_connection() {
    let world = World::shared();
    let told = [
        "X-Original-URI: /public",
        "X-Original-Method: GET",
        "X-Forwarded-Uri: /public",
        "X-Forwarded-Method: GET",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Host: h",
        "X-Forwarded-For: 127.0.0.1",
    ];
    for front in world.fronts.iter().filter(|f| f.asks_in_http()) {
        let first = format!("GET {} HTTP/1.1", front.question("/public"));
        let ask = [first.as_str(), "Host: h", "Content-Length: 5"];
        let lines = [&ask[..], &told].concat();
        let answer = send(world.door.port(front.name), &world.fill(&lines)).unwrap();
        assert_eq!((answer.status, answer.one("connection")), (200, "close"));
    }
}

/// The caller hears what it needs to mend its call, as far as the front relays it.
#[test]
fn r113_refusals_are_relayed_as_well_as_the_front_can() {
    let world = World::shared();
    for front in &world.fronts {
        let call = |lines: &[&str]| {
            let answer = world.send(front.port(), &[lines, &["Host: h", CLOSE]].concat());
            answer.unwrap()
        };
        let missing = call(&["GET /orders HTTP/1.1"]);
        assert_eq!(missing.status, 401, "{} {missing:?}", front.name);
        let challenges = missing.all("www-authenticate").join(", ");
        assert!(
            challenges.contains("Bearer realm="),
            "{} {missing:?}",
            front.name
        );
        assert!(
            challenges.contains("Basic realm="),
            "{} {missing:?}",
            front.name
        );
        let weak = call(&["GET /orders HTTP/1.1", "X-API-Key: WEAK"]);
        assert_eq!(weak.status, 403, "{} {weak:?}", front.name);
        let two = [
            "GET /orders HTTP/1.1",
            "X-API-Key: KEY",
            "Authorization: Bearer KEY",
        ];
        let two = call(&two);
        assert_eq!(two.status, 400, "{} {two:?}", front.name);
        let limited = call(&["GET /limited HTTP/1.1", "X-API-Key: KEY"]);
        assert_eq!(limited.status, 403, "{} {limited:?}", front.name);
        if front.relays == Relays::Everything {
            assert_eq!(missing.json()["code"], "credential_missing");
            assert_eq!(weak.json()["code"], "insufficient_scope");
            assert_eq!(two.json()["code"], "credential_misplaced");
            assert_eq!(limited.json()["code"], "forbidden");
        }
    }
}

#[test]
fn g21_preflights_are_answered_and_never_passed_on() {
    let world = World::shared();
    for front in &world.fronts {
        let ask = |origin: &str| {
            let (trace, origin) = (trace(), format!("Origin: {origin}"));
            let answer = world.send(
                front.port(),
                &[
                    "OPTIONS /shared HTTP/1.1",
                    "Host: h",
                    &origin,
                    "Access-Control-Request-Method: GET",
                    "Access-Control-Request-Headers: x-api-key",
                    &trace,
                    CLOSE,
                ],
            );
            assert!(!has_reached(&world, &trace), "{}", front.name);
            answer.unwrap()
        };
        let good = ask("https://app.example");
        assert_eq!(good.status, 204, "{} {good:?}", front.name);
        assert_eq!(
            good.one("access-control-allow-origin"),
            "https://app.example"
        );
        assert_eq!(good.one("access-control-allow-headers"), "x-api-key");
        let evil = ask("https://evil.example");
        assert_eq!(evil.status, 403, "{} {evil:?}", front.name);
        assert!(
            evil.all("access-control-allow-origin").is_empty(),
            "{evil:?}"
        );
    }
}

/// No answer from us is no pass.
#[test]
fn r113_a_front_without_a_door_lets_nothing_pass() {
    let mut world = World::new();
    world.door.kill();
    for front in &world.fronts {
        for lines in [
            ["GET /public HTTP/1.1", "Host: h", CLOSE],
            ["GET /orders HTTP/1.1", "Host: h", CLOSE],
        ] {
            refused(&world, front, &lines);
        }
    }
}
