//! `doorward explain`: the four checks, one line each, and what to do about the one that fails.

use serde_json::{Value, json};

use crate::door::{Door, Home};
use crate::peer::Recorder;

const ROUTES: &str = r#"
[[route]]
path = "/orders"
methods = ["GET"]
scopes = ["orders:read"]
[[route]]
path = "/orders"
methods = ["POST"]
scopes = ["orders:write"]
[[route]]
path = "/health"
public = true
"#;

fn stand() -> (Recorder, Door, String) {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ROUTES);
    let key = home.key("orders:read");
    (upstream, home.serve(), key)
}

/// Explains, calls, and holds the two against each other.
fn explain(door: &Door, path: &str, args: &[&str]) -> Value {
    let url = door.url(path);
    let ran = door.run(&[&["explain"], args, &[&url, "--json"]].concat());
    let value: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    let got = door.curl(path, args);
    assert_eq!(
        value["status"], got.status,
        "{path} {args:?} {value} {got:?}"
    );
    let refused = got.status >= 400;
    assert_eq!(ran.code, i32::from(refused), "{ran:?}");
    assert_eq!(
        value["outcome"],
        if refused { "refused" } else { "allowed" }
    );
    if refused {
        let record = door.decision(&got.decision_id());
        for name in ["failed_check", "reason", "method", "route", "rule"] {
            assert_eq!(value[name], record[name], "{name} {value} {record}");
        }
        assert!(value["fix"].as_str().unwrap().len() > 20, "{value}");
    }
    value
}

fn results(value: &Value) -> Vec<&str> {
    let checks = value["checks"].as_array().unwrap();
    let names: Vec<_> = checks
        .iter()
        .map(|check| check["check"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["present", "valid", "expired", "allowed"]);
    checks
        .iter()
        .map(|check| check["result"].as_str().unwrap())
        .collect()
}

#[test]
fn explain_names_the_check_that_fails() {
    let (upstream, door, key) = stand();
    door.user("alice", "a-password-of-alice", "orders:read");
    let (old, _) = door.key_with(&["--name", "old", "--expires", "1s"]);
    door.until_key_is("old", "expired");
    let line = |key: &str| format!("Authorization: Bearer {key}");
    let (good, old, wrong) = (line(&key), line(&old), line("dw_sk_live_wrong"));
    let passed = ["passed"; 4];
    let value = explain(&door, "/orders", &["-H", &good]);
    assert_eq!(results(&value), passed);
    let value = explain(&door, "/orders", &["-u", "alice:a-password-of-alice"]);
    assert_eq!(results(&value), passed);
    assert_eq!(value["subject"], "alice");
    let (token, _) = door.token(&["--sub", "billing", "--scope", "orders:read"]);
    let value = explain(&door, "/orders", &["-H", &line(&token)]);
    assert_eq!(results(&value), passed);
    let value = explain(&door, "/orders", &[]);
    assert_eq!(
        results(&value),
        ["failed", "not reached", "not reached", "not reached"]
    );
    let value = explain(&door, "/orders", &["-H", &wrong]);
    assert_eq!(
        results(&value),
        ["passed", "failed", "not reached", "not reached"]
    );
    let value = explain(&door, "/orders", &["-H", &old]);
    assert_eq!(
        results(&value),
        ["passed", "passed", "failed", "not reached"]
    );
    let value = explain(&door, "/orders", &["-X", "POST", "-H", &good]);
    assert_eq!(results(&value), ["passed", "passed", "passed", "failed"]);
    let value = explain(&door, "/health", &[]);
    assert_eq!(results(&value), ["not needed"; 4]);
    let value = explain(&door, "/nothing", &["-H", &good]);
    assert_eq!(results(&value), ["passed", "passed", "passed", "failed"]);
    let value = explain(&door, "/a/../orders", &["-H", &good]);
    assert_eq!(value["reason"], "path_dot_segment", "{value}");
    // Explaining calls nobody: only the calls of this test arrived.
    assert_eq!(upstream.heads().len(), 4);
}

#[test]
fn explain_speaks_to_people_and_shows_no_secret() {
    let (_upstream, door, key) = stand();
    let line = format!("Authorization: Bearer {key}");
    let url = door.url("/orders");
    let ran = door.run(&["explain", "-X", "POST", &url, "-H", &line]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for words in [
        "1 present",
        "2 valid",
        "3 expired",
        "4 allowed",
        "fix ",
        "needs orders:write",
        "403",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    assert!(!ran.out.contains(&key), "{}", ran.out);
    let bad = door.run(&["explain", &url, "-H", &format!("{key} without a colon")]);
    assert_ne!(bad.code, 0);
    assert!(!format!("{bad:?}").contains(&key), "{bad:?}");
}

#[test]
fn explain_lists_what_a_path_has_when_no_rule_covers_the_method() {
    let more = "[[route]]\npath = \"/orders/{id}\"\nmethods = [\"GET\", \"PUT\"]\nscopes = []\n";
    let home = Home::before(1, &format!("{ROUTES}{more}"));
    let key = home.key("orders:read");
    let line = format!("Authorization: Bearer {key}");
    let explain = |method: &str, path: &str, json: &[&str]| {
        let url = format!("https://localhost:1{path}");
        home.run(&[&["explain", "-X", method, &url, "-H", &line], json].concat())
    };
    for (path, operations) in [
        ("/orders", json!(["GET /orders", "POST /orders"])),
        ("/orders/7", json!(["GET,PUT /orders/{id}"])),
        ("/nothing", json!([])),
    ] {
        let ran = explain("DELETE", path, &["--json"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        let value: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(value["rule"], Value::Null, "{value}");
        assert_eq!(value["operations"], operations, "{value}");
    }
    let said = explain("DELETE", "/orders/7", &[]).out;
    assert!(said.contains("path has   GET,PUT /orders/{id}"), "{said}");
    assert!(!explain("DELETE", "/nothing", &[]).out.contains("path has"));
    assert!(!explain("GET", "/orders/7", &[]).out.contains("path has"));
}

#[test]
fn explain_finds_a_decision_also_when_the_server_is_gone() {
    let (_upstream, mut door, key) = stand();
    let refused = door.curl(
        "/orders",
        &["-X", "POST", "-H", &format!("X-API-Key: {key}")],
    );
    let allowed = door.bearer("/orders", &key);
    let (no, yes) = (
        refused.decision_id(),
        allowed.one("doorward-decision").to_owned(),
    );
    for round in ["running", "stopped"] {
        let value = door.json(&["explain", &no]);
        assert_eq!(value["reason"], "insufficient_scope", "{round} {value}");
        assert_eq!(value["decision_id"], no.as_str());
        let value = door.json(&["explain", &yes]);
        assert_eq!(value["outcome"], "allowed", "{round} {value}");
        assert_eq!(value["failed_check"], json!(null));
        let text = door.run(&["explain", &no]).out;
        assert!(text.contains("fix  "), "{round} {text}");
        if round == "running" {
            door.stop();
        }
    }
    let unknown = door.run(&["explain", "d00000000000000000000000000"]);
    assert_eq!(unknown.code, 1);
    assert!(
        unknown.err.contains("no decision has the id"),
        "{unknown:?}"
    );
}
