//! Upstreams that are down, slow, or speak nonsense.

use std::net::TcpListener;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::curl::Answer;
use crate::door::{BASE, Door, Home};
use crate::peer::Recorder;

const ROUTE: &str = "[[route]]\npath = \"/{*p}\"\nscopes = [\"orders:read\"]\ntimeout = \"1s\"\n";

fn door(port: u16) -> (Door, String) {
    let home = Home::before(port, ROUTE);
    let key = home.key("orders:read");
    (home.serve(), key)
}

fn failed(got: &Answer, status: u16, code: &str) {
    assert_eq!(got.status, status, "{got:?}");
    assert_eq!(got.one("content-type"), "application/problem+json");
    assert_eq!(got.json()["code"], code, "{got:?}");
    for word in ["127.0.0.1", "hyper", "refused", "connect"] {
        assert!(
            !got.text().contains(word),
            "it tells of the inside: {got:?}"
        );
    }
}

#[test]
fn an_upstream_that_is_down_is_a_bad_gateway_and_comes_back() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let (door, key) = door(port);
    let got = door.bearer("/get", &key);
    failed(&got, 502, "upstream_failed");
    assert_eq!(door.decision(&got.decision_id())["outcome"], "allowed");
    let fault = door.record(&got.decision_id(), "fault");
    assert_eq!(fault["code"], "upstream_failed");
    assert_eq!(
        door.curl("/get", &[]).status,
        401,
        "who may not call learns nothing"
    );
    assert_eq!(door.admin("/readyz").status, 200);
    let back = TcpListener::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || {
        use std::io::Write;
        for mut stream in back.incoming().flatten() {
            let mut reader = std::io::BufReader::new(stream.try_clone().unwrap());
            if crate::peer::read_head(&mut reader).is_some() {
                let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        }
    });
    assert_eq!(door.bearer("/get", &key).status, 200);
}

#[test]
fn nonsense_from_an_upstream_is_a_bad_gateway() {
    for nonsense in [
        &b""[..],
        b"nonsense\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 999999 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ] {
        let upstream = Recorder::hanging_up(nonsense.to_vec());
        let (door, key) = door(upstream.port);
        let got = door.bearer("/get", &key);
        let shown = String::from_utf8_lossy(nonsense).into_owned();
        assert!(matches!(got.status, 502 | 504), "{shown:?} {got:?}");
        assert_eq!(got.one("content-type"), "application/problem+json");
    }
}

#[test]
fn an_answer_that_breaks_off_breaks_off_for_the_caller_too() {
    let upstream =
        Recorder::hanging_up(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort".to_vec());
    let (door, key) = door(upstream.port);
    for version in ["--http1.1", "--http2"] {
        let line = format!("X-API-Key: {key}");
        let got = door.try_curl("/get", &[version, "-H", &line]);
        assert!(
            got.is_err(),
            "{version}: half an answer looks whole: {got:?}"
        );
    }
}

#[test]
fn an_upstream_that_hangs_is_a_gateway_timeout() {
    let (_never, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Recorder::answering(move |_| {
        let _ended = wait.lock().unwrap().recv();
        Vec::new()
    });
    let (door, key) = door(upstream.port);
    let start = Instant::now();
    failed(&door.bearer("/get", &key), 504, "upstream_timeout");
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn r111_an_upstreams_certificate_is_checked() {
    let inner = Recorder::start();
    let public = "[[route]]\npath = \"/{*p}\"\npublic = true\n";
    let upstream = Home::before(inner.port, public).serve();
    let base = BASE.replace("http://127.0.0.1:{upstream}", &upstream.url(""));
    let home = Home::new(&format!("{base}{ROUTE}"));
    let key = home.key("orders:read");
    let strange = home.serve();
    failed(&strange.bearer("/get", &key), 502, "upstream_failed");
    assert!(inner.heads().is_empty());
    let ca = upstream.ca();
    let trusted = format!("{base}ca = \"{}\"\n{ROUTE}", ca.display());
    let home = Home::new(&trusted);
    let key = home.key("orders:read");
    let door = home.serve();
    assert_eq!(door.bearer("/get", &key).status, 200);
    let other = trusted.replace("https://localhost", "https://127.0.0.2");
    let home = Home::new(&other);
    let key = home.key("orders:read");
    let status = home.serve().bearer("/get", &key).status;
    assert_eq!(status, 502, "a name that the certificate does not have");
}
