//! Paths, headers and methods in disguise, at every front: whatever the front makes of a request,
//! nothing guarded is reached without a credential, and nobody is somebody else.

use super::attacks::{CLOSE, ours, refused};
use crate::fronts::world::World;

/// Sends each target without a credential, and with one that may nothing of it.
fn reach_nothing(targets: &[&str]) {
    let world = World::shared();
    for front in &world.fronts {
        for target in targets {
            let first = format!("GET {target} HTTP/1.1");
            refused(&world, front, &[&first, "Host: h", CLOSE]);
            refused(
                &world,
                front,
                &[&first, "Host: h", "X-API-Key: WEAK", CLOSE],
            );
        }
    }
}

#[test]
fn g01_dot_segments_pass_no_front() {
    reach_nothing(&[
        "/public/../orders",
        "/public/%2e%2e/orders",
        "/public/%2E%2e/orders",
        "/public/.%2e/orders",
        "/public/x/../../orders",
        "/public/..%2forders",
        "/public/%2e%2e%2Forders",
        "/public/../files/a",
        "/./orders",
        "/%2e/orders",
    ]);
}

#[test]
fn g02_path_parameters_pass_no_front() {
    reach_nothing(&[
        "/orders;x",
        "/orders;/public",
        "/orders%3Bx",
        "/public/..;/orders",
        "/public/..;x=y/orders",
        "/public/;/../../orders",
        "/files/a;/../../public",
    ]);
}

#[test]
fn g03_encoded_separators_pass_no_front() {
    reach_nothing(&[
        "/%6frders",
        "/%6Frders",
        "/orders%00",
        "/orders%00/public",
        "/orders%2f",
        "/orders%5c",
        "/public%2f..%2forders",
        "/public/..%5corders",
        "/public/..\\orders",
        "/public/%252e%252e/orders",
        "/public/%252e%252e%252forders",
        "/public/..%c0%aforders",
        "/public/%u002e%u002e/orders",
        "/files%2fa",
        "/orders%23/public",
        "/orders%3f/public",
    ]);
}

#[test]
fn g04_slashes_and_fragments_pass_no_front() {
    reach_nothing(&[
        "//orders",
        "///orders",
        "/orders/",
        "/orders//",
        "//public/../orders",
        "/files//a",
        "//h/orders",
        "/orders#/public",
        "/orders?#/public",
    ]);
}

#[test]
fn g05_case_passes_no_front() {
    reach_nothing(&["/Orders", "/ORDERS", "/Files/a", "/%4frders"]);
}

#[test]
fn g06_the_query_passes_no_front() {
    reach_nothing(&[
        "/orders?/public",
        "/orders?x=/public",
        "/orders?x=/../public",
        "/orders?path=/public&method=OPTIONS",
        "/orders?_method=GET&url=/public",
    ]);
}

/// Headers that say that another method is meant, or that nobody need be asked.
#[test]
fn g21_g22_g23_nobody_is_exempt_at_any_front() {
    let world = World::shared();
    for front in &world.fronts {
        for told in [
            "X-HTTP-Method-Override: GET",
            "X-HTTP-Method: HEAD",
            "X-Method-Override: OPTIONS",
            "User-Agent: kube-probe/1.30",
            "User-Agent: ELB-HealthChecker/2.0",
            "X-Forwarded-For: 127.0.0.1",
            "X-Real-IP: 127.0.0.1",
            "X-Health-Check: 1",
            "Origin: https://app.example",
            "Access-Control-Request-Method: GET",
            "Upgrade: websocket\r\nConnection: upgrade",
            "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk",
            "X-Doorward-Subject: good",
            "X-Doorward-Decision: d00000000000000000000000001",
            "Doorward-Assertion: a.b.c",
        ] {
            for method in ["GET", "HEAD", "DELETE", "OPTIONS", "PATCH", "QUERY"] {
                let first = format!("{method} /orders HTTP/1.1");
                refused(&world, front, &[&first, "Host: h", told, CLOSE]);
            }
            // May read, and must not write.
            let first = "POST /orders HTTP/1.1";
            let known = [
                "Host: h",
                "X-API-Key: KEY",
                "Content-Length: 0",
                told,
                CLOSE,
            ];
            refused(&world, front, &[&[first], &known[..]].concat());
        }
    }
}

/// A header that `Connection` nominates ends at the next server: at none of them may that take
/// away who calls, or what we were told.
#[test]
fn g10_nominated_headers_change_nothing_at_any_front() {
    let world = World::shared();
    for front in &world.fronts {
        for name in [
            "X-Doorward-Subject",
            "x-doorward-scopes",
            "Doorward-Assertion",
            "X-Doorward-Decision",
            "X-Original-URI",
            "X-Original-Method",
            "X-Forwarded-Uri",
            "X-Forwarded-Method",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Proto",
            "Host",
            "X-API-Key",
            "Authorization",
            "Content-Length",
        ] {
            let nominated = format!("Connection: close, {name}");
            refused(
                &world,
                front,
                &["GET /orders HTTP/1.1", "Host: h", &nominated],
            );
            let known = [
                "GET /orders HTTP/1.1",
                "Host: h",
                "X-API-Key: KEY",
                &nominated,
            ];
            let answer = world.send(front.port(), &known);
            // Refused, or passed on with who calls.
            if let Some(answer) = answer.filter(|answer| answer.status == 200) {
                let told = ours(&answer.text());
                let is_told = |name: &str, wanted: Option<&str>| {
                    let found = told.iter().find(|(known, _)| known == name);
                    found.is_some_and(|(_, value)| wanted.is_none_or(|wanted| value == wanted))
                };
                let all = is_told("x-doorward-subject", Some("good"))
                    && is_told("doorward-assertion", None)
                    && is_told("x-doorward-decision", None);
                assert!(all, "{} {name} {told:?}", front.name);
            }
        }
    }
}

#[test]
fn g11_g12_r020_two_credentials_or_unreadable_ones_pass_no_front() {
    let world = World::shared();
    for front in &world.fronts {
        for two in [
            ["X-API-Key: KEY", "X-API-Key: nonsense"],
            ["X-API-Key: nonsense", "X-API-Key: KEY"],
            ["X-API-Key: KEY", "X-API-Key: KEY"],
            ["X-API-Key: KEY", "Authorization: Bearer nonsense"],
            ["X-API-Key: KEY", "Authorization: Basic YTpi"],
            [
                "Authorization: Bearer KEY",
                "Authorization: Bearer nonsense",
            ],
            [
                "Authorization: Bearer nonsense",
                "authorization: Bearer KEY",
            ],
            ["Authorization: Bearer KEY, Bearer KEY", "X-Nothing: 1"],
            ["X-API-Key: KEY\u{e9}", "X-Nothing: 1"],
            ["X-API-Key: \u{2603}", "X-Nothing: 1"],
            ["Authorization: Bearer \u{ff}KEY", "X-Nothing: 1"],
            ["Authorization: \u{ff}Bearer KEY", "X-Nothing: 1"],
        ] {
            let lines = ["GET /orders HTTP/1.1", "Host: h", two[0], two[1], CLOSE];
            refused(&world, front, &lines);
        }
    }
}

/// Two hosts, or one that is none: no rule of another host is reached by it.
#[test]
fn r106_hosts_in_disguise_pass_no_front() {
    let world = World::shared();
    for front in &world.fronts {
        for lines in [
            ["GET /hosted HTTP/1.1", "Host: h\r\nHost: api.example"],
            ["GET /hosted HTTP/1.1", "Host: api.example@h"],
            [
                "GET /hosted HTTP/1.1",
                "Host: h\r\nX-Forwarded-Host: api.example",
            ],
            ["GET /hosted HTTP/1.1", "Host: h, api.example"],
            ["GET /hosted HTTP/1.1", "Host: h:80:80"],
            ["GET http://api.example@h/hosted HTTP/1.1", "Host: h"],
            ["GET http://h/hosted HTTP/1.1", "Host: h"],
        ] {
            let key = ["X-API-Key: KEY", CLOSE];
            refused(&world, front, &[&lines[..], &key].concat());
        }
    }
}
