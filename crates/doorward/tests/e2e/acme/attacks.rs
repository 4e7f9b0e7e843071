//! Handshakes and authorities that want something else than certificates.

use std::sync::{Arc, Condvar, Mutex};

use super::authority::{Authority, LONG};
use super::caller::{shake, validate};
use super::front::with_body;
use super::{HOST, home};
use crate::peer::Recorder;
use crate::wait::until;

/// 1.3.6.1.5.5.7.1.31, critical (RFC 8737 section 6.1).
const ACME_IDENTIFIER: &[u8] = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x1f\x01\x01\xff";

/// Something that is held back until the test lets it go.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn wait(&self) {
        let (open, changed) = &*self.0;
        let _open = changed
            .wait_while(open.lock().unwrap(), |open| !*open)
            .unwrap();
    }

    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

fn holds(der: &[u8], part: &[u8]) -> bool {
    der.windows(part.len()).any(|window| window == part)
}

#[test]
fn r110_a_challenge_is_answered_in_its_own_handshake_and_never_reaches_a_request() {
    let Some(authority) = Authority::start(LONG) else {
        return;
    };
    let upstream = Recorder::start();
    let gate = Gate::default();
    let held = gate.clone();
    // The answer is there before the authority hears that it is.
    authority.front.instead(move |asked| {
        if asked.path.starts_with("/chalZ/") {
            held.wait();
        }
        None
    });
    let door = home(&authority, upstream.port, "").serve();
    authority.sees(&door);
    until("the challenge is taken on", || {
        (authority.front.count("/chalZ/") > 0).then_some(())
    });
    let port = door.port("main");
    let mut seen = validate(port, Some(HOST), &["acme-tls/1"]).unwrap();
    assert_eq!(seen.protocol, "acme-tls/1");
    assert!(holds(&seen.leaf, ACME_IDENTIFIER));
    assert!(holds(&seen.leaf, HOST.as_bytes()));
    // Whatever is said behind it, nobody answers.
    let get = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    for bytes in [
        get.as_bytes(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    ] {
        let mut seen = validate(port, Some(HOST), &["acme-tls/1"]).unwrap();
        assert_eq!(seen.say(bytes), b"");
    }
    assert_eq!(seen.say(b"x"), b"");
    // The name is written in another case by some (RFC 4343).
    assert!(validate(port, Some("API.Example.COM"), &["acme-tls/1"]).is_ok());
    // Nobody else is shown the challenge's certificate, and there is no other yet.
    for (host, offered) in [
        (Some(HOST), &["http/1.1"] as &[&str]),
        (Some(HOST), &["h2", "http/1.1"]),
        (Some(HOST), &[]),
        (Some(HOST), &["acme-tls/1", "http/1.1"]),
        (Some(HOST), &["http/1.1", "acme-tls/1"]),
        (Some("other.example.com"), &["acme-tls/1"]),
        (Some("other.example.com"), &["http/1.1"]),
        (None, &["acme-tls/1"]),
        (None, &["http/1.1"]),
    ] {
        assert!(
            validate(port, host, offered).is_err(),
            "{host:?} {offered:?}"
        );
    }
    gate.open();
    let root = authority.root();
    let seen = until("a certificate is shown", || shake(&root, port, HOST).ok());
    assert!(!holds(&seen.leaf, ACME_IDENTIFIER));
    // The answer went with the challenge; a caller who offers both gets HTTP.
    assert!(validate(port, Some(HOST), &["acme-tls/1"]).is_err());
    let both = validate(port, Some(HOST), &["acme-tls/1", "http/1.1"]).unwrap();
    assert_eq!((both.protocol.as_str(), both.leaf), ("http/1.1", seen.leaf));
    assert!(upstream.heads().is_empty());
    assert_eq!(door.read("decisions.jsonl"), "");
}

#[test]
fn r110_a_caller_who_names_no_known_host_is_shown_no_certificate() {
    let Some(authority) = Authority::start(LONG) else {
        return;
    };
    let upstream = Recorder::start();
    let door = home(&authority, upstream.port, "").serve();
    authority.sees(&door);
    let (root, port) = (authority.root(), door.port("main"));
    until("a certificate is shown", || shake(&root, port, HOST).ok());
    for host in [
        "other.example.com",
        "example.com",
        "x.api.example.com",
        "localhost",
    ] {
        let refused = validate(port, Some(host), &["http/1.1"]).err();
        assert!(refused.is_some(), "{host}");
    }
    assert!(validate(port, None, &["http/1.1"]).is_err());
    assert!(validate(port, Some("API.example.com"), &["h2"]).is_ok());
    assert_eq!(door.read("decisions.jsonl"), "");
}

#[test]
fn r118_an_authority_cannot_send_the_door_to_other_places() {
    let Some(authority) = Authority::start(LONG) else {
        return;
    };
    let upstream = Recorder::start();
    let elsewhere = Recorder::start();
    let places = [
        format!("http://127.0.0.1:{}/nonce", elsewhere.port),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://10.0.0.1/nonce".to_owned(),
        "https://user:secret@127.0.0.1/nonce".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for place in places {
        let named = place.clone();
        authority
            .front
            .change(move |asked, answer| match asked.path.as_str() {
                "/dir" => with_body(&answer, |body| {
                    let mut directory: serde_json::Value = serde_json::from_str(body).unwrap();
                    directory["newNonce"] = named.clone().into();
                    directory.to_string()
                }),
                _ => answer,
            });
        let door = home(&authority, upstream.port, "").serve();
        door.until_said("no new certificate for api.example.com", 1);
        let said = door.read("stderr.log");
        assert!(said.contains("handshakes for it are refused"), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
    assert!(elsewhere.heads().is_empty());
}
