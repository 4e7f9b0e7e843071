//! Every command: help, JSON, exit codes, completions, man pages.

use std::process::Command;

use clap::CommandFactory;
use doorward::cli::Cli;
use serde_json::Value;

use crate::door::{Home, ONE_ROUTE};

fn home() -> Home {
    Home::before(1, ONE_ROUTE)
}

/// The words of every command that can be run.
pub(super) fn leaves() -> Vec<Vec<String>> {
    fn walk(command: &clap::Command, words: &[String], found: &mut Vec<Vec<String>>) {
        let inner: Vec<_> = command
            .get_subcommands()
            .filter(|inner| inner.get_name() != "help")
            .collect();
        if inner.is_empty() {
            found.push(words.to_vec());
        }
        for command in inner {
            let words = [words, &[command.get_name().to_owned()]].concat();
            walk(command, &words, found);
        }
    }
    let mut found = Vec::new();
    walk(&Cli::command(), &[], &mut found);
    assert!(found.len() > 20, "{found:?}");
    found
}

#[test]
fn every_command_has_help_with_an_example() {
    let home = home();
    for words in leaves() {
        let args: Vec<&str> = words.iter().map(String::as_str).collect();
        let ran = home.run(&[&args[..], &["--help"]].concat());
        assert_eq!(ran.code, 0, "{words:?} {ran:?}");
        let (_, example) = ran
            .out
            .split_once("Example")
            .unwrap_or_else(|| panic!("{words:?} has no example: {}", ran.out));
        // The example is of this command, and its arguments are understood.
        let line = example
            .lines()
            .find(|line| line.contains("doorward"))
            .unwrap();
        let start = line.find("doorward").unwrap();
        let wanted = format!("doorward {}", args.join(" "));
        assert!(line[start..].starts_with(&wanted), "{words:?}: {line}");
    }
    for group in ["key", "user", "issuer", "token", "cert", "signing-key"] {
        let ran = home.run(&[group, "--help"]);
        assert!(ran.out.contains("Example"), "{group} {ran:?}");
    }
    let top = home.run(&["--help"]);
    assert!(top.out.contains("Exit codes"), "{top:?}");
    assert!(home.run(&["--version"]).out.starts_with("doorward "));
}

#[test]
fn every_command_speaks_json() {
    let home = home();
    home.write("keys.json", &public_key_set());
    home.write("staff.htpasswd", "sha:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=\n");
    let made = home.json(&[
        "key",
        "create",
        "--name",
        "reporting",
        "--scope",
        "a b",
        "--expires",
        "90d",
    ]);
    for name in ["id", "key", "name", "scopes", "expires_at", "created_at"] {
        assert!(!made[name].is_null(), "{name} {made}");
    }
    assert_eq!(made["scopes"], serde_json::json!(["a", "b"]));
    let token = home.json(&["token", "issue", "--sub", "billing", "--ttl", "15m"]);
    let jti = token["jti"].as_str().unwrap();
    let commands: Vec<Vec<&str>> = vec![
        vec!["key", "list"],
        vec!["key", "show", "reporting"],
        vec!["key", "set", "reporting", "--scope", "a"],
        vec!["key", "rotate", "reporting", "--overlap", "24h"],
        vec!["key", "revoke", "reporting"],
        vec!["user", "add", "alice", "--scope", "a", "--generate"],
        vec!["user", "passwd", "alice", "--generate"],
        vec!["user", "set", "alice", "--role", "clerk"],
        vec!["user", "disable", "alice"],
        vec!["user", "enable", "alice"],
        vec!["user", "list"],
        vec!["user", "import", "staff.htpasswd"],
        vec!["user", "remove", "alice"],
        vec![
            "issuer",
            "add",
            "https://i.example",
            "--audience",
            "a",
            "--jwks-file",
            "keys.json",
        ],
        vec!["issuer", "list"],
        vec!["issuer", "remove", "i.example"],
        vec!["signing-key", "list"],
        vec!["signing-key", "rotate"],
        vec!["check"],
        vec!["ca"],
    ];
    home.revoke_token(jti);
    for args in &commands {
        let value = home.json(args);
        assert!(value.is_object() || value.is_array(), "{args:?} {value}");
    }
    let listed = home.json(&["key", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    let audit = home.read("data/audit.jsonl");
    for action in [
        "create", "rotate", "revoke", "passwd", "disable", "enable", "import", "trust", "issue",
        "set",
    ] {
        let line = audit.lines().find(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            record["action"].as_str().unwrap().starts_with(action)
        });
        assert!(line.is_some(), "r121: no audit line for {action}: {audit}");
    }
}

pub(super) fn public_key_set() -> String {
    // The example key of RFC 7517 appendix A.1.
    r#"{"keys":[{"kty":"EC","crv":"P-256","use":"sig","kid":"1","alg":"ES256",
    "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#
        .to_owned()
}

#[test]
fn what_a_command_prints_without_json_is_for_people() {
    let home = home();
    let ran = home.run(&["key", "create", "--name", "reporting", "--scope", "a"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("only time"), "{ran:?}");
    let key = ran.out.lines().next().unwrap();
    assert!(key.starts_with("dw_sk_live_"), "{ran:?}");
    let shown = home.run(&["key", "show", "reporting"]);
    assert!(!shown.out.contains(key), "shown again: {shown:?}");
    assert!(home.run(&["key", "list"]).out.contains("reporting"));
    let added = home.run(&["user", "add", "alice", "--generate"]);
    assert!(added.out.contains("Password: "), "{added:?}");
    assert!(home.run(&["ca"]).out.contains("curl --cacert"));
    let path = home.run(&["ca", "--path"]).out;
    let pem = std::fs::read_to_string(home.path(path.trim())).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
}

#[test]
fn exit_codes_say_done_refused_or_misused() {
    let home = home();
    let done: &[&[&str]] = &[&["key", "list"], &["check"], &["check", "doorward.toml"]];
    for args in done {
        assert_eq!(home.run(args).code, 0, "{args:?}");
    }
    let refused: &[&[&str]] = &[
        &["key", "show", "nobody"],
        &["key", "revoke", "key_0000000000000000"],
        &["key", "rotate", "nobody"],
        &["key", "create", "--name", ""],
        &["user", "add", "alice"],
        &["user", "disable", "nobody"],
        &["user", "remove", "nobody"],
        &["user", "add", "bad:name", "--generate"],
        &["user", "import", "no-such-file"],
        &["issuer", "remove", "nobody"],
        &[
            "issuer",
            "add",
            "https://i.example",
            "--audience",
            "a",
            "--jwks-file",
            "none.json",
        ],
        &[
            "issuer",
            "add",
            "https://i.example",
            "--audience",
            "a",
            "--alg",
            "none",
        ],
        &["issuer", "add", "https://door.example", "--audience", "a"],
        &["token", "issue", "--sub", ""],
        &["check", "no-such-file.toml"],
        &["key", "list", "--config", "no-such-file.toml"],
        &["key", "list", "--set", "nonsense"],
        &["explain", "d0000000000000000000000000000000"],
        &["protect", "http://127.0.0.1:1", "--no-serve"],
    ];
    for args in refused {
        fails(&home, args, 1);
    }
    let misused: &[&[&str]] = &[
        &["nonsense"],
        &["key", "create"],
        &["key", "create", "--nmae", "x"],
        &["key", "create", "--name", "a", "--scope", "not\"a\"scope"],
        &["key", "create", "--name", "a", "--expires", "soon"],
        &["key", "create", "--name", "a", "--kind", "zz"],
        &["key", "create", "--name", "a", "--kind", "pk"],
        &["key", "create", "--name", "a", "--env", "prod"],
        &["key", "create", "--name", "a", "--cidr", "10.0.0.0/33"],
        &["issuer", "add", "https://i.example"],
        &[
            "issuer",
            "add",
            "https://i.example",
            "--audience",
            "a",
            "--leeway",
            "61s",
        ],
        &["token", "issue"],
        &["token", "issue", "--sub", "x", "--ttl", "25h"],
        &["serve", "--port"],
        &["demo", "--port", "99999"],
        &["protect", "ftp://127.0.0.1", "--no-serve"],
        &["completions", "cmd.exe"],
    ];
    for args in misused {
        fails(&home, args, 2);
    }
    for group in [&[][..], &["key"], &["user"]] {
        assert_eq!(home.run(group).code, 2, "{group:?}");
    }
    // Nothing of all that changed anything.
    assert_eq!(home.json(&["key", "list"]), serde_json::json!([]));
    assert_eq!(home.json(&["user", "list"]), serde_json::json!([]));
}

/// The command must fail with this code and say why, as text and as JSON.
fn fails(home: &Home, args: &[&str], code: i32) {
    let ran = home.run(args);
    assert_eq!(ran.code, code, "{args:?} {ran:?}");
    let said = format!("{}{}", ran.out, ran.err);
    assert!(said.trim().len() > 10, "{args:?} does not say why");
    assert!(!said.contains("panicked"), "{ran:?}");
    if args.first() != Some(&"completions") && args.first() != Some(&"nonsense") {
        let ran = home.run(&[args, &["--json"]].concat());
        assert_eq!(ran.code, code, "{args:?} {ran:?}");
        let value: Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("no JSON: {args:?} {ran:?}"));
        assert!(value.is_object(), "{value}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let home = home();
    for n in 0..3 {
        home.json(&["key", "create", "--name", &format!("k{n}")]);
    }
    let binary = env!("CARGO_BIN_EXE_doorward");
    let config = home.path("doorward.toml");
    let script = format!(
        "'{binary}' key list --config '{}' | head -1",
        config.display()
    );
    let out = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(out.status.success());
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn completions_are_understood_by_their_shells() {
    let home = home();
    for (shell, check) in [
        ("bash", "-n"),
        ("zsh", "-n"),
        ("fish", "-n"),
        ("elvish", ""),
        ("powershell", ""),
    ] {
        let script = home.run(&["completions", shell]);
        assert_eq!(script.code, 0, "{shell}");
        for word in ["serve", "demo", "protect", "rotate", "ready-file"] {
            assert!(script.out.contains(word), "{shell}: {word}");
        }
        home.write("completions", &script.out);
        let mut known = Command::new(shell);
        known.arg(check).arg(home.path("completions"));
        match known.output() {
            Ok(out) if !check.is_empty() => assert!(out.status.success(), "{shell} {out:?}"),
            _ => eprintln!("SKIPPED: {shell} is not installed; its script is not parsed"),
        }
    }
}

#[test]
fn every_command_has_a_man_page() {
    let home = home();
    let ran = home.run(&["man", "pages"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for words in leaves() {
        let name = format!("pages/doorward-{}.1", words.join("-"));
        let page = home.read(&name);
        assert!(page.contains(".TH"), "{name} is missing");
        assert!(page.contains("Example"), "{name} has no example");
    }
    assert!(home.read("pages/doorward.1").contains(".TH"));
}

#[test]
fn settings_can_be_overridden_on_the_command_line() {
    let home = home();
    let door = home.serve_with(&[
        "--set",
        "listener.main.tls=off",
        "--set",
        "log.access=false",
        "--set",
        "limits.uri_bytes=300",
    ]);
    assert_eq!(
        door.ready["listeners"]["main"]["tls"], false,
        "{}",
        door.ready
    );
    let mut curl = crate::curl::command(None);
    let port = door.port("main");
    curl.arg(format!("http://localhost:{port}/{}", "a".repeat(400)));
    assert_eq!(crate::curl::run(curl).unwrap().status, 414);
    assert!(door.ready["listeners"]["plain"]["port"].as_u64().unwrap() > 0);
    assert!(door.ready["admin"]["port"].as_u64().unwrap() > 0);
}
