//! Interim answers (RFC 9110 section 15.2) and answers without a body.

use std::io::{Read, Write};

use super::{ROUTE, connect};
use crate::door::Home;
use crate::peer::Recorder;

#[test]
fn r109_interim_answers_of_an_upstream_end_at_the_door() {
    let upstream = Recorder::answering(|_| {
        b"HTTP/1.1 102 Processing\r\n\r\n\
          HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-Early: 1\r\n\r\n\
          HTTP/1.1 103 Early Hints\r\nLink: </b.css>; rel=preload\r\n\r\n\
          HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            .to_vec()
    });
    let home = Home::before(upstream.port, ROUTE);
    let key = home.key("orders:read");
    let door = home.serve();
    for way in ["--http1.1", "--http2"] {
        // Twice: the kept connection to the upstream is not out of step.
        for _ in 0..2 {
            let answer = door.curl("/x", &[way, "-H", &format!("X-API-Key: {key}")]);
            assert_eq!((answer.status, answer.text()), (200, "ok".to_owned()));
            assert!(answer.all("x-early").is_empty(), "{answer:?}");
        }
    }
}

#[test]
fn r109_a_hundred_interim_answers_do_not_hold_a_call_up() {
    let upstream = Recorder::answering(|_| {
        let hints = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100);
        format!("{hints}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").into_bytes()
    });
    let home = Home::before(upstream.port, ROUTE);
    let key = home.key("orders:read");
    let door = home.serve();
    assert_eq!(door.bearer("/x", &key).status, 200);
}

#[test]
fn r109_only_a_call_that_is_allowed_hears_100_continue() {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ROUTE);
    let key = home.key("orders:read");
    let door = home.serve();
    for (key, first) in [(&*key, "HTTP/1.1 100 "), ("wrong", "HTTP/1.1 401 ")] {
        let mut stream = connect(&door);
        let head = format!(
            "POST /x HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\nExpect: 100-continue\r\n\
             Content-Length: 5\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut said = vec![0; first.len()];
        stream.read_exact(&mut said).unwrap();
        assert_eq!(String::from_utf8_lossy(&said), first);
    }
    // The upstream is not asked what the door has answered.
    assert!(
        !upstream
            .heads()
            .iter()
            .any(|head| head.to_ascii_lowercase().contains("expect"))
    );
}

#[test]
fn r109_head_and_range_pass_over_both() {
    let upstream = Recorder::answering(|head| {
        if head.starts_with("HEAD ") {
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nAccept-Ranges: bytes\r\n\r\n".to_vec()
        } else if head.to_ascii_lowercase().contains("range: bytes=2-4\r\n") {
            b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-4/1000\r\nContent-Length: 3\r\n\r\ncde"
                .to_vec()
        } else {
            b"HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 1000\r\n\r\n".to_vec()
        }
    });
    let home = Home::before(upstream.port, ROUTE);
    let key = home.key("orders:read");
    let door = home.serve();
    let key = format!("X-API-Key: {key}");
    for way in ["--http1.1", "--http2"] {
        let answer = door.curl("/x", &[way, "--head", "-H", &key]);
        assert_eq!(answer.one("content-length"), "1000");
        let answer = door.curl("/x", &[way, "-H", &key, "-H", "Range: bytes=2-4"]);
        assert_eq!((answer.status, answer.text()), (206, "cde".to_owned()));
        assert_eq!(answer.one("content-range"), "bytes 2-4/1000");
        let answer = door.curl("/x", &[way, "-H", &key, "-H", "If-None-Match: \"1\""]);
        assert_eq!((answer.status, answer.text()), (304, String::new()));
    }
}
