//! HTTP/2 floods and slow peers, frame by frame (RFC 9113): flat memory, and others are served.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{ROUTE, connect, endless, to_the_end};
use crate::door::{Door, Home};

const QUICK: &str = "[limits]\nheader_timeout = \"1s\"\nidle = \"2s\"\nbody_idle = \"1s\"\nwrite_idle = \"1s\"\n\
                     [[route]]\npath = \"/short\"\npublic = true\n\
                     [[route]]\npath = \"/zeros\"\npublic = true\n\
                     [[route]]\npath = \"/sink\"\npublic = true\n";
/// What a flood may cost the server, in KiB.
const ROOM: u64 = 24 * 1024;

pub(super) fn stand() -> Door {
    let door = Home::before(endless(), &format!("{QUICK}{ROUTE}")).serve();
    // What the first calls take is not the flood's.
    for _ in 0..20 {
        served(&door);
    }
    door
}

/// Somebody else is served at once.
pub(super) fn served(door: &Door) {
    let start = Instant::now();
    assert_eq!(door.curl("/short", &[]).status, 200);
    assert!(start.elapsed() < Duration::from_secs(5));
}

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// A header field as a literal without indexing (RFC 7541 section 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let len = |text: &str| u8::try_from(text.len()).unwrap();
    let mut out = vec![0, len(name)];
    out.extend_from_slice(name.as_bytes());
    out.push(len(value));
    out.extend_from_slice(value.as_bytes());
    out
}

pub(super) fn request(method: &str, path: &str) -> Vec<u8> {
    [
        field(":method", method),
        field(":scheme", "http"),
        field(":authority", "a"),
        field(":path", path),
    ]
    .concat()
}

pub(super) const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// A connection that has said that it speaks HTTP/2, with these settings.
pub(super) fn http2(door: &Door, settings: &[u8]) -> TcpStream {
    let mut stream = connect(door);
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, settings)).unwrap();
    stream
}

/// Sends pieces until the server has had enough; how many it took.
pub(super) fn flood(
    stream: &mut TcpStream,
    most: u32,
    mut piece: impl FnMut(u32) -> Vec<u8>,
) -> u32 {
    stream
        .set_write_timeout(Some(Duration::from_secs(3)))
        .unwrap();
    for n in 0..most {
        if stream.write_all(&piece(n)).is_err() {
            return n;
        }
    }
    most
}

/// Runs a flood on some connections at once: memory stays flat, and others are served meanwhile.
pub(super) fn survives(name: &str, attack: impl Fn(&Door) -> TcpStream + Sync) {
    let door = stand();
    let before = door.memory_kib();
    std::thread::scope(|scope| {
        let attackers: Vec<_> = (0..4).map(|_| scope.spawn(|| attack(&door))).collect();
        for _ in 0..5 {
            served(&door);
        }
        let ends: Vec<_> = attackers.into_iter().map(|a| a.join().unwrap()).collect();
        served(&door);
        let after = door.memory_kib();
        assert!(
            after < before + ROOM,
            "{name}: {before} KiB became {after} KiB"
        );
        // Whoever is still there ends by a deadline.
        for end in ends {
            to_the_end(end);
        }
    });
    served(&door);
}

#[test]
fn r107_g32_rapid_resets_end_the_connection() {
    survives("rapid reset", |door| {
        let mut stream = http2(door, &[]);
        let took = flood(&mut stream, 200_000, |n| {
            let id = 2 * n + 1;
            let ask = frame(
                HEADERS,
                END_HEADERS | END_STREAM,
                id,
                &request("GET", "/short"),
            );
            [ask, frame(RST_STREAM, 0, id, &8_u32.to_be_bytes())].concat()
        });
        assert!(took < 200_000, "nobody stopped it");
        stream
    });
}

#[test]
fn r107_g32_endless_continuations_end_the_connection() {
    survives("CONTINUATION", |door| {
        let mut stream = http2(door, &[]);
        let ask = frame(HEADERS, END_STREAM, 1, &request("GET", "/short"));
        stream.write_all(&ask).unwrap();
        let more = field("x-more", &"y".repeat(100)).repeat(100);
        let took = flood(&mut stream, 20_000, |_| frame(CONTINUATION, 0, 1, &more));
        assert!(took < 20_000, "nobody stopped it");
        stream
    });
}

#[test]
fn r107_g32_settings_and_pings_that_nobody_reads_the_answers_of() {
    for (kind, payload) in [(SETTINGS, &[][..]), (PING, &[0_u8; 8][..])] {
        survives("SETTINGS, PING", |door| {
            let mut stream = http2(door, &[]);
            let many = frame(kind, 0, 0, payload).repeat(1000);
            flood(&mut stream, 3000, |_| many.clone());
            stream
        });
    }
}

#[test]
fn r107_g32_ten_thousand_header_fields_are_refused() {
    survives("fields over HTTP/2", |door| {
        let mut stream = http2(door, &[]);
        let mut block = request("GET", "/short");
        // The shortest field there is: a number of the static table.
        block.extend(std::iter::repeat_n(0x90, 10_000));
        let ask = frame(HEADERS, END_HEADERS | END_STREAM, 1, &block);
        let _sent = stream.write_all(&ask);
        stream
    });
    survives("fields over HTTP/1", |door| {
        let mut stream = connect(door);
        let fields = "a:\r\n".repeat(10_000);
        let head = format!("GET /short HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let _sent = stream.write_all(head.as_bytes());
        stream
    });
}

#[test]
fn r108_g32_slow_heads_and_bodies_are_cut_off_and_others_are_served() {
    let slowly = |mut stream: TcpStream, first: &[u8], drop: &[u8]| {
        stream.write_all(first).unwrap();
        let start = Instant::now();
        while stream.write_all(drop).is_ok() {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "it goes on and on"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        stream
    };
    survives("slow head", |door| {
        slowly(
            connect(door),
            b"GET /short HTTP/1.1\r\nHost: a\r\nX: ",
            b"y",
        )
    });
    survives("slow body", |door| {
        let head = b"POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
        slowly(connect(door), head, b"y")
    });
    survives("slow body over HTTP/2", |door| {
        let stream = http2(door, &[]);
        let head = frame(HEADERS, END_HEADERS, 1, &request("POST", "/sink"));
        let body = frame(0, 0, 1, b"y");
        let mut ended = stream.try_clone().unwrap();
        let waiting = std::thread::spawn(move || {
            // The stream ends by itself: an answer of ours comes on it.
            let mut seen = Vec::new();
            let mut piece = [0; 4096];
            while !String::from_utf8_lossy(&seen).contains("body_timeout") {
                match ended.read(&mut piece) {
                    Ok(read) if read > 0 => seen.extend_from_slice(&piece[..read]),
                    _ => panic!("no answer: {seen:?}"),
                }
            }
            ended.shutdown(std::net::Shutdown::Both).unwrap();
        });
        let stream = slowly(stream, &head, &body);
        waiting.join().unwrap();
        stream
    });
}

#[test]
fn r108_g32_callers_that_do_not_read_are_cut_off() {
    survives("no window", |door| {
        // SETTINGS_INITIAL_WINDOW_SIZE of nothing.
        let mut stream = http2(door, &[0, 4, 0, 0, 0, 0]);
        for id in [1, 3, 5, 7] {
            let ask = frame(
                HEADERS,
                END_HEADERS | END_STREAM,
                id,
                &request("GET", "/zeros"),
            );
            stream.write_all(&ask).unwrap();
        }
        stream
    });
    survives("no reading", |door| {
        let mut stream = connect(door);
        stream
            .write_all(b"GET /zeros HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        // Nothing is read until the server has hung up: only then does the rest end.
        crate::wait::until("the server hangs up", || {
            let mut probe = stream.try_clone().unwrap();
            probe.write_all(b"x").is_err().then_some(())
        });
        stream
    });
}
