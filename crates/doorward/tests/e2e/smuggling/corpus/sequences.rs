//! Several requests on one connection: pipelines, refused ones with bodies, bodies that wait to
//! be asked for, upgrades, connections that should have ended.

use super::{Case, HIDDEN, post, shown};

/// Header lines of a first request whose body, if it has one, is what is hidden; `LEN` is its
/// length.
const LINES: &[&str] = &[
    "Content-Length: LEN\r\nExpect: 100-continue\r\n",
    "Content-Length: LEN\r\nExpect: 100-Continue\r\n",
    "Content-Length: LEN\r\nExpect: 100-continue, x\r\n",
    "Content-Length: LEN\r\nExpect: x\r\n",
    "Content-Length: LEN\r\nExpect:\r\n",
    "Content-Length: LEN\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n",
    "Content-Length: LEN\r\nExpect: y 100-continue\r\n",
    "Content-Length: LEN\r\nExpect:\x0b100-continue\r\n",
    "Content-Length: LEN\r\n Expect: 100-continue\r\n",
    "Content-Length: 0\r\nExpect: 100-continue\r\n",
    "Expect: 100-continue\r\n",
    "Content-Length: LEN\r\nConnection: close\r\n",
    "Content-Length: LEN\r\nConnection: keep-alive, close\r\n",
    "Content-Length: LEN\r\nConnection: x, y\r\n",
    "Content-Length: LEN\r\nConnection: content-length\r\n",
    "Content-Length: LEN\r\nConnection: Host\r\n",
    "Content-Length: LEN\r\nConnection: expect\r\nExpect: 100-continue\r\n",
    "Content-Length: LEN\r\nProxy-Connection: keep-alive\r\n",
    "Content-Length: LEN\r\nKeep-Alive: timeout=5\r\n",
    "Content-Length: LEN\r\nX-HTTP-Method-Override: GET\r\n",
    "Content-Length: LEN\r\nX-HTTP-Method: HEAD\r\n",
    "Content-Length: LEN\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n",
    "Content-Length: LEN\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 777\r\n",
    "Upgrade: websocket\r\n",
    "Upgrade: websocket, h2c\r\nConnection: Upgrade\r\n",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n",
    "Upgrade: TLS/1.2\r\nConnection: Upgrade\r\n",
    "Connection: Upgrade\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Range: bytes=0-1\r\n",
    "",
];

/// Methods, paths and versions of a first request.
const FIRST: &[&str] = &[
    "POST /open/@@@@@-0 HTTP/1.1",
    "GET /open/@@@@@-0 HTTP/1.1",
    "HEAD /open/@@@@@-0 HTTP/1.1",
    "OPTIONS /open/@@@@@-0 HTTP/1.1",
    "DELETE /open/@@@@@-0 HTTP/1.1",
    "POST /open/@@@@@-0 HTTP/1.0",
    "GET /open/@@@@@-0 HTTP/1.0",
    "POST /smuggled/@@@@@ HTTP/1.1",
    "GET /smuggled/@@@@@ HTTP/1.1",
    "GET /smuggled/@@@@@ HTTP/1.0",
    "POST /nothing/@@@@@ HTTP/1.1",
    "POST /open/../@@@@@ HTTP/1.1",
    "TRACE /open/@@@@@-0 HTTP/1.1",
    "CONNECT /open/@@@@@-0 HTTP/1.1",
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = plain();
    for first in FIRST {
        for lines in LINES {
            let lines = lines.replace("LEN", &HIDDEN.len().to_string());
            let name = format!("{first} {}", shown(lines.as_bytes()));
            let bytes = format!("{first}\r\nHost: h\r\n{lines}\r\n{HIDDEN}");
            cases.push(Case::new(name, bytes));
        }
        let coding = "Transfer-Encoding: chunked\r\nExpect: 100-continue";
        let size = HIDDEN.len();
        let bytes =
            format!("{first}\r\nHost: h\r\n{coding}\r\n\r\n{size:x}\r\n{HIDDEN}\r\n0\r\n\r\n");
        cases.push(Case::new(format!("{first} chunked"), bytes));
    }
    // More than is read of a body that nobody wants: it never becomes requests.
    let many = HIDDEN.repeat(400_000 / HIDDEN.len());
    for first in [
        "POST /smuggled/@@@@@",
        "POST /nothing/@@@@@",
        "POST /open/../@@@@@",
    ] {
        let length = many.len();
        let bytes =
            format!("{first} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{many}");
        cases.push(Case::new(format!("{first}, much unread"), bytes));
    }
    cases
}

fn plain() -> Vec<Case> {
    let get = |name: &str| format!("GET /open/@@@@@-{name} HTTP/1.1\r\nHost: h\r\n\r\n");
    let length = format!("Content-Length: {}\r\n", HIDDEN.len());
    vec![
        Case::plain("one", get("0")),
        Case::plain("a body", post(&length, HIDDEN)),
        Case::plain("three in a row", get("0") + &get("1") + &get("2")),
        Case::plain(
            "a body, and another request",
            [post(&length, HIDDEN), get("1").into_bytes()].concat(),
        ),
    ]
}
