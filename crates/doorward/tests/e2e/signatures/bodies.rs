//! A body that is not the one that was signed never completes at the upstream.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::door::{Door, Home};
use crate::peer::{Peer, python_with};
use crate::signing::{Draft, Key, add_key};
use crate::wait::until;

/// The body of a request, and whether all of it came.
type Taken = (Vec<u8>, bool);

/// An upstream that keeps all that it got, byte for byte, and answers whole requests.
pub(super) struct Taker {
    pub(super) port: u16,
    got: Arc<Mutex<Vec<Taken>>>,
}

impl Taker {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let keep = Arc::clone(&keep);
                std::thread::spawn(move || {
                    let taken = take(stream);
                    keep.lock().unwrap().push(taken);
                });
            }
        });
        Self { port, got }
    }

    /// The one request so far, and whether it was whole.
    pub(super) fn one(&self) -> (Vec<u8>, bool) {
        let mut got = until("the upstream is left", || {
            let mut got = self.got.lock().unwrap();
            (!got.is_empty()).then(|| std::mem::take(&mut *got))
        });
        assert_eq!(got.len(), 1);
        got.remove(0)
    }
}

/// Reads one request to its end, or to the end of the connection.
fn take(mut stream: TcpStream) -> (Vec<u8>, bool) {
    let _set = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let mut all = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if is_whole(&all) {
            let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            return (body(&all).to_vec(), true);
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return (body(&all).to_vec(), false),
            Ok(n) => all.extend_from_slice(&buffer[..n]),
        }
    }
}

fn split(all: &[u8]) -> Option<usize> {
    all.windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map(|at| at + 4)
}

fn body(all: &[u8]) -> &[u8] {
    split(all).map_or(&[], |at| &all[at..])
}

fn is_whole(all: &[u8]) -> bool {
    let Some(at) = split(all) else { return false };
    let head = String::from_utf8_lossy(&all[..at]).to_ascii_lowercase();
    let length = head
        .split("\r\n")
        .find_map(|line| line.strip_prefix("content-length: "));
    match length {
        Some(length) => all.len() - at >= length.parse().unwrap(),
        None if head.contains("chunked") => all.ends_with(b"0\r\n\r\n"),
        None => true,
    }
}

fn world() -> (Taker, Door, (String, Key)) {
    let upstream = Taker::start();
    let home = Home::before(upstream.port, super::requests::ROUTES);
    let key = add_key(&home, "ed25519", &["--scope", "orders:read"]);
    (upstream, home.serve(), key)
}

/// Signs one body and sends another.
fn send(door: &Door, key: &(String, Key), signed: &[u8], sent: &[u8], how: &[&str]) -> u16 {
    let draft = Draft::get(door.url("/orders/new"), &key.0, key.1.clone())
        .with(|params| params.tag = Some("orders-api".to_owned()))
        .post(signed);
    std::fs::write(door.path("body"), sent).unwrap();
    let body = format!("@{}", door.path("body").display());
    let mut args = draft.args();
    args.extend([
        "-X".to_owned(),
        "POST".to_owned(),
        "--data-binary".to_owned(),
        body,
    ]);
    args.extend(how.iter().map(|arg| (*arg).to_owned()));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let answer = door.curl("/orders/new", &args);
    if answer.status == 401 {
        assert_eq!(answer.json()["code"], "body_altered", "{answer:?}");
        assert_eq!(
            answer.one("www-authenticate"),
            "Signature realm=\"doorward\""
        );
        let fault = door.record(&answer.decision_id(), "fault");
        assert_eq!(fault["code"], "body_altered", "{fault}");
    }
    answer.status
}

const WAYS: [&[&str]; 4] = [
    &["--http1.1"],
    &["--http2"],
    &["--http1.1", "-H", "Transfer-Encoding: chunked"],
    &["--http1.1", "-H", "Expect: 100-continue"],
];

fn bodies() -> [Vec<u8>; 3] {
    let large = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    [b"x".to_vec(), b"{\"amount\": 100}".to_vec(), large]
}

#[test]
fn r031_a_signed_body_arrives_whole() {
    let (upstream, door, key) = world();
    for way in WAYS {
        for body in bodies() {
            let at = format!("{way:?} {}", body.len());
            assert_eq!(send(&door, &key, &body, &body, way), 200, "{at}");
            let (got, whole) = upstream.one();
            assert!(whole, "{at}");
            if way.iter().all(|arg| !arg.contains("chunked")) {
                assert!(got == body, "{at}");
            }
        }
    }
}

#[test]
fn r031_an_altered_body_never_completes_upstream() {
    let (upstream, door, key) = world();
    for way in WAYS {
        for signed in bodies() {
            let mut first = signed.clone();
            first[0] ^= 1;
            let mut last = signed.clone();
            *last.last_mut().unwrap() ^= 1;
            let longer = [signed.as_slice(), b"!"].concat();
            let mut altered = vec![first, last, longer];
            if signed.len() > 1 {
                altered.push(signed[..signed.len() - 1].to_vec());
            }
            for sent in altered {
                let at = format!("{way:?} {} {}", signed.len(), sent.len());
                assert_eq!(send(&door, &key, &signed, &sent, way), 401, "{at}");
                let (got, whole) = upstream.one();
                assert!(!whole, "{at}");
                assert!(
                    got.len() < sent.len() || !got.ends_with(b"0\r\n\r\n"),
                    "{at}"
                );
                assert!(signed.len() > 100 || got.is_empty(), "{at} {got:?}");
            }
        }
    }
}

/// Over HTTP/2 a body is complete when its stream ends; a stream that is reset has no end.
#[test]
fn r031_an_altered_body_never_completes_at_an_upstream_over_http2() {
    if python_with("h2").is_none() {
        return;
    }
    let source = include_str!("../python/http2_upstream.py");
    let mut upstream = Peer::python(source, &[]).unwrap();
    let port: u16 = upstream.line().parse().unwrap();
    let home = Home::before(port, super::requests::ROUTES);
    let config = home.read("doorward.toml");
    let url = format!("url = \"http://127.0.0.1:{port}\"");
    let over_http2 = config.replace(&url, &format!("{url}\nprotocol = \"http2\""));
    assert_ne!(config, over_http2);
    home.write("doorward.toml", &over_http2);
    let key = add_key(&home, "ed25519", &["--scope", "orders:read"]);
    let door = home.serve();
    let mut told = || serde_json::from_str::<serde_json::Value>(&upstream.line()).unwrap();
    for way in WAYS {
        for signed in bodies() {
            let at = format!("{way:?} {}", signed.len());
            assert_eq!(send(&door, &key, &signed, &signed, way), 200, "{at}");
            let whole = told();
            assert_eq!(whole["ended"], true, "{at}");
            assert_eq!(whole["bytes"], signed.len(), "{at}");
            let mut last = signed.clone();
            *last.last_mut().unwrap() ^= 1;
            let shorter = signed[..signed.len() - 1].to_vec();
            let longer = [signed.as_slice(), b"!"].concat();
            for sent in [last, shorter, longer]
                .into_iter()
                .filter(|sent| !sent.is_empty())
            {
                let at = format!("{at} {}", sent.len());
                assert_eq!(send(&door, &key, &signed, &sent, way), 401, "{at}");
                assert_eq!(told()["ended"], false, "{at}");
            }
        }
    }
}

/// A body that nobody signed: announced, it is refused by the gate; unannounced, on its way.
#[test]
fn r031_a_body_cannot_be_added_to_a_signed_request() {
    let (upstream, door, key) = world();
    let draft = || {
        Draft::get(door.url("/orders/new"), &key.0, key.1.clone())
            .with(|params| params.tag = Some("orders-api".to_owned()))
    };
    std::fs::write(door.path("body"), b"{\"added\": true}").unwrap();
    let from = door.path("body").display().to_string();
    let body = format!("@{from}");
    let call = |more: &[&str]| {
        let mut args = draft().args();
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        door.curl("/orders/new", &args)
    };
    for way in ["--http1.1", "--http2"] {
        let answer = call(&[way, "-X", "GET", "--data-binary", &body]);
        assert_eq!(answer.status, 401, "{answer:?}");
        let record = door.decision(&answer.decision_id());
        assert_eq!(record["reason"], "signature_body", "{record}");
        assert!(upstream.got.lock().unwrap().is_empty());
    }
    // Over HTTP/2 a body may come without a word about it in the head.
    let mut curl = crate::curl::command(Some(&door.ca()));
    curl.args(draft().args())
        .args(["--http2", "-X", "GET", "-T", "-"]);
    curl.arg(door.url("/orders/new"));
    curl.stdin(std::fs::File::open(&from).unwrap());
    let answer = crate::curl::run(curl).unwrap();
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (401, &"body_altered".into())
    );
    let (got, whole) = upstream.one();
    assert!(!whole && got.is_empty(), "{got:?}");
}
