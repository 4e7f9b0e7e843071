//! What a certificate opens, and what it does not.

use super::pki::{Ca, call, curl, in_days, reason, san_uri, try_call};
use crate::door::{Door, Home};
use crate::peer::{Recorder, header};
use crate::wait::until;

const CONFIG: &str = r#"
[listener.main]
address = "127.0.0.1:0"
client_certificates = "{mode}"
client_ca = "clients.pem"
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
[[client_certificate]]
uri = "spiffe://example.org/billing"
subject = "billing"
scopes = ["orders:read"]
[[route]]
path = "/mtls"
accept = ["mtls"]
scopes = ["orders:read"]
[[route]]
path = "/write"
accept = ["mtls:clients.pem"]
scopes = ["orders:write"]
[[route]]
path = "/key"
scopes = ["orders:read"]
[[route]]
path = "/both"
accept = ["mtls", "api_key"]
scopes = ["orders:read"]
[[route]]
path = "/public"
public = true
"#;

pub(super) const BILLING: &str = "spiffe://example.org/billing";

struct World {
    door: Door,
    upstream: Recorder,
    ca: Ca,
    key: String,
}

fn world(mode: &str) -> World {
    let upstream = Recorder::start();
    let config = CONFIG
        .replace("{mode}", mode)
        .replace("{upstream}", &upstream.port.to_string());
    let home = Home::new(&config);
    let ca = Ca::new("Clients");
    home.write("clients.pem", &ca.pem);
    let key = home.key("orders:read");
    World {
        door: home.serve(),
        upstream,
        ca,
        key,
    }
}

#[test]
fn r035_a_certificate_of_the_authority_opens_the_door() {
    let World {
        door, upstream, ca, ..
    } = world("optional");
    let pair = ca.uri(BILLING);
    for version in ["--http1.1", "--http2"] {
        let answer = call(&door, "/mtls", &pair, &[version]);
        assert_eq!(answer.status, 200, "{answer:?}");
        let head = upstream.heads().pop().unwrap();
        assert_eq!(header(&head, "x-doorward-subject"), Some("billing"));
        assert_eq!(header(&head, "x-doorward-method"), Some("mtls"));
        assert_eq!(header(&head, "x-doorward-scopes"), Some("orders:read"));
        let issuer = Some("client_ca:clients.pem");
        assert_eq!(header(&head, "x-doorward-issuer"), issuer);
        let id = header(&head, "x-doorward-credential").unwrap();
        assert!(id.starts_with("crt_") && id.len() == 22, "{id}");
        let refused = call(&door, "/write", &pair, &[version]);
        assert_eq!(
            (refused.status, reason(&door, &refused).as_str()),
            (403, "insufficient_scope")
        );
    }
    for tls in [&["--tlsv1.3"][..], &["--tls-max", "1.2"]] {
        assert_eq!(call(&door, "/mtls", &pair, tls).status, 200);
    }
}

#[test]
fn r035_without_a_good_certificate_the_door_stays_shut() {
    let World {
        door, ca, upstream, ..
    } = world("optional");
    let none = door.curl("/mtls", &[]);
    assert_eq!(
        (none.status, reason(&door, &none).as_str()),
        (401, "credential_missing")
    );
    assert_eq!(
        none.all("www-authenticate"),
        ["ClientCertificate realm=\"doorward\""]
    );
    let stranger = Ca::new("Clients");
    let server = ca.leaf(1, |params| {
        params.subject_alt_names = vec![san_uri(BILLING)];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    let old = ca.leaf(1, |params| {
        params.subject_alt_names = vec![san_uri(BILLING)];
        in_days(-1)(params);
    });
    let early = ca.leaf(1, |params| {
        params.subject_alt_names = vec![san_uri(BILLING)];
        in_days(1)(params);
    });
    for (pair, code, why) in [
        (
            &stranger.uri(BILLING),
            "credential_invalid",
            "certificate_untrusted",
        ),
        (&server, "credential_invalid", "certificate_untrusted"),
        (&old, "credential_expired", "credential_expired"),
        (&early, "credential_invalid", "credential_not_yet_valid"),
        (
            &ca.uri("spiffe://example.org/other"),
            "credential_invalid",
            "certificate_unmapped",
        ),
        (
            &ca.uri("spiffe://example.org/billin"),
            "credential_invalid",
            "certificate_unmapped",
        ),
        (
            &ca.leaf(1, |_| ()),
            "credential_invalid",
            "certificate_unmapped",
        ),
    ] {
        for version in ["--http1.1", "--http2"] {
            let answer = call(&door, "/mtls", pair, &[version]);
            assert_eq!(answer.status, 401, "{answer:?}");
            assert_eq!(answer.json()["code"], code, "{answer:?}");
            assert_eq!(reason(&door, &answer), why);
        }
    }
    assert!(upstream.heads().is_empty());
}

#[test]
fn r035_where_one_is_required_a_wrong_one_ends_the_handshake() {
    let World {
        door, ca, upstream, ..
    } = world("required");
    assert_eq!(call(&door, "/mtls", &ca.uri(BILLING), &[]).status, 200);
    assert_eq!(
        call(&door, "/public", &ca.uri("spiffe://example.org/a"), &[]).status,
        200
    );
    let served = upstream.heads().len();
    assert!(door.try_curl("/public", &[]).is_err());
    let old = ca.leaf(1, |params| {
        params.subject_alt_names = vec![san_uri(BILLING)];
        in_days(-1)(params);
    });
    for pair in [&old, &Ca::new("Clients").uri(BILLING)] {
        for tls in [&["--tlsv1.3"][..], &["--tls-max", "1.2"]] {
            let refused = try_call(&door, "/public", pair, tls);
            assert!(refused.is_err(), "{refused:?}");
        }
    }
    assert_eq!(upstream.heads().len(), served);
}

#[test]
fn r035_a_certificate_beside_a_credential_is_a_second_one_only_where_it_counts() {
    let World { door, ca, key, .. } = world("optional");
    let pair = ca.uri(BILLING);
    let send = format!("X-API-Key: {key}");
    let bearer = format!("Authorization: Bearer {key}");
    for credential in [&send, &bearer] {
        let with = ["-H", credential.as_str()];
        // The certificate means nothing here, whoever made it.
        assert_eq!(call(&door, "/key", &pair, &with).status, 200);
        assert_eq!(
            call(&door, "/key", &Ca::new("x").uri(BILLING), &with).status,
            200
        );
        for path in ["/both", "/mtls"] {
            let answer = call(&door, path, &pair, &with);
            assert_eq!(answer.status, 400, "{path} {answer:?}");
            assert_eq!(reason(&door, &answer), "credentials_ambiguous");
        }
        let alone = door.curl("/both", &with);
        assert_eq!(alone.status, 200);
    }
    // It stands in for no other credential.
    let missing = call(&door, "/key", &pair, &[]);
    assert_eq!(
        (missing.status, reason(&door, &missing).as_str()),
        (401, "credential_missing")
    );
    assert_eq!(call(&door, "/both", &pair, &[]).status, 200);
    let nowhere = call(&door, "/nowhere", &pair, &[]);
    assert_eq!(
        (nowhere.status, reason(&door, &nowhere).as_str()),
        (403, "no_rule")
    );
}

#[test]
fn g28_a_request_for_another_host_than_the_handshakes_is_misdirected() {
    let World { door, ca, .. } = world("optional");
    let pair = ca.uri(BILLING);
    for version in ["--http1.1", "--http2"] {
        for (host, status) in [
            ("localhost", 200),
            ("LOCALHOST", 200),
            ("localhost:1", 200),
            ("other.example", 421),
            ("127.0.0.1", 421),
        ] {
            let host = format!("Host: {host}");
            let answer = call(&door, "/mtls", &pair, &[version, "-H", &host]);
            assert_eq!(answer.status, status, "{version} {host} {answer:?}");
            if status == 421 {
                assert_eq!(answer.json()["code"], "misdirected");
                assert_eq!(reason(&door, &answer), "host_misdirected");
            }
        }
    }
    // Without a name in the handshake only an address may be asked for.
    let args = pair.args(&door, "caller");
    let url = format!("https://127.0.0.1:{}/mtls", door.port("main"));
    let ca_file = door.ca();
    for (host, status) in [("Host: 127.0.0.1", 200), ("Host: localhost", 421)] {
        let mut all: Vec<&str> = args.iter().map(String::as_str).collect();
        all.extend(["-H", host, url.as_str()]);
        let answer = curl(Some(&ca_file), &all).unwrap();
        assert_eq!(answer.status, status, "{host} {answer:?}");
    }
}

#[test]
fn r035_what_the_authority_file_says_now_counts_on_open_connections() {
    let World { door, ca, .. } = world("optional");
    let pair = ca.uri(BILLING);
    assert_eq!(call(&door, "/mtls", &pair, &[]).status, 200);
    let mut open = super::pki::Open::new(&door, &pair);
    assert_eq!(open.get("/mtls"), 200);
    let other = Ca::new("Others");
    door.write("clients.pem", &other.pem);
    door.until_said("configuration reloaded", 1);
    assert_eq!(
        open.get("/mtls"),
        401,
        "an open connection keeps trust alive"
    );
    assert_eq!(call(&door, "/mtls", &pair, &[]).status, 401);
    assert_eq!(call(&door, "/mtls", &other.uri(BILLING), &[]).status, 200);
    door.write("clients.pem", "garbage");
    door.until_said("reload refused, the old configuration stays", 1);
    assert_eq!(call(&door, "/mtls", &other.uri(BILLING), &[]).status, 200);
    door.write("clients.pem", &ca.pem);
    until("the first authority is trusted again", || {
        (open.get("/mtls") == 200).then_some(())
    });
}

#[test]
fn r035_certificates_made_by_openssl_are_read() {
    let World { door, .. } = world("optional");
    let openssl = |args: &[&str]| {
        let mut command = std::process::Command::new("openssl");
        command.args(args).current_dir(door.path(""));
        let ran = command.output();
        ran.is_ok_and(|ran| {
            assert!(
                ran.status.success(),
                "{args:?} {}",
                String::from_utf8_lossy(&ran.stderr)
            );
            true
        })
    };
    if !openssl(&["version"]) {
        eprintln!("SKIPPED: no openssl");
        return;
    }
    for algorithm in ["rsa:2048", "ec", "ed25519"] {
        let mut make = vec![
            "req",
            "-x509",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=Made by openssl",
        ];
        let curve = ["-pkeyopt", "ec_paramgen_curve:P-384"];
        let key = ["-newkey", algorithm];
        make.extend(key);
        if algorithm == "ec" {
            make.extend(curve);
        }
        make.extend(["-keyout", "o.key", "-out", "o.pem"]);
        openssl(&make);
        let mut ask = vec!["req", "-nodes", "-subj", "/CN=c", "-keyout", "caller.key"];
        ask.extend(key);
        if algorithm == "ec" {
            ask.extend(curve);
        }
        ask.extend(["-out", "c.csr"]);
        openssl(&ask);
        let names =
            "subjectAltName=URI:spiffe://example.org/billing\nextendedKeyUsage=clientAuth\n";
        door.write("ext.cnf", names);
        openssl(&[
            "x509",
            "-req",
            "-in",
            "c.csr",
            "-CA",
            "o.pem",
            "-CAkey",
            "o.key",
            "-days",
            "1",
            "-CAcreateserial",
            "-extfile",
            "ext.cnf",
            "-out",
            "caller.pem",
        ]);
        let made = door.read("o.pem");
        let times = door
            .read("stderr.log")
            .matches("configuration reloaded")
            .count();
        door.write("clients.pem", &made);
        door.until_said("configuration reloaded", times + 1);
        let path = |name: &str| door.path(name).display().to_string();
        let (cert, key) = (path("caller.pem"), path("caller.key"));
        let answer = door.curl("/mtls", &["--cert", &cert, "--key", &key]);
        assert_eq!(answer.status, 200, "{algorithm} {answer:?}");
    }
}
