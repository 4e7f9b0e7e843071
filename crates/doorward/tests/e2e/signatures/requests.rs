//! What is signed, how callers are told, and the command that signs.

use crate::door::{Door, Home, text};
use crate::peer::Recorder;
use crate::signing::{self, Draft, Key, PRIVATE, add_key};

/// One route for signed requests, and one that asks for more.
pub(super) const ROUTES: &str = r#"
[message_signature]
tag = "orders-api"
[[route]]
path = "/orders/{*rest}"
accept = ["message_signature"]
scopes = ["orders:read"]
[[route]]
path = "/strict"
accept = ["message_signature", "api_key"]
scopes = ["orders:read"]
signature_components = ["content-type", "idempotency-key"]
[[route]]
path = "/passed"
scopes = ["orders:read"]
pass_credential = true
"#;

fn world() -> (Recorder, Door, (String, Key)) {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ROUTES);
    let key = add_key(&home, "ed25519", &["--scope", "orders:read"]);
    (upstream, home.serve(), key)
}

fn draft(door: &Door, path: &str, (id, key): &(String, Key)) -> Draft {
    Draft::get(door.url(path), id, key.clone())
        .with(|params| params.tag = Some("orders-api".to_owned()))
}

fn call(door: &Door, path: &str, args: &[String]) -> crate::curl::Answer {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    door.curl(path, &args)
}

fn reason(door: &Door, answer: &crate::curl::Answer) -> String {
    let record = door.decision(&answer.decision_id());
    record["reason"].as_str().unwrap().to_owned()
}

#[test]
fn r034_what_the_client_spelled_is_verified_whatever_is_forwarded() {
    let (upstream, door, key) = world();
    // Our spelling of the first is /orders/~a; what was signed is what was sent.
    for path in ["/orders/%7ea?q=%41", "/orders/a?x=1&x=2", "/orders/a?"] {
        let answer = call(&door, path, &draft(&door, path, &key).args());
        assert_eq!(answer.status, 200, "{path} {answer:?}");
    }
    let first = upstream.heads().remove(0);
    assert!(first.starts_with("GET /orders/~a?q=%41 "), "{first}");
    // Signed for one spelling, sent in another: only the same bytes are the same request.
    let signed = draft(&door, "/orders/~a", &key).args();
    let answer = call(&door, "/orders/%7ea", &signed);
    assert_eq!(reason(&door, &answer), "signature_forged");
}

#[test]
fn r029_a_query_that_was_not_signed_is_refused() {
    let (_upstream, door, key) = world();
    let signed = draft(&door, "/orders/a", &key).args();
    let answer = call(&door, "/orders/a?admin=true", &signed);
    assert_eq!(answer.status, 401);
    assert_eq!(reason(&door, &answer), "signature_components");
}

#[test]
fn r029_a_route_can_ask_for_more() {
    let (_upstream, door, key) = world();
    let mut good = draft(&door, "/strict", &key);
    good.headers = vec![
        ("content-type".to_owned(), "text/plain".to_owned()),
        ("idempotency-key".to_owned(), "\"one\"".to_owned()),
    ];
    let lacking = call(&door, "/strict", &good.args());
    assert_eq!(reason(&door, &lacking), "signature_components");
    let asked = lacking.one("accept-signature");
    let wanted = "sig1=(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\" \
                  \"content-type\" \"idempotency-key\");created;keyid;tag=\"orders-api\"";
    assert_eq!(asked, wanted);
    for form in [
        "idempotency-key",
        "\"idempotency-key\";sf",
        "\"idempotency-key\";bs",
    ] {
        let mut all = good.clone();
        all.params.nonce = Some(format!("of {}", form.replace('"', "")));
        all.cover
            .extend(["content-type".to_owned(), form.to_owned()]);
        let answer = call(&door, "/strict", &all.args());
        assert_eq!(answer.status, 200, "{form} {answer:?}");
    }
}

#[test]
fn r033_only_the_signature_with_our_tag_counts() {
    let (upstream, door, key) = world();
    let mut other = draft(&door, "/orders/a", &key)
        .with(|params| params.tag = Some("somebody-else".to_owned()));
    other.label = "theirs";
    let answer = call(&door, "/orders/a", &other.args());
    assert_eq!(
        (answer.status, reason(&door, &answer).as_str()),
        (401, "credential_missing")
    );
    // Theirs may even be one that we cannot read.
    let foreign = [
        "-H".to_owned(),
        "Signature-Input: theirs=(\"@status\" \"x\";req);foo=1;tag=\"somebody-else\"".to_owned(),
        "-H".to_owned(),
        "Signature: theirs=:AAAA:".to_owned(),
    ];
    let both = [draft(&door, "/orders/a", &key).args(), foreign.to_vec()].concat();
    assert_eq!(call(&door, "/orders/a", &both).status, 200);
    let mut second = draft(&door, "/orders/a", &key);
    second.label = "sig2";
    let two = [draft(&door, "/orders/a", &key).args(), second.args()].concat();
    let answer = call(&door, "/orders/a", &two);
    assert_eq!(
        (answer.status, reason(&door, &answer).as_str()),
        (400, "credentials_ambiguous")
    );
    let seen = upstream.heads().concat().to_ascii_lowercase();
    assert!(
        !seen.contains("\nsignature"),
        "the credential ends here: {seen}"
    );
}

#[test]
fn g09_a_signature_ends_here_unless_the_route_passes_it_on() {
    let (upstream, door, key) = world();
    let answer = call(&door, "/passed", &draft(&door, "/passed", &key).args());
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = upstream.heads().concat().to_ascii_lowercase();
    assert!(seen.contains("signature-input: "), "{seen}");
}

#[test]
fn r024_a_revoked_client_key_is_refused_on_the_next_request() {
    let (_upstream, door, key) = world();
    let signed = || draft(&door, "/orders/a", &key).args();
    assert_eq!(call(&door, "/orders/a", &signed()).status, 200);
    door.json(&["client-key", "revoke", &key.0]);
    let answer = call(&door, "/orders/a", &signed());
    assert_eq!(
        (answer.status, reason(&door, &answer).as_str()),
        (401, "credential_revoked")
    );
    // A new key works without a restart, and its id is taken for ever.
    let fresh = add_key(&door, "hmac-sha256", &["--scope", "orders:read"]);
    let answer = call(
        &door,
        "/orders/a",
        &draft(&door, "/orders/a", &fresh).args(),
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    let again = door.run(&[
        "client-key",
        "add",
        "--name",
        "x",
        "--keyid",
        &key.0,
        "--alg",
        "hmac-sha256",
    ]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.err.contains("has the id"), "{again:?}");
}

#[test]
fn r030_a_restart_does_not_make_old_requests_new() {
    let (_upstream, mut door, key) = world();
    let signed = draft(&door, "/orders/a", &key);
    let args = signed.args();
    assert_eq!(call(&door, "/orders/a", &args).status, 200);
    let made = signed.params.created.unwrap();
    crate::wait::until("the second is over", || {
        (crate::mint::now() > made).then_some(())
    });
    door.stop();
    door.restart();
    let answer = call(&door, "/orders/a", &args);
    assert_eq!(answer.status, 401);
    assert_eq!(reason(&door, &answer), "signature_before_start");
    assert_eq!(
        call(&door, "/orders/a", &draft(&door, "/orders/a", &key).args()).status,
        200
    );
}

#[test]
fn k08_a_shared_secret_is_sealed_and_shown_once() {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ROUTES);
    let (id, Key::Hmac(secret)) = add_key(&home, "hmac-sha256", &[]) else {
        panic!("a shared secret is made up")
    };
    use base64::Engine;
    let raw = base64::engine::general_purpose::STANDARD
        .decode(&secret)
        .unwrap();
    assert_eq!(raw.len(), 32);
    for args in [&["client-key", "list"][..], &["client-key", "show", &id]] {
        let ran = home.run(args);
        assert!(
            ran.out.contains(&id) && !ran.out.contains(&secret),
            "{ran:?}"
        );
    }
    for (path, bytes) in crate::door::files(&home.path("")) {
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(
            !holds(secret.as_bytes()) && !holds(&raw),
            "{}",
            path.display()
        );
    }
}

#[test]
fn r028_the_command_signs_what_the_door_accepts() {
    let (_upstream, door, (id, _)) = world();
    door.write("private.pem", PRIVATE);
    let (hmac, Key::Hmac(secret)) = add_key(&door, "hmac-sha256", &["--scope", "orders:read"])
    else {
        panic!("a shared secret is made up")
    };
    door.write("secret", &secret);
    for (keyid, key) in [
        (id.as_str(), ["--alg", "ed25519", "--key", "private.pem"]),
        (
            hmac.as_str(),
            ["--alg", "hmac-sha256", "--secret-file", "secret"],
        ),
    ] {
        let url = door.url("/orders/a?x=1");
        let mut args = vec!["sign", &url, "--keyid", keyid, "--tag", "orders-api"];
        args.extend(key);
        args.extend([
            "-d",
            "{\"it's\": 1}",
            "-H",
            "Content-Type: application/json",
        ]);
        args.extend(["--cover", "content-type"]);
        // The line is for a shell.
        let line = door.run(&args);
        assert_eq!(line.code, 0, "{line:?}");
        assert!(line.out.starts_with("curl -X POST "), "{line:?}");
        let mut shell = std::process::Command::new("sh");
        let ca = door.ca().display().to_string();
        let line = line
            .out
            .trim()
            .replacen("curl ", &format!("curl -sS -i --cacert {ca} "), 1);
        shell.arg("-c").arg(&line);
        let ran = crate::door::finish(shell);
        assert!(ran.out.starts_with("HTTP/2 200"), "{line} {ran:?}");
        let headers = door.json(&args)["headers"].clone();
        assert!(text(&headers, "signature-input").contains("\"content-type\""));
    }
    let wrong = door.run(&[
        "sign",
        "https://x.example/",
        "--keyid",
        "k",
        "--alg",
        "none",
    ]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
}

#[test]
fn r032_a_key_that_is_not_for_its_algorithm_is_not_added() {
    let home = Home::before(1, ROUTES);
    home.write("client.pub.pem", signing::PUBLIC);
    home.write("short", "c2hvcnQ=");
    for args in [
        &[
            "--alg",
            "ecdsa-p256-sha256",
            "--public-key",
            "client.pub.pem",
        ][..],
        &["--alg", "hmac-sha256", "--public-key", "client.pub.pem"],
        &["--alg", "hmac-sha256", "--secret-file", "short"],
        &["--alg", "ed25519"],
        &[
            "--alg",
            "ed25519",
            "--public-key",
            "client.pub.pem",
            "--keyid",
            "a/b",
        ],
    ] {
        let ran = home.run(&[&["client-key", "add", "--name", "x"], args].concat());
        assert_eq!(ran.code, 1, "{args:?} {ran:?}");
    }
    assert!(
        home.json(&["client-key", "list"])
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn r031_check_warns_where_signed_bodies_are_never_seen() {
    let listener = "[listener.auth]\naddress = \"127.0.0.1:0\"\ntls = \"off\"\n\
        kind = \"forward-auth\"\ndialect = \"nginx\"\ntrusted_peers = [\"127.0.0.1\"]\n";
    let home = Home::before(1, &format!("{listener}{ROUTES}"));
    let warned = |home: &Home| {
        let ran = home.run(&["check"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        format!("{}{}", ran.out, ran.err)
            .matches("signatures cover the body")
            .count()
    };
    assert_eq!(warned(&home), 3);
    let text = home.read("doorward.toml");
    home.write(
        "doorward.toml",
        &text.replace(
            "scopes = [\"orders:read\"]",
            "scopes = []\nsignature_head_only = true",
        ),
    );
    assert_eq!(warned(&home), 0);
}
