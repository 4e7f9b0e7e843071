//! The example over a real socket.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::app::guarded;
use crate::door::open;
use crate::world::Kept;

/// Serves the example; its port, a key of alice and a token of bob.
async fn serve(tells_peers: bool) -> (SocketAddr, String, String) {
    let door = open(Arc::<Kept>::default()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = guarded(door.gate);
    tokio::spawn(async move {
        if tells_peers {
            let service = app.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).await
        } else {
            axum::serve(listener, app.into_make_service()).await
        }
    });
    (address, door.key, door.token)
}

async fn send(address: SocketAddr, head: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let text = format!(
        "{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.get(9..12).unwrap().parse().unwrap();
    (status, answer)
}

#[tokio::test]
async fn r112_the_example_guards_its_service_over_a_real_socket() {
    let (address, key, token) = serve(true).await;
    let key = format!("X-API-Key: {key}");
    let token = format!("Authorization: Bearer {token}");
    let json = "Content-Type: application/json";
    let tea = "{\"item\":\"tea\"}";
    for (head, body, status, part) in [
        (
            "GET /orders HTTP/1.1".to_owned(),
            "",
            401,
            "credential_missing",
        ),
        (
            format!("GET /orders HTTP/1.1\r\n{key}"),
            "",
            200,
            "the orders of alice",
        ),
        (
            format!("GET /orders HTTP/1.1\r\n{token}"),
            "",
            200,
            "the orders of bob",
        ),
        (
            format!("GET /orders/%37 HTTP/1.1\r\n{token}"),
            "",
            200,
            "order 7 of bob",
        ),
        (
            format!("GET /orders HTTP/1.1\r\n{key}\r\n{token}"),
            "",
            400,
            "credential_misplaced",
        ),
        (
            format!("GET /orders HTTP/1.1\r\n{token}x"),
            "",
            401,
            "credential_invalid",
        ),
        (
            format!("POST /orders HTTP/1.1\r\n{key}\r\n{json}"),
            tea,
            200,
            "alice orders {\"item\"",
        ),
        (
            format!("POST /orders HTTP/1.1\r\n{token}\r\n{json}"),
            tea,
            403,
            "insufficient_scope",
        ),
        (
            format!("POST /orders HTTP/1.1\r\n{key}\r\n{json}"),
            "{\"price\":0}",
            403,
            "body_field",
        ),
        (
            format!("GET /elsewhere HTTP/1.1\r\n{key}"),
            "",
            403,
            "forbidden",
        ),
        (
            format!("HEAD /orders HTTP/1.1\r\n{key}"),
            "",
            200,
            "doorward-decision: d",
        ),
        ("GET /health HTTP/1.1".to_owned(), "", 200, "well"),
        (
            "POST /notes HTTP/1.1".to_owned(),
            "seven..",
            200,
            "somebody notes 7 bytes",
        ),
        (
            "GET /health/../orders HTTP/1.1".to_owned(),
            "",
            400,
            "request_malformed",
        ),
    ] {
        let (got, answer) = send(address, &head, body).await;
        assert_eq!(got, status, "{head} {answer}");
        assert!(answer.contains(part), "{head} {answer}");
        assert!(
            answer.contains("\r\ndoorward-decision: d"),
            "{head} {answer}"
        );
    }
}

#[tokio::test]
async fn g07_a_server_that_does_not_tell_who_calls_gets_no_credential_through() {
    let (address, key, _) = serve(false).await;
    let (status, answer) = send(
        address,
        &format!("GET /orders HTTP/1.1\r\nX-API-Key: {key}"),
        "",
    )
    .await;
    assert_eq!(status, 400, "{answer}");
    assert!(answer.contains("https_required"), "{answer}");
    assert_eq!(send(address, "GET /health HTTP/1.1", "").await.0, 200);
}
