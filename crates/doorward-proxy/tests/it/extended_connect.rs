//! WebSocket over HTTP/2 (RFC 8441), and bounds on its frames.

use std::time::Duration;

use bytes::Bytes;
use doorward_core::policy::{BodyRule, WebSocketBounds};
use http::{Request, Response, Version};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::ext::Protocol;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::*;

async fn client(proxy: &Proxy) -> SendRequest<Empty<Bytes>> {
    let io = TokioIo::new(proxy.connect().await);
    let (sender, conn) = handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(conn);
    sender
}

fn ask(path: &str, protocol: &'static str) -> http::request::Builder {
    Request::connect(format!("http://api.test{path}"))
        .version(Version::HTTP_2)
        .extension(Protocol::from_static(protocol))
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "of-the-caller")
        .header("sec-websocket-protocol", "chat")
}

async fn send(
    sender: &mut SendRequest<Empty<Bytes>>,
    request: http::request::Builder,
) -> Response<Incoming> {
    sender
        .send_request(request.body(Empty::new()).unwrap())
        .await
        .unwrap()
}

async fn opened(response: Response<Incoming>) -> TokioIo<Upgraded> {
    TokioIo::new(hyper::upgrade::on(response).await.unwrap())
}

/// Switches to whatever `answer` says, then returns every byte.
async fn switching(answer: &'static str) -> Behind {
    behind(move |mut stream, _| async move {
        let head = read_until(&mut stream, "\r\n\r\n").await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        if head.contains("/echo-head") {
            stream.write_all(head.as_bytes()).await.unwrap();
        }
        let mut buffer = [0; 1024];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            if stream.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    })
    .await
}

const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Accept: a\r\nSec-WebSocket-Protocol: chat\r\n\r\n";

#[tokio::test]
async fn r109_g21_a_websocket_over_http2_is_a_get_with_a_credential() {
    let behind = switching(AGREED).await;
    let proxy = Setup::to(behind.address).start();
    let mut sender = client(&proxy).await;
    for key in ["", "bad"] {
        let mut request = ask("/guarded", "websocket");
        if !key.is_empty() {
            request = request.header("x-api-key", key);
        }
        assert_eq!(send(&mut sender, request).await.status(), 401);
    }
    let request = ask("/guarded/echo-head", "websocket").header("x-api-key", "good");
    let response = send(&mut sender, request).await;
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key("sec-websocket-accept"));
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    let mut io = opened(response).await;
    let head = read_until(&mut io, "\r\n\r\n").await.to_lowercase();
    assert!(
        head.starts_with("get /guarded/echo-head http/1.1\r\n"),
        "{head}"
    );
    for line in [
        "upgrade: websocket",
        "connection: upgrade",
        "sec-websocket-key: k",
        "sec-websocket-version: 13",
        "x-doorward-subject: alice",
    ] {
        assert!(head.contains(&format!("{line}\r\n")), "{line}: {head}");
    }
    assert!(
        !head.contains("of-the-caller") && !head.contains("good"),
        "{head}"
    );
    for n in 0..50 {
        let message = format!("message {n:04};");
        io.write_all(message.as_bytes()).await.unwrap();
        assert_eq!(read_until(&mut io, ";").await, message);
    }
    // The connection serves others meanwhile, and after.
    let key = proxy.get("/.well-known/jwks.json", "").await;
    assert_eq!(status(&key), 200);
    io.shutdown().await.unwrap();
    let mut rest = Vec::new();
    io.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty());
}

#[tokio::test]
async fn g14_g31_no_other_connect_leaves_http() {
    let behind = switching(AGREED).await;
    let proxy = Setup::to(behind.address).start();
    let mut sender = client(&proxy).await;
    for request in [
        ask("/public", "connect-udp"),
        ask("/public", "WebSocket"),
        ask("/public", ""),
        ask("/public", "websocket").header("content-length", "0"),
        Request::connect("api.test:443").version(Version::HTTP_2),
    ] {
        let response = send(&mut sender, request).await;
        assert_eq!(response.status(), 400);
    }
    assert_eq!(
        behind.connections.load(std::sync::atomic::Ordering::SeqCst),
        0
    );
}

#[tokio::test]
async fn g14_no_tunnel_over_http2_without_an_agreement() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: of-another-key\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: a\r\n\r\n",
    ] {
        let behind = switching(answer).await;
        let proxy = Setup::to(behind.address).start();
        let mut sender = client(&proxy).await;
        let response = send(&mut sender, ask("/public", "websocket")).await;
        assert_eq!(response.status(), 502, "{answer}");
    }
    let behind = switching("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
    let proxy = Setup::to(behind.address).start();
    let mut sender = client(&proxy).await;
    assert_eq!(
        send(&mut sender, ask("/public", "websocket"))
            .await
            .status(),
        403
    );
}

#[tokio::test]
async fn g14_our_own_paths_and_judged_bodies_open_no_tunnel() {
    let behind = canned("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let mut setup = Setup::to(behind.address);
    setup.binding.body = Some(BodyRule::default());
    setup.forwarding.max_body = Some(1000);
    let proxy = setup.start();
    let mut sender = client(&proxy).await;
    for path in ["/.well-known/jwks.json", "/public"] {
        let response = send(&mut sender, ask(path, "websocket")).await;
        assert!(
            !response.status().is_success(),
            "{path}: {}",
            response.status()
        );
    }
}

/// A masked frame of zeros.
fn frame(first: u8, payload: u16) -> Vec<u8> {
    let mut out = vec![first, 0x80 | 126];
    out.extend(payload.to_be_bytes());
    out.extend([0; 4]);
    out.extend(std::iter::repeat_n(0, usize::from(payload)));
    out
}

#[tokio::test]
async fn r109_a_message_over_the_bound_closes_with_1009() {
    let bounds = WebSocketBounds {
        max_frame: Some(3000),
        max_message: Some(5000),
        idle: None,
    };
    for over_http2 in [false, true] {
        for (good, bad) in [
            (frame(0x82, 3000), frame(0x82, 3001)),
            (frame(0x02, 3000), frame(0x00, 2001)),
        ] {
            let behind = switching(AGREED).await;
            let mut setup = Setup::to(behind.address);
            setup.forwarding.websocket = bounds;
            let proxy = setup.start();
            if over_http2 {
                let mut sender = client(&proxy).await;
                let io = opened(send(&mut sender, ask("/public", "websocket")).await).await;
                closes_with_1009(io, &good, &bad).await;
            } else {
                let mut io = proxy.connect().await;
                let ask = "GET /public HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                           Sec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n\r\n";
                io.write_all(ask.as_bytes()).await.unwrap();
                read_until(&mut io, "\r\n\r\n").await;
                closes_with_1009(io, &good, &bad).await;
            }
        }
    }
}

/// What fits comes back; what does not ends it, and what came before it is not torn.
async fn closes_with_1009<S>(mut io: S, good: &[u8], bad: &[u8])
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    // The echo returns masked frames, which a reader of lengths does not mind.
    io.write_all(good).await.unwrap();
    let mut back = vec![0; good.len()];
    io.read_exact(&mut back).await.unwrap();
    assert_eq!(back, good);
    io.write_all(bad).await.unwrap();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(PATIENCE, io.read_to_end(&mut rest)).await;
    read.expect("it was not closed").unwrap();
    assert!(
        rest.ends_with(&[0x88, 2, 0x03, 0xf1]),
        "{} bytes",
        rest.len()
    );
}

#[tokio::test]
async fn r109_a_route_bounds_the_silence_of_its_websockets() {
    let behind = switching(AGREED).await;
    let mut setup = Setup::to(behind.address);
    setup.forwarding.websocket.idle = Some(Duration::from_millis(50));
    let proxy = setup.start();
    let mut sender = client(&proxy).await;
    let mut io = opened(send(&mut sender, ask("/public", "websocket")).await).await;
    let mut rest = Vec::new();
    let read = tokio::time::timeout(PATIENCE, io.read_to_end(&mut rest)).await;
    let _ended = read.expect("it was not closed");
}
