//! R102: members of bodies. G30: no body passes unjudged, however it comes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::Stand;
use crate::peer::{Recorder, httpbin};

const PROFILE: &str = "/anything/profile";

#[test]
fn r102_members_that_a_caller_may_not_set_are_refused() {
    let upstream = Recorder::start();
    let stand = Stand::before(upstream.port, "");
    for body in [
        "{}",
        r#"{"name":"Alice"}"#,
        r#"{"items":[{"sku":"a"},{"sku":"b"}]}"#,
        r#"{"name":{"first":"A"},"items":[]}"#,
    ] {
        let answer = stand.sends("PATCH", PROFILE, body);
        assert_eq!(answer.status, 200, "{body} {answer:?}");
    }
    let passed = upstream.heads().len();
    for body in [
        r#"{"role":"admin"}"#,
        r#"{"r\u006fle":"admin"}"#,
        r#"{"Role":"admin"}"#,
        r#"{"ROLE":"admin","name":"x"}"#,
        r#"{"role":"user","role":"admin"}"#,
        r#"{"is_admin":true}"#,
        r#"{"items":[{"sku":"a"},{"sku":"b","price":1}]}"#,
        r#"{"items":[{"Price":1}]}"#,
        r#"{"items":{"price":1}}"#,
        r#"{"items":{"0":{"price":1}}}"#,
        r#"{"items":[[{"price":1}]]}"#,
        r#"{"items":null}"#,
        r#"[{"role":"admin"}]"#,
        r#"[{"op":"replace","path":"/role","value":"admin"}]"#,
        r#"{"name":"x","__proto__":{"role":"admin"}}"#,
        r#""role""#,
    ] {
        let answer = stand.sends("PATCH", PROFILE, body);
        assert_eq!(answer.status, 403, "{body} {answer:?}");
        assert_eq!(answer.json()["code"], "body_field_denied", "{body}");
    }
    assert_eq!(upstream.heads().len(), passed, "nothing of it went on");
    let refused = stand.sends("PATCH", PROFILE, r#"{"role":"admin"}"#);
    assert_eq!(stand.reason(&refused), "body_field_denied");
    let admin = [
        "-X",
        "PATCH",
        "--json",
        r#"{"role":"admin","items":[{"price":1}]}"#,
    ];
    assert_eq!(stand.staff(PROFILE, &admin).status, 200);
    let unlisted = ["-X", "PATCH", "--json", r#"{"is_admin":true}"#];
    assert_eq!(stand.staff(PROFILE, &unlisted).status, 403);
    // A call without a body sets nothing.
    assert_eq!(stand.alice(PROFILE, &[]).status, 200);
}

#[test]
fn r102_a_public_sign_up_cannot_set_a_role() {
    let upstream = Recorder::start();
    let stand = Stand::before(upstream.port, "");
    let sign_up = |body: &str| {
        let args = ["--json", body];
        stand.door.curl("/anything/signup", &args).status
    };
    assert_eq!(sign_up(r#"{"name":"eve"}"#), 200);
    assert_eq!(sign_up(r#"{"name":"eve","role":"admin"}"#), 403);
    assert_eq!(upstream.heads().len(), 1);
}

#[test]
fn g30_bodies_that_cannot_be_read_are_refused() {
    let upstream = Recorder::start();
    let stand = Stand::before(upstream.port, "");
    let send = |headers: &[&str], body: &str| {
        let mut args = vec!["-X", "PATCH", "--data-binary", body];
        for header in headers {
            args.extend(["-H", header]);
        }
        let answer = stand.alice(PROFILE, &args);
        (answer.status, stand.reason(&answer))
    };
    let (json, name) = ("Content-Type: application/json", r#"{"name":"x"}"#);
    let refused = |status, reason: &str| (status, reason.to_owned());
    for coding in ["gzip", "identity", "br, gzip"] {
        let coding = format!("Content-Encoding: {coding}");
        assert_eq!(send(&[json, &coding], name), refused(415, "body_encoded"));
    }
    for media in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "application/json-patch+json",
        "multipart/form-data; boundary=x",
    ] {
        let media = format!("Content-Type: {media}");
        assert_eq!(send(&[&media], name), refused(415, "body_media_type"));
    }
    // An empty header takes curl's own away.
    assert_eq!(
        send(&["Content-Type:"], name),
        refused(415, "body_media_type")
    );
    let twice = ["Content-Type: text/plain", json];
    assert_eq!(send(&twice, name), refused(415, "body_media_type"));
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(2000));
    assert_eq!(send(&[json], &large), refused(413, "body_too_large"));
    let chunked = "Transfer-Encoding: chunked";
    let plain = ["--http1.1", "-X", "PATCH", "-H", json, "-H", chunked];
    let args = [&plain[..], &["--data-binary", &large]].concat();
    assert_eq!(stand.alice(PROFILE, &args).status, 413);
    let args = [
        "--http2",
        "-X",
        "PATCH",
        "-H",
        json,
        "--data-binary",
        &large,
    ];
    assert_eq!(stand.alice(PROFILE, &args).status, 413);
    assert!(upstream.heads().is_empty());
}

/// Sends bytes to the plain listener, and hangs up or waits; reads the answer to the end.
fn raw(stand: &Stand, head: &str, body: &[u8], hangs_up: bool) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", stand.door.port("plain"))).unwrap();
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).unwrap();
    let head = head.replace("\n", "\r\n");
    let lines = format!(
        "{head}Host: localhost\r\nConnection: upgrade, close\r\n{}\r\nContent-Type: application/json\r\n\r\n",
        stand.alice
    );
    stream.write_all(lines.as_bytes()).unwrap();
    let _written = stream.write_all(body);
    if hangs_up {
        let _half = stream.shutdown(std::net::Shutdown::Write);
    }
    let mut answer = Vec::new();
    let _ended = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.get(9..12).and_then(|text| text.parse().ok());
    (status.unwrap_or(0), answer)
}

#[test]
fn g30_broken_and_clever_framing_passes_nothing_unjudged() {
    let upstream = Recorder::start();
    let stand = Stand::before(upstream.port, "");
    let head = "PATCH /anything/profile HTTP/1.1\nTransfer-Encoding: chunked\n";
    for body in [
        &b"zz\r\n{}\r\n0\r\n\r\n"[..],
        b"2\r\n{}\r\n",
        b"2\r\n{}",
        b"ffffffffffffffff\r\n{}",
        b"5\r\n{\"a\"",
    ] {
        let (status, answer) = raw(&stand, head, body, true);
        assert!([400, 0].contains(&status), "{status} {answer}");
    }
    let short = "PATCH /anything/profile HTTP/1.1\nContent-Length: 20\n";
    let (status, answer) = raw(&stand, short, b"{}", true);
    assert!([400, 0].contains(&status), "{status} {answer}");
    // Split anywhere, the chunks are one body.
    let pieces: Vec<u8> = br#"{"role":"admin"}"#
        .iter()
        .flat_map(|byte| [b"1;x=y\r\n", &[*byte][..], b"\r\n"].concat())
        .chain(*b"0\r\n\r\n")
        .collect();
    assert_eq!(raw(&stand, head, &pieces, false).0, 403);
    assert!(upstream.heads().is_empty());
}

#[test]
fn g30_trailers_end_at_the_door() {
    let Some(port) = httpbin() else { return };
    let stand = Stand::before(port, "");
    let head = "PATCH /anything/profile HTTP/1.1\nTransfer-Encoding: chunked\nTrailer: x-late\n";
    let body = b"9\r\n{\"name\":1\r\n1\r\n}\r\n0\r\nx-late: 1\r\nx-doorward-subject: bob\r\n\r\n";
    let (status, answer) = raw(&stand, head, body, false);
    assert_eq!(status, 200, "{answer}");
    assert!(!answer.to_lowercase().contains("x-late"), "{answer}");
    assert!(answer.contains("\"Content-Length\": \"10\""), "{answer}");
    assert!(!answer.contains("bob"), "{answer}");
}

#[test]
fn g30_who_waits_for_100_continue_is_asked_for_the_body_that_is_judged() {
    let upstream = Recorder::start();
    let stand = Stand::before(upstream.port, "");
    let send = |body: &str| {
        let args = ["--http1.1", "-X", "PATCH", "-H", "Expect: 100-continue"];
        let json = [
            "-H",
            "Content-Type: application/json",
            "--data-binary",
            body,
        ];
        stand.alice(PROFILE, &[&args[..], &json].concat()).status
    };
    assert_eq!(send(r#"{"name":"x"}"#), 200);
    assert_eq!(send(r#"{"role":"x"}"#), 403);
    assert_eq!(upstream.heads().len(), 1);
    let head = upstream.heads().remove(0).to_lowercase();
    assert!(!head.contains("expect"), "{head}");
}

#[test]
fn g30_a_switch_to_another_protocol_is_no_way_around() {
    let upstream = Recorder::start();
    let stand = Stand::before(upstream.port, "");
    let head = "GET /anything/profile HTTP/1.1\nUpgrade: websocket\n\
                Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n";
    let (status, answer) = raw(&stand, head, b"", false);
    assert_eq!(status, 200, "an everyday answer: {answer}");
    for head in upstream.heads() {
        assert!(!head.to_lowercase().contains("upgrade:"), "{head}");
    }
}

#[test]
fn g30_a_body_that_does_not_come_is_given_up_and_recorded() {
    let upstream = Recorder::start();
    let stand = Stand::before(upstream.port, "[limits]\nbody_idle = \"300ms\"\n");
    let mut stream = TcpStream::connect(("127.0.0.1", stand.door.port("plain"))).unwrap();
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).unwrap();
    let head = format!(
        "PATCH /anything/profile HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n{}\r\n\
         Content-Type: application/json\r\n\r\n{{",
        stand.alice
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ended = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("body_timeout"), "{answer}");
    assert!(upstream.heads().is_empty());
    // Whoever hangs up is recorded as well.
    let mut stream = TcpStream::connect(("127.0.0.1", stand.door.port("plain"))).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    drop(stream);
    crate::wait::until("the record", || {
        let log = stand.door.read("decisions.jsonl");
        log.contains("body_unfinished").then_some(())
    });
}

#[test]
fn g30_all_held_bodies_together_are_bounded() {
    let upstream = Recorder::start();
    let stand = Stand::before(
        upstream.port,
        "[limits]\nheld_bodies = 1048576\n[[route]]\npath = \"/big\"\nscopes = [\"orders\"]\n\
         max_body = 1000000\nbody = { members = [\"/a\"] }\n",
    );
    let open = |bytes: usize| {
        let mut stream = TcpStream::connect(("127.0.0.1", stand.door.port("plain"))).unwrap();
        let head = format!(
            "POST /big HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{}\r\n\
             Content-Type: application/json\r\n\r\n",
            bytes + 2,
            stand.alice
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&vec![b' '; bytes]).unwrap();
        stream
    };
    let mut first = open(900_000);
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(300_000));
    stand.door.write("body.json", &body);
    let file = format!("@{}", stand.door.path("body.json").display());
    let json = "Content-Type: application/json";
    let small = ["-H", json, "--data-binary", &file];
    // The first body has been read as far as it came when there is no room for another.
    let refused = crate::wait::until("the room is full", || {
        let answer = stand.alice("/big", &small);
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.json()["code"], "unavailable");
    // It is given back.
    first.write_all(b"{}").unwrap();
    let mut answer = [0; 12];
    first.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    crate::wait::until("there is room again", || {
        (stand.alice("/big", &small).status == 200).then_some(())
    });
}
