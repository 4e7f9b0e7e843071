//! How long a front may keep an answer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::client_certificates::pki::Ca;
use crate::door::{BASE, Home};
use crate::fronts::servers::{LISTENERS, start_one};
use crate::fronts::world::send;
use crate::peer::{Recorder, header};
use crate::signing::{Draft, add_key};
use crate::wait::until;

const REST: &str = r#"
[listener.asked]
kind = "forward-auth"
dialect = "nginx"
address = "127.0.0.1:0"
tls = "off"
trusted_peers = ["127.0.0.1"]
[listener.kept]
kind = "forward-auth"
dialect = "nginx"
address = "127.0.0.1:0"
tls = "off"
trusted_peers = ["127.0.0.1"]
cache = "5s"
[[route]]
path = "/orders"
scopes = ["orders:read"]
[[route]]
path = "/limited"
scopes = ["orders:read"]
max_body = 10
"#;

#[test]
fn g27_only_allowing_answers_are_kept_and_only_where_the_operator_says_so() {
    let home = Home::new(&format!("{}{REST}", BASE.replace("{upstream}", "1")));
    let key = home.key("orders:read");
    let short = [
        "--name",
        "short",
        "--scope",
        "orders:read",
        "--expires",
        "3s",
    ];
    let short = home.key_with(&short).0;
    let checked = home.run(&["check"]);
    assert!(
        checked.code == 0 && checked.out.contains("about bodies"),
        "{checked:?}"
    );
    let door = home.serve();
    let ask = |listener: &str, path: &str, key: &str| {
        let lines = [
            "GET / HTTP/1.1",
            "Host: doorward",
            "X-Original-Method: GET",
            &format!("X-Original-URI: {path}"),
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: h",
            "X-Forwarded-For: 192.0.2.1",
            &format!("X-API-Key: {key}"),
            "Connection: close",
        ];
        let bytes = format!("{}\r\n\r\n", lines.join("\r\n"));
        send(door.port(listener), bytes.as_bytes()).unwrap()
    };
    let asked = ask("asked", "/orders", &key);
    assert_eq!(
        (asked.status, asked.one("cache-control")),
        (200, "no-store")
    );
    assert!(asked.all("x-accel-expires").is_empty(), "{asked:?}");
    let kept = ask("kept", "/orders", &key);
    assert_eq!(kept.status, 200, "{kept:?}");
    assert_eq!(kept.one("cache-control"), "private, max-age=5");
    assert_eq!(kept.one("x-accel-expires"), "5");
    assert_eq!(kept.one("vary"), "x-api-key");
    // Never past the credential's end, if it has not come yet.
    let ends = ask("kept", "/orders", &short);
    let life = ends.one("cache-control");
    let longest = [
        "private, max-age=1",
        "private, max-age=2",
        "private, max-age=3",
        "no-store",
    ];
    assert!(longest.contains(&life), "{ends:?}");
    for (path, key) in [("/orders", "wrong"), ("/nothing", &key), ("/limited", &key)] {
        let refused = ask("kept", path, key);
        assert!([401, 403].contains(&refused.status), "{refused:?}");
        assert_eq!(refused.one("cache-control"), "no-store");
        assert!(refused.all("x-accel-expires").is_empty(), "{refused:?}");
    }
}

/// What nginx keeps is for one caller, one operation and one address, and is asked for once.
#[test]
fn g27_r112_nginx_keeps_answers_of_callers_apart() {
    let upstream = Recorder::start();
    let base = BASE.replace("{upstream}", &upstream.port.to_string());
    let listener = LISTENERS.replacen(
        "trusted_peers = [\"127.0.0.1\"]\n",
        "trusted_peers = [\"127.0.0.1\"]\ncache = \"30s\"\n",
        1,
    );
    let routes = REST.split_once("[[route]]").unwrap().1;
    let home = Home::new(&format!("{base}{listener}[[route]]{routes}"));
    let alice = home
        .key_with(&["--name", "alice", "--scope", "orders:read"])
        .0;
    let bob = home
        .key_with(&["--name", "bob", "--scope", "orders:read"])
        .0;
    let weak = home.key_with(&["--name", "weak", "--scope", "other"]).0;
    let door = home.serve();
    let cache = format!(
        "http {{\n    proxy_cache_path {}cache keys_zone=doorward:1m;\n",
        door.path("").display()
    );
    let edit = |text: &str| {
        let kept = format!("proxy_pass http://doorward/;\n{KEPT}");
        let text = text.replacen("proxy_pass http://doorward/;\n", &kept, 1);
        text.replacen("http {\n", &cache, 1)
    };
    let Some(front) = start_one(&door, "nginx", upstream.port, &edit) else {
        return;
    };
    let call = |key: &str| {
        let lines = format!(
            "GET /orders HTTP/1.1\r\nHost: h\r\nX-API-Key: {key}\r\nConnection: close\r\n\r\n"
        );
        let answer = send(front.port(), lines.as_bytes()).unwrap();
        let told = upstream.heads().pop();
        let told = told.and_then(|head| header(&head, "x-doorward-subject").map(str::to_owned));
        (answer.status, told)
    };
    let of = |name: &str| Some(name.to_owned());
    for _ in 0..3 {
        assert_eq!(call(&alice), (200, of("alice")));
        assert_eq!(call(&bob), (200, of("bob")));
        assert_eq!(call(&weak).0, 403);
        assert_eq!(call("wrong").0, 401);
    }
    // Of what is asked again, nothing was kept: this is recorded behind all others.
    assert_eq!(call("last").0, 401);
    let log = until("the last decision is recorded", || {
        let log = door.read("decisions.jsonl");
        (log.matches("\"outcome\":\"refused\"").count() == 7).then_some(log)
    });
    assert_eq!(log.matches("\"outcome\":\"allowed\"").count(), 2, "{log}");
    assert_eq!(upstream.count(), 6);
}

/// What the documentation says.
const KEPT: &str = r#"
            proxy_cache doorward;
            proxy_cache_key "$request_method $scheme $http_host $request_uri $remote_addr $http_authorization $http_x_api_key";
"#;

/// A signature is good once. A kept answer would admit its replays, and, where the key of what is
/// kept does not hold the signature, everybody who sends none.
#[test]
fn g27_an_answer_to_a_signed_call_is_never_kept() {
    let route = "[[route]]\npath = \"/signed\"\naccept = [\"message_signature\"]\n\
        scopes = [\"orders:read\"]\nsignature_head_only = true\n[message_signature]\n";
    let home = Home::new(&format!("{}{REST}{route}", BASE.replace("{upstream}", "1")));
    let (id, key) = add_key(&home, "ed25519", &["--scope", "orders:read"]);
    let door = home.serve();
    let signed = Draft::get("https://h/signed".to_owned(), &id, key).sign();
    let signed: Vec<String> = signed.iter().map(|(n, v)| format!("{n}: {v}")).collect();
    let lines = [
        "GET / HTTP/1.1",
        "Host: doorward",
        "X-Original-Method: GET",
        "X-Original-URI: /signed",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: h",
        "X-Forwarded-For: 192.0.2.1",
        &signed.join("\r\n"),
        "Connection: close",
    ];
    let bytes = format!("{}\r\n\r\n", lines.join("\r\n"));
    let answer = send(door.port("kept"), bytes.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.one("cache-control"), "no-store");
    assert!(answer.all("x-accel-expires").is_empty(), "{answer:?}");
    let again = send(door.port("kept"), bytes.as_bytes()).unwrap();
    assert_eq!(again.status, 401, "{again:?}");
}

/// What is counted must be asked for each time; and no cache compares certificates, to which a
/// token may be bound.
#[test]
fn g27_an_answer_under_a_limit_or_about_a_certificate_is_never_kept() {
    let more = "[limits.few]\ncalls = 1000\nper = \"1m\"\n\
        [[route]]\npath = \"/counted\"\nscopes = [\"orders:read\"]\nlimit = \"few\"\n";
    let known = REST.replacen(
        "cache = \"5s\"\n",
        "cache = \"5s\"\nclient_certificate_header = \"haproxy\"\nclient_ca = \"clients.pem\"\n",
        1,
    );
    let home = Home::new(&format!("{}{known}{more}", BASE.replace("{upstream}", "1")));
    let ca = Ca::new("Clients");
    home.write("clients.pem", &ca.pem);
    let certificate = STANDARD.encode(ca.uri("urn:example:anything").der);
    let key = home.key("orders:read");
    let door = home.serve();
    let ask = |path: &str, certificate: &str| {
        let lines = [
            "GET / HTTP/1.1",
            "Host: doorward",
            "X-Original-Method: GET",
            &format!("X-Original-URI: {path}"),
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: h",
            "X-Forwarded-For: 192.0.2.1",
            &format!("X-API-Key: {key}"),
            &format!("X-SSL-Client-Cert: {certificate}"),
            "Connection: close",
        ];
        let bytes = format!("{}\r\n\r\n", lines.join("\r\n"));
        let answer = send(door.port("kept"), bytes.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let kept = !answer.all("x-accel-expires").is_empty();
        assert_eq!(
            answer.one("cache-control") == "no-store",
            !kept,
            "{answer:?}"
        );
        kept
    };
    assert!(ask("/orders", ""));
    assert!(!ask("/counted", ""));
    assert!(!ask("/orders", &certificate));
}
