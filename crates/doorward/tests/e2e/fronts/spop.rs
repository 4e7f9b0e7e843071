//! HAProxy's SPOE: frames in the place of HAProxy's.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::door::{BASE, Door, Home, ONE_ROUTE};
use crate::fronts::servers::LISTENERS;
use crate::fronts::world::World;

/// Bytes behind their length. Longer than 239 is not needed.
fn text(bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    assert!(length < 240);
    [&[length][..], bytes].concat()
}

fn pair(name: &str, kind: u8, value: &[u8]) -> Vec<u8> {
    [&text(name.as_bytes())[..], &[kind], value].concat()
}

/// A frame with its length.
fn frame(kind: u8, flags: u8, ids: [u8; 2], payload: &[u8]) -> Vec<u8> {
    let frame = [&[kind, 0, 0, 0, flags], &ids[..], payload].concat();
    let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
    [&length[..], &frame].concat()
}

fn hello(version: &str, more: &[u8]) -> Vec<u8> {
    let payload = [
        pair("supported-versions", 8, &text(version.as_bytes())),
        // 16380.
        pair("max-frame-size", 3, &[0xfc, 0xf0, 0x06]),
        pair("capabilities", 8, &text(b"pipelining,async,fragmentation")),
        more.to_vec(),
    ];
    frame(1, 1, [0, 0], &payload.concat())
}

/// A question about `GET http://h/` and a path.
fn notify(number: u8, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in [&[("host", "h")], headers].concat() {
        bytes.extend(text(name.as_bytes()));
        bytes.extend(text(value.as_bytes()));
    }
    bytes.extend([0, 0]);
    let arguments = [
        pair("method", 8, &text(b"GET")),
        pair("path", 8, &text(path.as_bytes())),
        pair("headers", 9, &text(&bytes)),
        pair("src", 6, &[127, 0, 0, 1]),
        pair("https", 1, &[]),
    ];
    let payload = [&text(b"check")[..], &[5], &arguments.concat()].concat();
    frame(3, 1, [number, 1], &payload)
}

/// A connection in the place of HAProxy's.
struct Line(TcpStream);

impl Line {
    fn from(world: &World, address: [u8; 4]) -> Self {
        Self::to(&world.door, address)
    }

    fn to(door: &Door, address: [u8; 4]) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((address, 0)).into()).unwrap();
        let to = SocketAddr::from(([127, 0, 0, 1], door.port("spop")));
        socket.connect(&to.into()).unwrap();
        let stream = TcpStream::from(socket);
        let patience = Some(Duration::from_secs(20));
        stream.set_read_timeout(patience).unwrap();
        Self(stream)
    }

    /// A connection that has said hello.
    fn greeted(world: &World) -> Self {
        Self::greeted_by(&world.door)
    }

    fn greeted_by(door: &Door) -> Self {
        let mut line = Self::to(door, [127, 0, 0, 1]);
        line.send(&hello("2.0", &[]));
        assert_eq!(line.frame().unwrap()[0], 101);
        line
    }

    fn send(&mut self, bytes: &[u8]) {
        // It may have hung up already.
        let _sent = self.0.write_all(bytes);
    }

    /// The next frame without its length; none at the end.
    fn frame(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).ok()?;
        let mut frame = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        self.0.read_exact(&mut frame).ok()?;
        Some(frame)
    }

    /// The status code with which the agent goes.
    fn goodbye(&mut self) -> u8 {
        let frame = self.frame().unwrap();
        assert_eq!(frame[0], 102, "{frame:?}");
        let at = find(&frame, b"\x0bstatus-code\x03").unwrap();
        assert!(self.frame().is_none());
        frame[at]
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    let mut windows = bytes.windows(part.len());
    windows
        .position(|window| window == part)
        .map(|at| at + part.len())
}

/// What an answer sets: its stream, and whether the call may pass.
fn answer(frame: &[u8]) -> (u8, bool) {
    assert_eq!(frame[0], 103, "{frame:?}");
    let yes = find(frame, b"\x07allowed\x11").is_some();
    assert_ne!(yes, find(frame, b"\x07allowed\x01").is_some());
    (frame[5], yes)
}

#[test]
fn r112_questions_under_way_together_have_their_own_answers() {
    let world = World::shared();
    let mut line = Line::greeted(&world);
    let key = world.key.as_str();
    let all = [
        notify(1, "/orders", &[("x-api-key", key)]),
        notify(2, "/orders", &[]),
        notify(3, "/public", &[]),
        notify(4, "/orders", &[("x-api-key", key), ("x-api-key", key)]),
        notify(5, "/orders", &[("x-api-key", &world.weak)]),
    ];
    line.send(&all.concat());
    let mut answers: Vec<_> = (0..5).map(|_| answer(&line.frame().unwrap())).collect();
    answers.sort_unstable();
    assert_eq!(
        answers,
        [(1, true), (2, false), (3, true), (4, false), (5, false)]
    );
    line.send(&frame(2, 1, [0, 0], &[]));
    assert_eq!(line.goodbye(), 0);
}

#[test]
fn g07_r113_nobody_else_may_ask_over_spop() {
    let world = World::shared();
    let mut line = Line::from(&world, [127, 0, 0, 2]);
    line.send(&hello("2.0", &[]));
    assert_eq!(line.goodbye(), 100);
    // Who speaks something else is told nothing either.
    let mut http = Line::from(&world, [127, 0, 0, 1]);
    http.send(b"GET /public HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(http.goodbye(), 3);
}

#[test]
fn g32_r113_frames_that_are_not_agreed_to_end_the_connection() {
    let world = World::shared();
    let check = pair("healthcheck", 0x11, &[]);
    for (sent, code) in [
        (hello("1.0", &[]), 8),
        (frame(1, 1, [0, 0], &[]), 5),
        (frame(3, 1, [1, 1], &[]), 4),
        (frame(1, 0, [0, 0], &[]), 10),
        (vec![0xff; 8], 3),
        (vec![0, 0, 0, 2, 1, 1], 4),
    ] {
        let mut line = Line::from(&world, [127, 0, 0, 1]);
        line.send(&sent);
        assert_eq!(line.goodbye(), code, "{sent:?}");
    }
    let mut checked = Line::from(&world, [127, 0, 0, 1]);
    checked.send(&hello("1.0, 2.0", &check));
    assert_eq!(checked.frame().unwrap()[0], 101);
    assert!(checked.frame().is_none());
    for (sent, code) in [
        (frame(3, 0, [1, 1], &[]), 10),
        (frame(0, 1, [1, 1], &[]), 10),
        (frame(3, 3, [1, 1], &[]), 10),
        (frame(1, 1, [0, 0], &[]), 4),
        (vec![0, 0, 0x80, 0], 3),
    ] {
        let mut line = Line::greeted(&world);
        line.send(&sent);
        assert_eq!(line.goodbye(), code, "{sent:?}");
    }
}

/// Every question that has a number gets an answer, and an odd one a refusal.
#[test]
fn g24_odd_questions_are_refused_over_spop() {
    let world = World::shared();
    let mut line = Line::greeted(&world);
    let good = notify(1, "/public", &[]);
    line.send(&good);
    assert_eq!(answer(&line.frame().unwrap()), (1, true));
    for odd in [
        frame(3, 1, [1, 1], &[]),
        frame(3, 1, [1, 1], &good[11..40]),
        frame(3, 1, [1, 1], &[&good[11..], &good[11..]].concat()),
        notify(1, "*", &[]),
        notify(1, "", &[]),
        notify(1, "http://h/public", &[]),
        notify(1, "/public#x", &[]),
        notify(1, "/public", &[("host", "other")]),
        notify(1, "/public", &[("x-original-uri", "/x")]),
        notify(1, "/public", &[("x-forwarded-proto", "https")]),
        notify(1, "/public", &[("x_doorward_subject", "admin")]),
        notify(1, "/public", &[("a b", "c")]),
        notify(1, "/public", &[("transfer-encoding", "chunked,")]),
        notify(1, "/public", &[("transfer-encoding", "gzip, chunked")]),
        notify(
            1,
            "/public",
            &[("transfer-encoding", "chunked"), ("content-length", "5")],
        ),
        notify(1, "/public", &[("content-length", "010")]),
        notify(
            1,
            "/public",
            &[("content-length", "5"), ("content-length", "5")],
        ),
    ] {
        line.send(&odd);
        assert_eq!(answer(&line.frame().unwrap()), (1, false), "{odd:?}");
    }
}

/// Whoever stops is not waited for, and whoever was asked still answers.
#[test]
fn r108_spop_a_drain_answers_what_was_asked_and_says_goodbye() {
    let mut world = World::with(&[]);
    let mut silent = Line::greeted(&world);
    let mut line = Line::greeted(&world);
    // A password takes time to judge; what comes behind it does not.
    let password = [("authorization", "Basic bm9ib2R5OmEtcGFzc3dvcmQ=")];
    line.send(&[notify(1, "/orders", &password), notify(2, "/public", &[])].concat());
    let mut answers = vec![answer(&line.frame().unwrap())];
    world.door.signal("TERM");
    answers.push(answer(&line.frame().unwrap()));
    answers.sort_unstable();
    assert_eq!(answers, [(1, false), (2, true)]);
    assert_eq!(line.goodbye(), 0);
    assert_eq!(silent.goodbye(), 0);
    assert!(world.door.wait().success());
}

#[test]
fn r108_spop_silence_and_half_a_frame_end_the_connection() {
    let limits = "[limits]\nidle = \"1s\"\nheader_timeout = \"1s\"\n";
    let base = BASE.replace("{upstream}", "1");
    let door = Home::new(&format!("{base}{LISTENERS}{limits}{ONE_ROUTE}")).serve();
    let mut unmet = Line::to(&door, [127, 0, 0, 1]);
    let mut idle = Line::greeted_by(&door);
    let mut half = Line::greeted_by(&door);
    let question = notify(1, "/public", &[]);
    half.send(&question[..question.len() - 1]);
    let mut begun = Line::to(&door, [127, 0, 0, 1]);
    begun.send(&hello("2.0", &[])[..9]);
    for line in [&mut unmet, &mut idle, &mut half, &mut begun] {
        assert_eq!(line.goodbye(), 2);
    }
}
