//! Requests signed in the style of AWS: bodies, links, the command, and clients of others.

use std::process::Command;

use doorward_crypto::sigv4::Payload;

use super::bodies::Taker;
use crate::curl::Answer;
use crate::door::{Door, Home, finish, text};
use crate::peer::{Recorder, python};
use crate::sigv4::{Draft, Pair, SECTION, add};

const PAGE: &str = include_str!("../../../../../docs/signatures.md");

const ROUTES: &str = r#"
[[route]]
path = "/orders/{*rest}"
accept = ["sigv4"]
scopes = ["orders:read"]
[[route]]
path = "/links/{*rest}"
accept = ["sigv4"]
scopes = ["orders:read"]
sigv4_presigned = "10m"
[[route]]
path = "/passed/{*rest}"
accept = ["sigv4"]
scopes = ["orders:read"]
sigv4_presigned = "10m"
pass_credential = true
[[route]]
path = "/unsigned"
accept = ["sigv4"]
scopes = ["orders:read"]
sigv4_unsigned_payload = true
"#;

fn door_before(port: u16) -> (Door, Pair) {
    let home = Home::before(port, &format!("{SECTION}{ROUTES}"));
    let pair = add(&home, &["--scope", "orders:read"]);
    home.write("secret", &pair.1);
    (home.serve(), pair)
}

fn world() -> (Recorder, Door, Pair) {
    let upstream = Recorder::start();
    let (door, pair) = door_before(upstream.port);
    (upstream, door, pair)
}

fn call(door: &Door, path: &str, args: &[String]) -> Answer {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    door.curl(path, &args)
}

/// Why a call was refused; nothing when it was not.
fn reason(door: &Door, answer: &Answer) -> String {
    if answer.status == 200 {
        return String::new();
    }
    let record = door.decision(&answer.decision_id());
    record["reason"].as_str().unwrap_or_default().to_owned()
}

/// A body that was signed, sent with another one or the same.
fn send(door: &Door, pair: &Pair, (signed, sent): (&[u8], &[u8]), how: &[&str]) -> Answer {
    let draft = Draft::get(door.url("/orders/new"), pair).post(Payload::of(signed));
    std::fs::write(door.path("body"), sent).unwrap();
    let mut args = draft.args();
    let body = format!("@{}", door.path("body").display());
    args.extend(["-X", "POST", "--data-binary", &body].map(str::to_owned));
    args.extend(how.iter().map(|arg| (*arg).to_owned()));
    call(door, "/orders/new", &args)
}

#[test]
fn r031_sigv4_an_altered_body_never_completes_upstream() {
    let upstream = Taker::start();
    let (door, pair) = door_before(upstream.port);
    let large: Vec<u8> = (0..400_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    for body in [b"{\"amount\": 100}".to_vec(), large] {
        for how in [
            &["--http1.1"][..],
            &["--http2"],
            &["--http1.1", "-H", "Transfer-Encoding: chunked"],
        ] {
            let answer = send(&door, &pair, (&body, &body), how);
            assert_eq!(answer.status, 200, "{how:?} {answer:?}");
            assert!(upstream.one().1, "{how:?}");
            let mut other = body.clone();
            let last = other.len() - 2;
            other[last] ^= 1;
            let answer = send(&door, &pair, (&body, &other), how);
            assert_eq!(answer.status, 401, "{how:?} {answer:?}");
            assert_eq!(answer.json()["code"], "body_altered", "{answer:?}");
            assert!(!upstream.one().1, "{how:?}");
        }
    }
}

#[test]
fn r031_sigv4_unsigned_bodies_pass_only_where_the_route_says_so() {
    let (_upstream, door, pair) = world();
    let ask = |path: &str, payload: &str| {
        let mut draft = Draft::get(door.url(path), &pair);
        draft.method = "POST";
        draft.payload = Payload::parse(payload).unwrap();
        let draft = draft
            .with("content-type", "text/plain")
            .with("x-amz-content-sha256", payload);
        let body = ["-X", "POST", "--data-raw", "hello"].map(str::to_owned);
        let answer = call(&door, path, &[draft.args(), body.to_vec()].concat());
        (answer.status, reason(&door, &answer))
    };
    assert_eq!(ask("/unsigned", "UNSIGNED-PAYLOAD").0, 200);
    let refused = (401, "sigv4_payload".to_owned());
    assert_eq!(ask("/orders/a", "UNSIGNED-PAYLOAD"), refused);
    assert_eq!(ask("/unsigned", "STREAMING-"), refused);
}

#[test]
fn r028_sigv4_the_command_signs_what_the_door_accepts() {
    let (upstream, door, (id, _)) = world();
    let url = door.url("/orders/a%20b?x=1&y=%2F");
    let base = [
        "--keyid",
        &id,
        "--alg",
        "aws4-hmac-sha256",
        "--secret-file",
        "secret",
        "--region",
        "eu-1",
        "--service",
        "orders",
    ];
    let shell = |line: &str| {
        let ca = door.ca().display().to_string();
        let mut shell = Command::new("sh");
        let line = line.replacen("curl ", &format!("curl -sS -i --cacert {ca} "), 1);
        shell.arg("-c").arg(&line);
        finish(shell)
    };
    for body in [
        &[][..],
        &["-d", "{\"it's\": 1}"],
        &["-d", "a=b", "-H", "X-One: 1"],
    ] {
        let line = door.run(&[&["sign", &url], &base[..], body].concat());
        assert_eq!(line.code, 0, "{line:?}");
        let ran = shell(line.out.trim());
        assert!(ran.out.starts_with("HTTP/2 200"), "{line:?} {ran:?}");
    }
    let link = door.url("/links/a?x=1");
    let line = door.run(&[&["sign", &link, "--presign", "5m"], &base[..]].concat());
    assert_eq!(line.code, 0, "{line:?}");
    for _ in 0..2 {
        let ran = shell(line.out.trim());
        assert!(ran.out.starts_with("HTTP/2 200"), "{line:?} {ran:?}");
    }
    let heads = upstream.heads().concat();
    assert!(heads.contains("GET /links/a?x=1 HTTP/1.1"), "{heads}");
    assert!(
        !heads.to_ascii_lowercase().contains("x-amz-signature"),
        "{heads}"
    );
    for wrong in [
        &["--alg", "aws4-hmac-sha256", "--secret-file", "secret"][..],
        &[
            "--alg",
            "hmac-sha256",
            "--secret-file",
            "secret",
            "--region",
            "a",
            "--service",
            "b",
        ],
    ] {
        let ran = door.run(&[&["sign", &url, "--keyid", &id], wrong].concat());
        assert_eq!(ran.code, 1, "{ran:?}");
    }
}

#[test]
fn g09_sigv4_a_link_is_good_for_its_time_and_ends_here() {
    let (upstream, door, (id, _)) = world();
    let sign = |path: &str, span: &str| {
        let url = door.url(path);
        let signed = door.json(&[
            "sign",
            &url,
            "--keyid",
            &id,
            "--alg",
            "aws4-hmac-sha256",
            "--secret-file",
            "secret",
            "--region",
            "eu-1",
            "--service",
            "orders",
            "--presign",
            span,
        ]);
        let link = text(&signed, "url");
        let (_, path) = link.split_once("localhost").unwrap();
        path[path.find('/').unwrap()..].to_owned()
    };
    let ask = |path: &str| {
        let answer = door.curl(path, &[]);
        (answer.status, reason(&door, &answer))
    };
    assert_eq!(ask(&sign("/links/a?x=1", "10m")).0, 200);
    assert_eq!(
        ask(&sign("/links/a", "11m")),
        (401, "sigv4_presigned".to_owned())
    );
    assert_eq!(
        ask(&sign("/orders/a", "1m")),
        (400, "credential_in_query".to_owned())
    );
    let altered = sign("/links/a?x=1", "1m").replace("x=1", "x=2");
    assert_eq!(ask(&altered), (401, "sigv4_forged".to_owned()));
    let longer = sign("/links/a", "1m").replace("Expires=60", "Expires=600");
    assert_eq!(ask(&longer), (401, "sigv4_forged".to_owned()));
    let twice = format!("{}&X-Amz-Expires=60", sign("/links/a", "1m"));
    assert_eq!(ask(&twice), (401, "sigv4_malformed".to_owned()));
    assert_eq!(ask(&sign("/passed/a", "1m")).0, 200);
    let heads = upstream.heads();
    assert_eq!(heads.len(), 2, "{heads:?}");
    assert!(
        !heads[0].to_ascii_lowercase().contains("x-amz-"),
        "{heads:?}"
    );
    assert!(heads[1].contains("X-Amz-Signature="), "{heads:?}");
    // Revoked is revoked, for links that are out as well.
    let link = sign("/links/a", "10m");
    assert_eq!(ask(&link).0, 200);
    door.json(&["client-key", "revoke", &id]);
    assert_eq!(ask(&link), (401, "credential_revoked".to_owned()));
}

#[test]
fn k08_sigv4_a_secret_is_sealed_and_shown_once() {
    let home = Home::before(1, &format!("{SECTION}{ROUTES}"));
    let (id, secret) = add(&home, &[]);
    assert_eq!(secret.len(), 40);
    for args in [&["client-key", "list"][..], &["client-key", "show", &id]] {
        let ran = home.run(args);
        let hidden = !ran.out.contains(&secret) && !ran.err.contains(&secret);
        assert!(ran.out.contains(&id) && hidden, "{ran:?}");
    }
    for (path, bytes) in crate::door::files(&home.path("")) {
        let holds = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!holds, "{}", path.display());
    }
}

#[test]
fn sigv4_the_configuration_says_whom_callers_sign_for() {
    for (section, wrong) in [
        ("[sigv4]\nregion = \"eu-1\"\n", "service"),
        (
            "[sigv4]\nregion = \"eu/1\"\nservice = \"orders\"\n",
            "region",
        ),
        (
            "[sigv4]\nregion = \"eu-1\"\nservice = \"o\"\nreplay = \"always\"\n",
            "replay",
        ),
        (
            "[sigv4]\nregion = \"eu-1\"\nservice = \"o\"\nmax_age = \"2h\"\n",
            "max_age",
        ),
        ("", "[sigv4]"),
    ] {
        let home = Home::before(1, &format!("{section}{ROUTES}"));
        let ran = home.run(&["check"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(
            format!("{}{}", ran.out, ran.err).contains(wrong),
            "{wrong} {ran:?}"
        );
    }
}

#[test]
fn sigv4_a_refusal_is_explained() {
    let (_upstream, door, pair) = world();
    let mut draft = Draft::get(door.url("/orders/a"), &pair);
    draft.place = "us-1/orders";
    let answer = call(&door, "/orders/a", &draft.args());
    let told = door.run(&["explain", &answer.decision_id()]);
    let told = told.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("sigv4_scope"), "{told}");
    assert!(told.contains("`region` and `service`"), "{told}");
}

/// curl signs by itself. Some releases sign a query as it is written, so it is written sorted.
#[test]
fn r028_sigv4_curl_is_let_in() {
    let (_upstream, door, (id, secret)) = world();
    let user = format!("{id}:{secret}");
    let sign = ["--aws-sigv4", "aws:amz:eu-1:orders", "--user", &user];
    let digest = format!("x-amz-content-sha256: {}", Payload::of(b"{}").to_field());
    let json = ["-H", "content-type: application/json"];
    for (path, more) in [
        ("/orders/a", &[][..]),
        ("/orders/a/b?a=1&b=2", &[]),
        (
            "/orders/new",
            &["-d", "{}", "-H", &digest, json[0], json[1]],
        ),
    ] {
        let answer = door.curl(path, &[&sign[..], more].concat());
        assert_eq!(answer.status, 200, "{path} {answer:?}");
    }
    let wrong = format!("{id}:{}", "x".repeat(40));
    let answer = door.curl("/orders/a", &[sign[0], sign[1], "--user", &wrong]);
    assert_eq!(reason(&door, &answer), "sigv4_forged");
}

/// The client of docs/signatures.md, as it stands there, with the library of AWS.
#[test]
fn r028_sigv4_the_documented_client_in_python_is_let_in() {
    let Some(python) = python() else { return };
    let asks = Command::new(&python)
        .args(["-c", "import botocore"])
        .output();
    if !asks.unwrap().status.success() {
        assert!(
            std::env::var_os("CI").is_none(),
            "botocore is not installed"
        );
        eprintln!("SKIPPED: there is no botocore; .ci/run installs it");
        return;
    }
    let (upstream, door, (id, secret)) = world();
    let (_, rest) = PAGE.split_once("<!-- sigv4 -->\n```python\n").unwrap();
    let code = rest.split_once("```").unwrap().0;
    let tail = "\nimport sys\nkind, method, url, body, keyid, secret = sys.argv[1:]\n\
        if kind == 'link': print(link(url, keyid, secret, 60))\n\
        else:\n for name, value in sign(method, url, body.encode(), keyid, secret).items(): print(f'{name}: {value}')\n";
    let run = |kind: &str, method: &str, url: &str, body: &str| {
        let mut command = Command::new(&python);
        command.arg("-c").arg(format!("{code}{tail}"));
        command.args([kind, method, url, body, &id, &secret]);
        let ran = finish(command);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.out
    };
    for (method, path, body) in [
        ("GET", "/orders/7", ""),
        ("GET", "/orders/a%20b?b=%2F&a=1&a=2", ""),
        ("POST", "/orders/new?x=1", "{\"amount\": 100}"),
    ] {
        let made = run("headers", method, &door.url(path), body);
        let mut args = vec!["-X", method];
        for line in made.lines() {
            args.extend(["-H", line]);
        }
        if !body.is_empty() {
            args.extend(["--data-raw", body]);
        }
        let answer = door.curl(path, &args);
        assert_eq!(answer.status, 200, "{path} {made} {answer:?}");
    }
    let link = run("link", "GET", &door.url("/links/7?x=%20"), "");
    let (_, path) = link.trim().split_once("localhost").unwrap();
    let answer = door.curl(&path[path.find('/').unwrap()..], &[]);
    assert_eq!(answer.status, 200, "{link} {answer:?}");
    assert_eq!(upstream.heads().len(), 4);
}
