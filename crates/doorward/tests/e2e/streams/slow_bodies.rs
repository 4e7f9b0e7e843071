//! Bodies that a rule judges, and that outlast the credential they came with.

use std::io::Write;
use std::net::TcpStream;

use super::{connect, to_the_end};
use crate::door::{Door, Home};
use crate::peer::Recorder;

const JUDGED: &str = "[[route]]\npath = \"/judged\"\nmethods = [\"POST\"]\nscopes = [\"orders:read\"]\n\
                      [route.body]\nmembers = [\"/name\"]\n";

/// The beginning of a call whose body is judged.
fn begin(door: &Door, key: &str) -> TcpStream {
    let mut stream = connect(door);
    let head = format!(
        "POST /judged HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n\
         Content-Length: 13\r\nConnection: close\r\n\r\n{{\"name\""
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// The rest of its body; the answer.
fn end(mut stream: TcpStream) -> String {
    stream.write_all(b": \"x\"}").unwrap();
    String::from_utf8_lossy(&to_the_end(stream)).into_owned()
}

#[test]
fn r007_r102_a_judged_body_must_come_while_its_credential_lives() {
    let upstream = Recorder::start();
    // Whoever has begun may not go on: a call with such a body has not been allowed before its end.
    let limits = "[limits]\nlong_calls = \"run-on\"\n";
    let door = Home::before(upstream.port, &format!("{limits}{JUDGED}")).serve();
    let make = |name, more: &[&str]| {
        let args = [&["--name", name, "--scope", "orders:read"], more].concat();
        door.key_with(&args)
    };
    let (lives, revoked) = (make("lives", &[]), make("revoked", &[]));
    let short = make("short", &["--expires", "3s"]);
    let open = [&lives, &revoked, &short].map(|(key, _)| begin(&door, key));
    // All three were looked at while they lived: nothing has been answered.
    for stream in &open {
        stream.set_nonblocking(true).unwrap();
        let peeked = stream.peek(&mut [0]).unwrap_err();
        assert_eq!(peeked.kind(), std::io::ErrorKind::WouldBlock);
        stream.set_nonblocking(false).unwrap();
    }
    assert_eq!(door.run(&["key", "revoke", &revoked.1]).code, 0);
    door.until_key_is("short", "expired");
    let [lives, revoked, short] = open.map(end);
    assert!(lives.starts_with("HTTP/1.1 200"), "{lives}");
    for refused in [revoked, short] {
        assert!(
            refused.starts_with("HTTP/1.1 403") && refused.contains("credential_ended"),
            "{refused}"
        );
    }
    assert_eq!(upstream.heads().len(), 1);
}
