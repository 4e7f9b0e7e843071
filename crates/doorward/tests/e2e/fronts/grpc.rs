//! Envoy over gRPC: what only its messages can say, and questions in the place of Envoy's.

use std::net::TcpListener;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::curl::{self, Answer};
use crate::fronts::process::Server;
use crate::fronts::servers::changed_envoy;
use crate::fronts::world::World;

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
const NAME: &str = "envoy-grpc";

/// A field that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap());
    out.extend_from_slice(bytes);
    out
}

/// A message with its frame.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
}

/// A question about `GET http://h/public` of 127.0.0.1.
fn question(headers: &[(&str, &str)]) -> Vec<u8> {
    let address = field(1, &field(1, &field(1, &field(2, b"127.0.0.1"))));
    let mut http = Vec::new();
    for (number, text) in [(2, "GET"), (4, "/public"), (5, "h"), (6, "http")] {
        http.extend(field(number, text.as_bytes()));
    }
    for (name, value) in headers {
        let entry = [field(1, name.as_bytes()), field(2, value.as_bytes())].concat();
        http.extend(field(3, &entry));
    }
    let request = field(4, &field(2, &http));
    field(1, &[address, request].concat())
}

const PLAIN: (&str, &str) = ("x-forwarded-proto", "http");

/// Asks in the place of Envoy.
fn ask(world: &World, body: &[u8], more: &[&str]) -> Answer {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Relaxed);
    let file = world.door.path(&format!("question-{number}"));
    std::fs::write(&file, body).unwrap();
    let mut curl = curl::command(None);
    curl.args(["--http2-prior-knowledge", "-H", "TE: trailers"]);
    if !more.iter().any(|arg| arg.starts_with("Content-Type")) {
        curl.args(["-H", "Content-Type: application/grpc"]);
    }
    curl.args(["--data-binary", &format!("@{}", file.display())]);
    if !more.iter().any(|arg| arg.starts_with("http:")) {
        curl.arg(format!("http://127.0.0.1:{}{CHECK}", world.door.port(NAME)));
    }
    curl.args(more);
    curl::run(curl).unwrap()
}

/// The first field with a number: its bytes, or its number as bytes.
fn find(mut message: &[u8], wanted: u64) -> Option<Vec<u8>> {
    fn number(from: &mut &[u8]) -> Option<u64> {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let (byte, rest) = from.split_first()?;
            *from = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Some(value)
    }
    while let Some(key) = number(&mut message) {
        let value = number(&mut message)?;
        let value = match key & 7 {
            0 => value.to_string().into_bytes(),
            _ => {
                let (bytes, rest) = message.split_at(usize::try_from(value).unwrap());
                message = rest;
                bytes.to_vec()
            }
        };
        if key >> 3 == wanted {
            return Some(value);
        }
    }
    None
}

/// The status of a denied response; none where the call may pass.
fn denied(answer: &Answer) -> Option<u16> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let (frame, rest) = answer.body.split_first_chunk::<5>().expect("a message");
    let length = u32::from_be_bytes(*frame.last_chunk().unwrap());
    // Behind it, curl prints the trailers, if it has seen them by then.
    let (message, _) = rest.split_at(usize::try_from(length).unwrap());
    let code = find(message, 1).and_then(|status| find(&status, 1));
    let Some(denied) = find(message, 2) else {
        assert!(find(message, 3).is_some() && code.is_none(), "{answer:?}");
        return None;
    };
    assert!(find(message, 3).is_none() && code.is_some(), "{answer:?}");
    let status = find(&find(&denied, 1).unwrap(), 1).unwrap();
    Some(String::from_utf8(status).unwrap().parse().unwrap())
}

#[test]
fn g07_r113_nobody_else_may_ask_over_grpc() {
    let world = World::shared();
    let good = framed(&question(&[PLAIN]));
    let allowed = ask(&world, &good, &[]);
    assert_eq!(denied(&allowed), None);
    assert!(allowed.text().contains("grpc-status: 0"), "{allowed:?}");
    let other = ask(&world, &good, &["--interface", "127.0.0.2"]);
    assert!([Some(400), Some(403)].contains(&denied(&other)));
    assert!(other.text().contains("decision_id"), "{other:?}");
}

/// A message of a few hundred kilobytes with very many empty headers, in the map or in the list.
fn flood(number: u8) -> Vec<u8> {
    let headers = match number {
        3 => vec![[3 << 3 | 2, 0]; 200_000].concat(),
        _ => field(13, &vec![[1 << 3 | 2, 0]; 200_000].concat()),
    };
    field(1, &field(4, &field(2, &headers)))
}

/// Whatever comes, it is a denied response: an error of gRPC's is what `failure_mode_allow` is for.
#[test]
fn g24_r114_odd_messages_are_denied_and_no_errors() {
    let world = World::shared();
    let good = question(&[PLAIN]);
    let mut compressed = framed(&good);
    compressed[0] = 1;
    for (odd, wanted) in [
        (Vec::new(), 400),
        (vec![0; 4], 400),
        (framed(b""), 400),
        (framed(b"\xff\xff\xff"), 400),
        (framed(&good[..good.len() - 3]), 400),
        (compressed, 400),
        ([framed(&good), framed(&good)].concat(), 400),
        (framed(&question(&[])), 400),
        (framed(&question(&[PLAIN, PLAIN])), 400),
        (framed(&question(&[PLAIN, ("x-api-key", "a,b")])), 400),
        (framed(&question(&[PLAIN, (":path", "/orders")])), 400),
        (framed(&question(&[PLAIN, ("x-original-uri", "/x")])), 400),
        (framed(&field(9, &vec![0; 2 * 1024 * 1024])), 413),
        (framed(&flood(3)), 431),
        (framed(&flood(13)), 431),
    ] {
        let answer = ask(&world, &odd, &["-H", "Expect:"]);
        assert_eq!(
            denied(&answer),
            Some(wanted),
            "{} bytes {answer:?}",
            odd.len()
        );
    }
    let port = world.door.port(NAME);
    let elsewhere = format!("http://127.0.0.1:{port}/envoy.service.auth.v2.Authorization/Check");
    let answer = ask(&world, &framed(&good), &[&elsewhere]);
    assert_eq!(answer.one("grpc-status"), "12");
    assert!(answer.body.is_empty());
    let json = ["-H", "Content-Type: application/json"];
    assert_eq!(ask(&world, &framed(&good), &json).status, 415);
    let old = ["--http1.1"];
    assert_eq!(ask(&world, &framed(&good), &old).status, 415);
}

fn post(world: &World, port: u16, body: &str, length: Option<usize>) -> Answer {
    let length = match length {
        Some(length) => format!("Content-Length: {length}"),
        None => "Transfer-Encoding: chunked".to_owned(),
    };
    let head = [
        "POST /judged HTTP/1.1",
        "Host: h",
        "X-API-Key: KEY",
        "Content-Type: application/json",
        "X-Envoy-Auth-Partial-Body: false",
        "Connection: close",
        &length,
    ];
    let mut lines = world.fill(&head);
    lines.extend_from_slice(body.as_bytes());
    crate::fronts::world::send(port, &lines).unwrap()
}

#[test]
fn r114_a_whole_body_is_judged_and_a_part_of_one_refused() {
    let world = World::shared();
    let Some(front) = world.fronts.iter().find(|front| front.name == NAME) else {
        return;
    };
    let send = |body: &str| post(&world, front.port(), body, Some(body.len()));
    assert_eq!(send(r#"{"name":"a"}"#).status, 200);
    let refused = send(r#"{"name":"a","role":"admin"}"#);
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(send(r#"{"name":"#).status, 400);
    assert_eq!(send("").status, 200);
    // More than max_request_bytes of the example.
    let long = format!(r#"{{"name":"{}"}}"#, "a".repeat(70_000));
    assert_eq!(send(&long).status, 403);
    let chunked = "c\r\n{\"name\":\"a\"}\r\n0\r\n\r\n";
    let chunked = post(&world, front.port(), chunked, None);
    // A caller's own word about its body makes two of Envoy's one.
    assert!([200, 403].contains(&chunked.status), "{chunked:?}");
}

/// Without `with_request_body`, the caller's word that nothing is missing counts nothing.
#[test]
fn r114_a_body_that_envoy_does_not_show_is_refused() {
    let world = World::new();
    let envoy = changed_envoy(&world.door, "blind", world.api.port, |text| {
        let start = text.find("              with_request_body:").unwrap();
        let end = text.find("              grpc_service:").unwrap();
        format!("{}{}", &text[..start], &text[end..])
    });
    let Some(envoy) = envoy else { return };
    let body = r#"{"role":"admin"}"#;
    let whole = post(&world, envoy.port, body, Some(body.len()));
    assert_eq!(whole.status, 403, "{whole:?}");
    let chunked = post(&world, envoy.port, "0\r\n\r\n", None);
    assert_eq!(chunked.status, 403, "{chunked:?}");
    assert_eq!(world.reached(), 0);
}

fn get(world: &World, server: &Server, lines: &[&str]) -> Answer {
    let more = ["Host: h", "Connection: close"];
    world.send(server.port, &[lines, &more].concat()).unwrap()
}

/// A door that takes connections and says nothing.
#[test]
fn r114_a_time_out_is_403() {
    let world = World::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let own = format!("port_value: {}", world.door.port(NAME));
    let envoy = changed_envoy(&world.door, "silent", world.api.port, |text| {
        text.replace(&own, &format!("port_value: {port}"))
    });
    let Some(envoy) = envoy else { return };
    let began = std::time::Instant::now();
    for path in ["GET /public HTTP/1.1", "GET /orders HTTP/1.1"] {
        let answer = get(&world, &envoy, &[path, "X-API-Key: KEY"]);
        assert_eq!(answer.status, 403, "{answer:?}");
    }
    assert!(began.elapsed().as_secs() < 15, "it waits half a second");
    assert_eq!(world.reached(), 0);
}

/// An operator who forgot to forbid failures has forbidden them with every answer of ours.
#[test]
fn r114_failure_mode_allow_lets_no_refusal_pass() {
    let world = World::new();
    let envoy = changed_envoy(&world.door, "open", world.api.port, |text| {
        text.replace("failure_mode_allow: false", "failure_mode_allow: true")
    });
    let Some(envoy) = envoy else { return };
    let long = format!("GET /orders?{} HTTP/1.1", "a".repeat(9000));
    for (lines, status) in [
        (vec!["GET /orders HTTP/1.1"], 401),
        (vec!["GET /orders HTTP/1.1", "X-API-Key: WEAK"], 403),
        (vec![long.as_str(), "X-API-Key: KEY"], 414),
        (vec!["GET /orders HTTP/1.1", "X-API-Key: \u{ff}"], 401),
        (vec!["GET /public HTTP/1.1", "X-Original-URI: /x"], 400),
        (
            vec!["GET /orders HTTP/1.1", "X-API-Key: KEY", "X-API-Key: KEY"],
            400,
        ),
    ] {
        let answer = get(&world, &envoy, &lines);
        assert_eq!(answer.status, status, "{lines:?} {answer:?}");
    }
    assert_eq!(world.reached(), 0);
}

/// What other products take for identity, Envoy is told to remove.
#[test]
fn g08_r114_headers_that_only_a_front_may_set_are_removed() {
    let world = World::shared();
    let Some(front) = world.fronts.iter().find(|front| front.name == NAME) else {
        return;
    };
    let spoofs = [
        "X-User: admin",
        "X-Remote-User: admin",
        "X-Consumer-Username: admin",
        "X-Client-Cert: admin",
        "X.User: admin",
        "Forwarded: for=admin",
    ];
    for path in ["GET /public HTTP/1.1", "GET /orders HTTP/1.1"] {
        let mut lines = vec![path, "Host: h", "X-API-Key: KEY", "Connection: close"];
        lines.extend(spoofs);
        let answer = world.send(front.port(), &lines).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!answer.text().contains("admin"), "{answer:?}");
        assert!(
            answer.text().contains("x-forwarded-for: 127.0.0.2"),
            "{answer:?}"
        );
    }
}

#[test]
fn g08_r114_r120_a_key_in_the_query_ends_at_envoy() {
    let world = World::shared();
    let Some(front) = world.fronts.iter().find(|front| front.name == NAME) else {
        return;
    };
    let call = |query: &str| {
        let first = format!("GET /linked?{query} HTTP/1.1");
        let lines = [first.as_str(), "Host: h", "Connection: close"];
        world.send(front.port(), &lines).unwrap()
    };
    let answer = call("x=1&api_key=KEY&y=2");
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = answer.text();
    assert!(!text.contains(&world.key), "{text}");
    assert!(text.starts_with("GET /linked?x=1&y=2 "), "{text}");
    // However the name is spelled, and whatever stands beside it.
    for query in [
        "api%5Fkey=KEY",
        "x=1;api_key=KEY",
        "api_key=KEY&%61pi_key=KEY",
    ] {
        let answer = call(query);
        assert!(!answer.text().contains(&world.key), "{query} {answer:?}");
    }
}
