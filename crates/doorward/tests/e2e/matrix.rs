//! The refusal matrix over the reverse proxy: every method, every way to be refused, over
//! HTTP/1.1 and HTTP/2; the exact answer and the exact record.

use doorward_core::credential::Method;
use serde_json::json;

use crate::curl::Answer;
use crate::door::{Door, files};
use crate::mint::now;
use crate::peer::{Peer, httpbin, python};
use crate::wait::until;

mod certificate_rows;
mod fronts;
mod rows;
mod signed;
mod sigv4_rows;
mod world;

use rows::{CASES, Row, rows};
use world::World;

/// What every method must have a row for.
#[test]
fn every_method_has_every_row() {
    let Some(world) = World::new() else { return };
    for method in Method::ALL {
        let rows = rows(method, &world);
        for case in CASES {
            assert!(
                rows.iter().any(|row| row.case == *case),
                "{method} has no row for: {case}"
            );
        }
    }
}

#[test]
fn r123_refusals_of_api_keys_are_exact() {
    judge(Method::ApiKey);
}

#[test]
fn r123_refusals_of_passwords_are_exact() {
    judge(Method::Basic);
}

#[test]
fn r123_refusals_of_tokens_are_exact() {
    judge(Method::Jwt);
}

#[test]
fn r123_refusals_of_certificates_are_exact() {
    judge(Method::Mtls);
}

#[test]
fn r123_refusals_of_message_signatures_are_exact() {
    judge(Method::MessageSignature);
}

#[test]
fn r123_refusals_of_requests_signed_in_the_style_of_aws_are_exact() {
    judge(Method::SigV4);
}

fn judge(method: Method) {
    let Some(world) = World::new() else { return };
    for version in ["--http1.1", "--http2"] {
        for row in rows(method, &world) {
            if let Some(args) = &row.args {
                check(&world.door, &row, version, args);
            }
        }
    }
    store_down(&world, method);
    no_secret_is_anywhere(&world.door, method, &rows(method, &world));
}

fn check(door: &Door, row: &Row, version: &str, args: &[String]) {
    let mut all: Vec<&str> = vec![version];
    all.extend(args.iter().map(String::as_str));
    let answer = door.curl(&row.path, &all);
    let at = format!("{version} {row:?}\n{answer:?}");
    let spoken = if version == "--http2" {
        "HTTP/2"
    } else {
        "HTTP/1.1"
    };
    assert_eq!(answer.version, spoken, "{at}");
    assert_eq!(answer.status, row.status, "{at}");
    if row.status == 200 {
        return;
    }
    assert_eq!(answer.all("www-authenticate"), challenges(row), "{at}");
    let asks = row.status == 401 && row.schemes.contains(&"Signature");
    assert_eq!(!answer.all("accept-signature").is_empty(), asks, "{at}");
    problem(&answer, row, &at);
    for secret in &row.secrets {
        let shown = format!("{:?}{}", answer.headers, answer.text());
        assert!(!shown.contains(secret.as_str()), "{at}");
    }
    record(door, &answer, row, &at);
}

/// RFC 9457, and nothing of the caller's in it.
fn problem(answer: &Answer, row: &Row, at: &str) {
    assert_eq!(answer.one("content-type"), "application/problem+json");
    assert_eq!(answer.one("cache-control"), "no-store");
    let body = answer.json();
    let mut names: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    names.sort();
    let wanted = ["code", "decision_id", "detail", "status", "title", "type"];
    assert_eq!(names, wanted, "{at}");
    assert_eq!(body["code"], row.code, "{at}");
    assert_eq!(body["type"], format!("urn:doorward:problem:{}", row.code));
    assert_eq!(body["status"], json!(row.status), "{at}");
    assert_eq!(body["detail"], row.sentence(), "{at}");
    assert_eq!(answer.one("doorward-decision"), answer.decision_id());
    let waits = !answer.all("retry-after").is_empty();
    assert_eq!(waits, matches!(row.status, 429 | 503), "{at}");
}

fn record(door: &Door, answer: &Answer, row: &Row, at: &str) {
    let record = door.decision(&answer.decision_id());
    assert_eq!(record["outcome"], "refused", "{record} {at}");
    assert_eq!(record["failed_check"], row.check, "{record} {at}");
    assert_eq!(record["reason"], row.reason, "{record} {at}");
    for name in ["ts", "latency_us", "route", "rule"] {
        // A request that can be read in two ways is never matched.
        let matched = row.code != "request_malformed" || !name.starts_with('r');
        assert_eq!(!record[name].is_null(), matched, "{name} {record} {at}");
    }
    let known = matches!(row.check, "expired" | "allowed");
    for name in ["method", "credential_id", "subject"] {
        let there = record.get(name).expect("the agreed names are always there");
        assert!(!known || there.is_string(), "{name} {record} {at}");
    }
}

/// RFC 6750 section 3 and RFC 9110 section 11.6.1, written out.
fn challenges(row: &Row) -> Vec<String> {
    let error = match (row.status, row.code) {
        (401, "credential_missing") => Some(None),
        (401, _) => Some(Some("invalid_token")),
        (400, "credential_misplaced") => Some(Some("invalid_request")),
        (403, "insufficient_scope") => Some(Some("insufficient_scope")),
        _ => None,
    };
    let Some(error) = error else { return vec![] };
    let mut all = Vec::new();
    for scheme in row.schemes {
        let mut text = format!("{scheme} realm=\"doorward\"");
        match (*scheme, error) {
            ("Signature", _) => {}
            ("AWS4-HMAC-SHA256", _) => {
                text.push_str(", region=\"eu-1\", service=\"orders\"");
            }
            ("Basic", _) => text.push_str(", charset=\"UTF-8\""),
            ("ClientCertificate", _) => {}
            (_, Some(error)) => {
                text.push_str(&format!(", error=\"{error}\""));
                if row.status == 403 {
                    text.push_str(", scope=\"orders:write\"");
                }
                text.push_str(&format!(", error_description=\"{}\"", row.sentence()));
            }
            _ => {}
        }
        if row.status == 401 || *scheme == "Bearer" {
            all.push(text);
        }
    }
    all
}

/// The database cannot be read for longer than `state.max_staleness`: 503 for good credentials
/// and bad ones, 200 for what is public, and it goes away by itself.
fn store_down(world: &World, method: Method) {
    let door = &world.door;
    // Made anew for every call: a signed request is good once.
    let call = |path: &str| {
        let good = world.good(method);
        let args: Vec<&str> = good.iter().map(String::as_str).collect();
        door.try_curl(path, &args)
    };
    let database = door.path("data/doorward.db");
    let mut lock = Peer::python(
        include_str!("python/lock.py"),
        &["running", database.to_str().unwrap()],
    )
    .unwrap();
    assert_eq!(lock.line(), "held");
    let path = match method {
        Method::Mtls => "/anything/mtls",
        _ => "/anything/orders",
    };
    let refused = until("a store that is down refuses", || {
        let answer = call(path).ok()?;
        (answer.status != 200).then_some(answer)
    });
    let row = Row::store_down();
    let at = format!("{method} {refused:?}");
    assert_eq!(refused.status, 503, "{at}");
    assert_eq!(refused.one("retry-after"), "5", "{at}");
    assert!(refused.all("www-authenticate").is_empty(), "{at}");
    problem(&refused, &row, &at);
    record(door, &refused, &row, &at);
    until("what is public stays open", || {
        let answer = call("/anything/public").ok()?;
        assert_eq!(answer.status, 200, "{at}");
        Some(())
    });
    assert_eq!(door.admin("/readyz").status, 503);
    assert_eq!(door.admin("/healthz").status, 200);
    drop(lock);
    until("r126: it recovers by itself", || {
        (call(path).unwrap().status == 200).then_some(())
    });
    assert_eq!(door.admin("/readyz").status, 200);
}

fn no_secret_is_anywhere(door: &Door, method: Method, rows: &[Row]) {
    let written = files(door.path("").as_path());
    for secret in rows.iter().flat_map(|row| &row.secrets) {
        for (path, bytes) in &written {
            let name = path.file_name().unwrap().to_string_lossy();
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{method}: {secret} is in {name}");
        }
    }
}

#[test]
fn r126_a_store_that_is_down_from_the_start_is_said_plainly() {
    if python().is_none() || httpbin().is_none() {
        return;
    }
    let home = crate::door::Home::before(1, crate::door::ONE_ROUTE);
    home.key("orders:read");
    let database = home.path("data/doorward.db");
    let mut lock = Peer::python(
        include_str!("python/lock.py"),
        &["start", database.to_str().unwrap()],
    )
    .unwrap();
    assert_eq!(lock.line(), "held");
    let began = now();
    let ran = home.run(&["key", "list"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("lock"), "{ran:?}");
    assert!(now() - began < 20, "it hung");
    drop(lock);
    assert_eq!(home.run(&["key", "list"]).code, 0);
}
