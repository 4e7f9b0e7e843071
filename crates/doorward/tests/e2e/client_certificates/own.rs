//! Certificates of our own authority: issued, used, revoked.

use std::os::unix::fs::PermissionsExt;

use super::pki::{Client, Pair, call, reason};
use crate::door::{Home, text};
use crate::peer::{Recorder, header};

const CONFIG: &str = r#"
[listener.main]
address = "127.0.0.1:0"
client_certificates = "optional"
client_ca = "self"
[listener.behind]
address = "127.0.0.1:0"
tls = "off"
trusted_terminators = ["127.0.0.1"]
client_certificate_header = "haproxy"
client_ca = "self"
[admin]
enabled = false
[issuer]
url = "https://door.example"
[state]
dir = "data"
[log]
decisions = "decisions.jsonl"
[upstream.default]
url = "http://127.0.0.1:{upstream}"
[[route]]
path = "/orders"
accept = ["mtls:self"]
scopes = ["orders:read"]
[[route]]
path = "/write"
accept = ["mtls"]
scopes = ["orders:write"]
"#;

fn home(port: u16) -> Home {
    Home::new(&CONFIG.replace("{upstream}", &port.to_string()))
}

/// Issues a certificate; its id and its files.
fn issue(home: &Home, args: &[&str]) -> (String, Pair) {
    let made = home.json(
        &[
            &[
                "cert",
                "issue",
                "--name",
                "billing",
                "--scope",
                "orders:read",
            ],
            args,
        ]
        .concat(),
    );
    let cert = text(&made, "certificate");
    let body: String = cert.lines().filter(|line| !line.starts_with('-')).collect();
    use base64::Engine;
    let der = base64::engine::general_purpose::STANDARD
        .decode(body)
        .unwrap();
    let pair = Pair {
        cert,
        key: text(&made, "key"),
        der,
    };
    (text(&made, "id"), pair)
}

#[test]
fn r035_a_certificate_of_our_own_opens_the_door_until_it_is_revoked() {
    let upstream = Recorder::start();
    let home = home(upstream.port);
    let (before, early) = issue(&home, &["--subject", "early"]);
    let door = home.serve();
    assert_eq!(call(&door, "/orders", &early, &[]).status, 200);
    // Issued while the server runs: it is known on the next request.
    let (id, pair) = issue(&door, &[]);
    let client = Client::new(&door, &pair);
    let mut open = client.open();
    assert_eq!(open.get("/orders"), 200);
    let head = upstream.heads().pop().unwrap();
    assert_eq!(header(&head, "x-doorward-subject"), Some("billing"));
    assert_eq!(header(&head, "x-doorward-issuer"), Some("client_ca:self"));
    assert_eq!(header(&head, "x-doorward-credential"), Some(id.as_str()));
    let denied = call(&door, "/write", &pair, &[]);
    assert_eq!(
        (denied.status, reason(&door, &denied).as_str()),
        (403, "insufficient_scope")
    );
    let revoked = door.json(&["cert", "revoke", &id]);
    assert_eq!(revoked["state"], "revoked");
    assert_eq!(revoked["servers_told"], 1);
    // The next request, on the connection that is open, on a resumed one, and on a new one.
    assert_eq!(open.get("/orders"), 401);
    assert_eq!(client.open().get("/orders"), 401);
    let refused = call(&door, "/orders", &pair, &[]);
    assert_eq!(reason(&door, &refused), "credential_revoked");
    assert_eq!(call(&door, "/orders", &early, &[]).status, 200);
    // Also where a terminator passes it on.
    use base64::Engine;
    let write = |pair: &Pair| {
        let der = base64::engine::general_purpose::STANDARD.encode(&pair.der);
        let url = format!("http://127.0.0.1:{}/orders", door.port("behind"));
        super::pki::curl(None, &["-H", &format!("X-SSL-Client-Cert: {der}"), &url]).unwrap()
    };
    assert_eq!(write(&early).status, 200);
    assert_eq!(write(&pair).status, 401);
    let listed = door.json(&["cert", "list"]);
    let state = |id: &str| {
        let all = listed.as_array().unwrap();
        all.iter().find(|one| one["id"] == id).unwrap()["state"].clone()
    };
    assert_eq!(
        (state(&before), state(&id)),
        ("live".into(), "revoked".into())
    );
    // Every change is in the audit log, and no private key is anywhere.
    let audit = door.read("data/audit.jsonl");
    for action in ["issue", "revoke"] {
        let line = |line: &str| line.contains(&id) && line.contains(action);
        assert!(audit.lines().any(line), "{action} {audit}");
    }
    let secret = pair.key.lines().nth(1).unwrap();
    for (path, bytes) in crate::door::files(&door.path("data")) {
        let found = bytes
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!found, "{}", path.display());
    }
}

#[test]
fn r035_our_authority_vouches_for_nothing_that_it_has_no_record_of() {
    let upstream = Recorder::start();
    let home = home(upstream.port);
    let (_, pair) = issue(&home, &[]);
    let door = home.serve();
    assert_eq!(call(&door, "/orders", &pair, &[]).status, 200);
    let ca = text(&door.json(&["cert", "ca"]), "certificate");
    assert_eq!(ca, text(&door.json(&["cert", "ca"]), "certificate"));
    let explain = |file: &str| {
        let args = [
            "explain",
            "https://localhost/orders",
            "--cert",
            file,
            "--json",
        ];
        let ran = door.run(&args);
        let said: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        (
            ran.code,
            said["reason"].as_str().unwrap_or("none").to_owned(),
        )
    };
    door.write("mine.pem", &pair.cert);
    assert_eq!(explain("mine.pem"), (0, "none".to_owned()));
    // Another state folder has another authority, of the same name.
    let stranger = Home::new(&CONFIG.replace("{upstream}", "1"));
    let (_, foreign) = issue(&stranger, &[]);
    assert_ne!(ca, text(&stranger.json(&["cert", "ca"]), "certificate"));
    door.write("foreign.pem", &foreign.cert);
    assert_eq!(
        explain("foreign.pem"),
        (1, "certificate_untrusted".to_owned())
    );
    let refused = call(&door, "/orders", &foreign, &[]);
    assert_eq!(reason(&door, &refused), "certificate_untrusted");
    // The record is gone, as after a restored backup.
    if !forget_records(&door) {
        return;
    }
    let mut door = door;
    door.stop();
    door.restart();
    let refused = call(&door, "/orders", &pair, &[]);
    assert_eq!(reason(&door, &refused), "certificate_not_issued");
}

/// Deletes the records behind the server's back.
fn forget_records(door: &Home) -> bool {
    let Some(python) = crate::peer::python() else {
        return false;
    };
    let code = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nc.execute('DELETE FROM issued_certificate')\nc.commit()\n";
    let mut command = std::process::Command::new(python);
    command
        .arg("-c")
        .arg(code)
        .arg(door.path("data/doorward.db"));
    command.status().unwrap().success()
}

#[test]
fn certificates_are_written_into_new_files_that_only_the_owner_reads() {
    let home = home(1);
    let args = [
        "cert", "issue", "--name", "billing", "--out", "billing", "--ttl", "1h",
    ];
    let made = home.json(&args);
    assert!(made.get("key").is_none(), "{made}");
    assert!(home.read("billing.pem").contains("BEGIN CERTIFICATE"));
    let mode = std::fs::metadata(home.path("billing.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = home.run(&args);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.err.contains("exists already"), "{again:?}");
    assert_eq!(home.json(&["cert", "list"]).as_array().unwrap().len(), 1);
    for bad in [
        &["cert", "issue", "--name", "a", "--ttl", "91d"][..],
        &["cert", "issue", "--name", "a", "--ttl", "0s"],
        &["cert", "issue"],
    ] {
        assert_eq!(home.run(bad).code, 2, "{bad:?}");
    }
    assert_eq!(home.run(&["cert", "issue", "--name", "a\nb"]).code, 1);
    assert_eq!(home.run(&["cert", "revoke", "crt_nobody"]).code, 1);
    let revoked = home.json(&["cert", "revoke", "billing"]);
    assert_eq!(revoked["state"], "revoked");
}
