//! Streams that outlive their credential, and peers that send or read next to nothing.

use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::door::{Door, Home};
use crate::peer::read_head;
use crate::wait::PATIENCE;

mod flood;
mod http2;
mod interim;
mod slow;
mod slow_bodies;
mod websocket;

const ROUTE: &str = "[[route]]\npath = \"/{*path}\"\nscopes = [\"orders:read\"]\n";

/// An upstream whose answers never end: events, a WebSocket, or silence while it reads.
fn endless() -> u16 {
    let socket = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in socket.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

fn serve(mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let Some(head) = read_head(&mut reader) else {
        return;
    };
    let chunk: &[u8] = if head.starts_with("GET /ws") {
        let agreed = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\
                      Upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n";
        stream.write_all(agreed.as_bytes()).unwrap();
        b"\x81\x05tick\n"
    } else if head.starts_with("GET /events") {
        let start = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(start.as_bytes()).unwrap();
        b"5\r\ntick\n\r\n"
    } else if head.starts_with("GET /zeros") {
        let start = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(start.as_bytes()).unwrap();
        let block = [b"10000\r\n", &[b'0'; 65536][..], b"\r\n"].concat();
        while stream.write_all(&block).is_ok() {}
        return;
    } else if head.starts_with("HEAD /short") {
        let _sent =
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n");
        return;
    } else if head.starts_with("GET /short") {
        let _sent = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        return;
    } else {
        let _read = reader.read_to_end(&mut Vec::new());
        return;
    };
    while stream.write_all(chunk).is_ok() {
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// A connection to the plain listener.
fn connect(door: &Door) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", door.port("plain"))).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

const WEBSOCKET: &str = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Opens a stream that brings something for ever.
fn open(door: &Door, path: &str, key: &str) -> TcpStream {
    let mut stream = connect(door);
    let more = if path == "/ws" { WEBSOCKET } else { "" };
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n{more}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut seen = Vec::new();
    let mut piece = [0; 512];
    while !seen.windows(4).any(|four| four == b"tick") {
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "{path}: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&piece[..read]);
    }
    stream
}

/// Reads until the stream breaks off, and returns what came.
fn to_the_end(mut stream: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let mut piece = [0; 4096];
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < PATIENCE, "it goes on and on");
        match stream.read(&mut piece) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("nothing ends it")
            }
            Ok(0) | Err(_) => return rest,
            Ok(read) => rest.extend_from_slice(&piece[..read]),
        }
    }
}

/// Opens an upload that sends a little again and again, until it is answered.
fn upload(door: &Door, key: &str) -> String {
    let mut stream = connect(door);
    let head = format!(
        "POST /upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        let start = Instant::now();
        while start.elapsed() < PATIENCE && writer.write_all(b"5\r\nhello\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(30));
        }
    });
    let answer = to_the_end(stream);
    sending.join().unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn r109_streams_end_with_their_credential() {
    let door = Home::before(endless(), ROUTE).serve();
    let (key, _) = door.key_with(&["--name", "k", "--scope", "orders:read", "--expires", "4s"]);
    let start = Instant::now();
    let streams = ["/events", "/ws"].map(|path| open(&door, path, &key));
    let uploaded = upload(&door, &key);
    assert!(
        uploaded.starts_with("HTTP/1.1 403") && uploaded.contains("credential_ended"),
        "{uploaded}"
    );
    for stream in streams {
        let rest = to_the_end(stream);
        // A reader can tell that this was not the end.
        assert!(!rest.ends_with(b"0\r\n\r\n"));
    }
    let took = start.elapsed();
    assert!((2..8).contains(&took.as_secs()), "{took:?}");
}

#[test]
fn r109_streams_end_when_their_credential_is_revoked_and_others_go_on() {
    let door = Home::before(endless(), ROUTE).serve();
    let make = |name| door.key_with(&["--name", name, "--scope", "orders:read"]);
    let (gone, stays) = (make("gone"), make("stays"));
    let (token, jti) = door.token(&["--sub", "t", "--scope", "orders:read"]);
    let keys = ["/events", "/ws"].map(|path| open(&door, path, &gone.0));
    let tokens = ["/events", "/ws"].map(|path| open(&door, path, &token));
    let mut others = ["/events", "/ws"].map(|path| open(&door, path, &stays.0));
    let upload = std::thread::scope(|scope| {
        let upload = scope.spawn(|| upload(&door, &gone.0));
        assert_eq!(door.run(&["key", "revoke", &gone.1]).code, 0);
        let told = Instant::now();
        for stream in keys {
            to_the_end(stream);
        }
        assert!(
            told.elapsed() < Duration::from_secs(2),
            "{:?}",
            told.elapsed()
        );
        upload.join().unwrap()
    });
    // It was refused, or cut off, depending on which came first.
    assert!(upload.starts_with("HTTP/1.1 40"), "{upload}");
    door.revoke_token(&jti);
    for stream in tokens {
        to_the_end(stream);
    }
    for stream in &mut others {
        let mut piece = [0; 64];
        for _ in 0..60 {
            assert!(
                stream.read(&mut piece).unwrap() > 0,
                "somebody else's was cut off"
            );
        }
    }
}

#[test]
fn r109_streams_run_on_where_the_configuration_says_so() {
    let config = format!("[limits]\nlong_calls = \"run-on\"\n{ROUTE}");
    let door = Home::before(endless(), &config).serve();
    let (key, id) = door.key_with(&["--name", "k", "--scope", "orders:read"]);
    let mut stream = open(&door, "/events", &key);
    assert_eq!(door.run(&["key", "revoke", &id]).code, 0);
    assert_eq!(door.bearer("/events", &key).status, 401);
    let start = Instant::now();
    let mut piece = [0; 64];
    while start.elapsed() < Duration::from_millis(1500) {
        assert!(stream.read(&mut piece).unwrap() > 0);
    }
}
