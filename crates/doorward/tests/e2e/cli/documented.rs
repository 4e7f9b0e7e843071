//! `docs/cli.md`: the fields that it names are those that are printed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::commands::{leaves, public_key_set};
use super::demo::{Demo, free_ports};
use crate::door::{Home, ONE_ROUTE};
use crate::peer::Recorder;

type Fields = BTreeSet<String>;

/// The fields of every command, as the page has them.
fn documented() -> BTreeMap<String, Fields> {
    let page = include_str!("../../../../../docs/cli.md");
    let quoted = |cell: &str| -> Vec<String> {
        let parts = cell.split('`').skip(1).step_by(2);
        parts.map(str::to_owned).collect()
    };
    let rows = page.lines().filter(|line| line.starts_with("| "));
    rows.skip(1)
        .map(|row| {
            let cells: Vec<&str> = row.split('|').collect();
            let command = quoted(cells[1]).pop().unwrap_or_default();
            (command, quoted(cells[3]).into_iter().collect())
        })
        .collect()
}

/// The fields of a document: `a`, `a.b`, `a[].b`.
fn fields(value: &Value) -> Fields {
    fn walk(value: &Value, path: &str, found: &mut Fields) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let name = if path == "listeners" { "NAME" } else { name };
                    let dot = if path.is_empty() { "" } else { "." };
                    walk(value, &format!("{path}{dot}{name}"), found);
                }
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                let path = if path.is_empty() {
                    String::new()
                } else {
                    format!("{path}[]")
                };
                items.iter().for_each(|item| walk(item, &path, found));
            }
            _ => drop(found.insert(path.to_owned())),
        }
    }
    let mut found = Fields::new();
    walk(value, "", &mut found);
    found
}

/// Every command that can be run on a folder, in an order in which each works.
fn runs() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![
        ("key create", vec!["--name", "k", "--scope", "a"]),
        ("key list", vec![]),
        ("key show", vec!["k"]),
        ("key set", vec!["k", "--role", "r"]),
        ("key rotate", vec!["k"]),
        ("key revoke", vec!["k"]),
        (
            "client-key add",
            vec!["--name", "c", "--alg", "hmac-sha256"],
        ),
        ("client-key list", vec![]),
        ("client-key show", vec!["c"]),
        ("client-key revoke", vec!["c"]),
        (
            "sign",
            vec![
                "https://localhost/x",
                "-d",
                "{}",
                "--keyid",
                "c",
                "--alg",
                "hmac-sha256",
                "--secret-file",
                "secret",
            ],
        ),
        ("client add", vec!["shop", "--scope", "orders:read"]),
        ("client list", vec![]),
        ("client show", vec!["shop"]),
        ("client rotate", vec!["shop"]),
        ("client remove", vec!["shop"]),
        ("user add", vec!["alice", "--generate"]),
        ("user passwd", vec!["alice", "--generate"]),
        ("user set", vec!["alice", "--role", "r"]),
        ("user disable", vec!["alice"]),
        ("user enable", vec!["alice"]),
        ("user list", vec![]),
        ("user remove", vec!["alice"]),
        ("user import", vec!["staff.htpasswd"]),
        (
            "issuer add",
            vec![
                "https://i.example",
                "--audience",
                "a",
                "--jwks-file",
                "keys.json",
            ],
        ),
        ("issuer list", vec![]),
        ("issuer remove", vec!["i.example"]),
        ("token issue", vec!["--sub", "x"]),
        ("token revoke", vec!["AAAAAAAAAAAAAAAAAAAAAA"]),
        ("cert issue", vec!["--name", "c"]),
        ("cert list", vec![]),
        ("cert revoke", vec!["c"]),
        ("cert ca", vec![]),
        ("signing-key list", vec![]),
        ("signing-key rotate", vec![]),
        ("explain", vec!["https://localhost/x"]),
        ("check", vec!["wrong.toml"]),
        ("ca", vec![]),
        (
            "protect",
            vec![
                "http://127.0.0.1:1",
                "--no-serve",
                "--config",
                "p.toml",
                "--set",
                "state.dir=p",
            ],
        ),
    ]
}

#[test]
fn what_is_printed_is_what_is_documented() {
    let documented = documented();
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ONE_ROUTE);
    home.write("keys.json", &public_key_set());
    home.write("staff.htpasswd", "sha:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=\n");
    home.write("wrong.toml", "a = 1\n");
    home.write("secret", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let mut tried: BTreeSet<&str> = ["serve", "demo", "explain DECISION_ID"].into();
    for (command, rest) in runs() {
        let words: Vec<&str> = command.split(' ').collect();
        let ran = home.run(&[&words[..], &rest, &["--json"]].concat());
        let value: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
        assert_eq!(Some(&fields(&value)), documented.get(command), "{command}");
        tried.insert(command);
    }
    let failed = home.run(&["key", "show", "nobody", "--json"]);
    let value: Value = serde_json::from_str(&failed.out).unwrap();
    assert_eq!(fields(&value), documented[""], "a failure");
    for words in leaves() {
        let command = words.join(" ");
        let speaks = !matches!(command.as_str(), "completions" | "man");
        assert_eq!(
            tried.contains(command.as_str()),
            speaks,
            "{command} is not tried"
        );
    }
    assert_eq!(
        documented.len(),
        tried.len() + 1,
        "a command that is not there"
    );
    let door = home.serve();
    assert_eq!(fields(&door.ready), documented["serve"], "serve");
    let refused = door.curl("/get", &[]);
    let record = door.json(&["explain", &refused.decision_id()]);
    assert_eq!(fields(&record), documented["explain DECISION_ID"]);
    let demo = Demo::start(free_ports(3));
    assert_eq!(fields(&demo.says), documented["demo"], "demo");
}
