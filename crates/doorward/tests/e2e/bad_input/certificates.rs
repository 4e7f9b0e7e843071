//! Certificates that do not fit, and certificates that change.

use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::curl;
use crate::door::{Door, Home};
use crate::peer::Recorder;
use crate::wait::until;

const CONFIG: &str = r#"
[listener.main]
address = "127.0.0.1:0"
cert = "cert.pem"
key = "key.pem"
[admin]
enabled = false
[state]
dir = "data"
[log]
decisions = "off"
[upstream.default]
url = "http://127.0.0.1:{upstream}"
[[route]]
path = "/{*p}"
public = true
"#;

fn pair() -> (String, String) {
    let names = vec!["localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    (cert.pem(), signing_key.serialize_pem())
}

fn home(port: u16) -> Home {
    Home::new(&CONFIG.replace("{upstream}", &port.to_string()))
}

#[test]
fn a_certificate_that_does_not_fit_is_said_at_the_start() {
    let home = home(1);
    let ((one, one_key), (_, two_key)) = (pair(), pair());
    let cut = &one[..one.len() / 2];
    for (what, cert, key) in [
        ("another key", one.as_str(), two_key.as_str()),
        ("empty", "", &one_key),
        ("no key", &one, ""),
        ("garbage", "garbage", "garbage"),
        ("cut off", cut, &one_key),
        ("swapped", &one_key, &one),
        (
            "not DER",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            &one_key,
        ),
    ] {
        home.write("cert.pem", cert);
        home.write("key.pem", key);
        let ran = home.run(&["serve", "--ready-file", "ready.json"]);
        assert_eq!(ran.code, 1, "{what}: {ran:?}");
        assert!(ran.err.contains("listener.main"), "{what}: {ran:?}");
        let (cert, key) = (ran.err.contains("cert.pem"), ran.err.contains("key.pem"));
        assert!(cert || key, "{what}: {ran:?}");
        if what == "another key" {
            assert!(ran.err.contains("does not belong"), "{ran:?}");
            assert!(cert && key, "both files are named: {ran:?}");
        }
        assert!(
            !ran.err.contains("PRIVATE"),
            "{what}: the key is shown: {ran:?}"
        );
        assert!(
            !home.path("ready.json").exists(),
            "{what}: it says it is ready"
        );
    }
    std::fs::remove_file(home.path("key.pem")).unwrap();
    let ran = home.run(&["serve"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("key.pem"), "{ran:?}");
}

fn serves(door: &Door, trusted: &str) -> bool {
    door.write("trusted.pem", trusted);
    let mut curl = curl::command(Some(&door.path("trusted.pem")));
    curl.arg(door.url("/"));
    curl::run(curl).is_ok_and(|got| got.status == 200)
}

#[test]
fn a_new_certificate_is_shown_without_a_restart_and_a_wrong_one_is_not() {
    let upstream = Recorder::start();
    let home = home(upstream.port);
    let ((one, one_key), (two, two_key)) = (pair(), pair());
    home.write("cert.pem", &one);
    home.write("key.pem", &one_key);
    let door = home.serve();
    assert!(serves(&door, &one) && !serves(&door, &two));
    // Half of the change: the certificate is there before its key.
    door.write("cert.pem", &two);
    door.until_said("reload refused, the old configuration stays", 1);
    assert!(
        serves(&door, &one),
        "a certificate without its key is shown"
    );
    door.write("key.pem", &two_key);
    until("the new certificate is shown", || {
        serves(&door, &two).then_some(())
    });
    door.write("cert.pem", "garbage");
    door.until_said("reload refused, the old configuration stays", 2);
    assert!(serves(&door, &two));
}

#[test]
fn only_modern_tls_is_spoken() {
    let upstream = Recorder::start();
    let home = home(upstream.port);
    let (cert, key) = pair();
    home.write("cert.pem", &cert);
    home.write("key.pem", &key);
    let door = home.serve();
    let call = |args: &[&str]| {
        let mut curl = curl::command(Some(&door.path("cert.pem")));
        curl.args(args).arg(door.url("/"));
        curl::run(curl).is_ok()
    };
    assert!(call(&["--tlsv1.3"]));
    assert!(call(&["--tlsv1.2", "--tls-max", "1.2"]));
    let old = [
        "--tlsv1.0",
        "--tls-max",
        "1.1",
        "--ciphers",
        "DEFAULT@SECLEVEL=0",
    ];
    assert!(!call(&old));
    let mut plain = curl::command(None);
    let port = door.port("main");
    plain.args(["--max-time", "10"]);
    plain.arg(format!("http://localhost:{port}/"));
    assert!(curl::run(plain).is_err(), "plain HTTP on a TLS port");
    assert!(call(&[]), "and it still serves");
}
