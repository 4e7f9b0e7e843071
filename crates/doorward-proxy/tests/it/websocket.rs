use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::*;

const ASK: &str = "GET /guarded HTTP/1.1\r\nHost: a\r\nX-API-Key: good\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Switches to whatever `answer` says, then returns every byte.
async fn switching(answer: &'static str) -> Behind {
    behind(move |mut stream, _| async move {
        let head = read_until(&mut stream, "\r\n\r\n").await.to_lowercase();
        assert!(
            head.contains("upgrade: websocket\r\n") && head.contains("connection: upgrade\r\n")
        );
        assert!(head.contains("x-doorward-subject: alice\r\n"), "{head}");
        stream.write_all(answer.as_bytes()).await.unwrap();
        let mut buffer = [0; 1024];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            stream.write_all(&buffer[..read]).await.unwrap();
        }
    })
    .await
}

const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Accept: a\r\n\r\n";

#[tokio::test]
async fn r109_a_websocket_is_tunnelled_both_ways() {
    let behind = switching(AGREED).await;
    let proxy = Setup::to(behind.address).start();
    let mut client = proxy.connect().await;
    client.write_all(ASK.as_bytes()).await.unwrap();
    let head = read_until(&mut client, "\r\n\r\n").await;
    assert_eq!(status(&head), 101);
    assert_eq!(values(&head, "sec-websocket-accept"), ["a"]);
    for n in 0..50 {
        let message = format!("message {n:04};");
        client.write_all(message.as_bytes()).await.unwrap();
        assert_eq!(read_until(&mut client, ";").await, message);
    }
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut client).await, "");
}

#[tokio::test]
async fn g14_no_tunnel_without_an_agreement() {
    for answer in [
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ] {
        let behind = switching(answer).await;
        let proxy = Setup::to(behind.address).start();
        let ask = ASK.to_owned() + "GET /smuggled HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let said = proxy.send(ask).await;
        assert_eq!(status(&said), 502, "{said}");
    }
    let behind = switching("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await;
    let proxy = Setup::to(behind.address).start();
    let mut client = proxy.connect().await;
    client.write_all(ASK.as_bytes()).await.unwrap();
    let said = read_until(&mut client, "no").await;
    assert_eq!(status(&said), 403);
}

#[tokio::test]
async fn g33_no_other_upgrade_is_forwarded() {
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    for upgrade in [
        "h2c",
        "foo",
        "websocket, h2c",
        "h2c\r\nUpgrade: websocket",
        "TLS/1.0",
    ] {
        let said = proxy
            .send(format!(
                "GET /public HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\n\
                 Upgrade: {upgrade}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
            ))
            .await;
        assert_eq!(status(&said), 200, "{said}");
        let seen = body(&said).to_lowercase();
        assert!(
            !seen.contains("upgrade") && !seen.contains("http2-settings"),
            "{seen}"
        );
    }
}

#[tokio::test]
async fn g21_a_websocket_needs_a_credential_like_any_call() {
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    let said = proxy
        .send(
            ASK.replace("X-API-Key: good\r\n", "")
                + "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        )
        .await;
    assert_eq!(status(&said), 401);
}

#[tokio::test]
async fn a_silent_tunnel_ends() {
    let behind = switching(AGREED).await;
    let mut setup = Setup::to(behind.address);
    setup.limits.tunnel_idle_timeout = Duration::from_millis(50);
    let proxy = setup.start();
    let mut client = proxy.connect().await;
    client.write_all(ASK.as_bytes()).await.unwrap();
    let said = read_all(&mut client).await;
    assert_eq!(status(&said), 101);
}
