//! The PROXY protocol, in and out.

use std::time::Duration;

use doorward_core::net::Cidrs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::*;

const CALL: &str = "GET /public HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn the_callers_address_is_that_of_the_header() {
    let behind = echo().await;
    let mut setup = Setup::to(behind.address);
    setup.introducers = Some(Cidrs::parse(["127.0.0.1"]).unwrap());
    let proxy = setup.start();
    for header in [
        &b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n"[..],
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\x7f\0\0\x01\0\x01\0\x02",
    ] {
        let answer = proxy.send([header, CALL.as_bytes()].concat()).await;
        assert_eq!(status(&answer), 200, "{answer}");
        let seen = body(&answer).to_ascii_lowercase();
        assert!(
            seen.contains("192.0.2.7") && !seen.contains("127.0.0.1\r\n"),
            "{seen}"
        );
    }
}

#[tokio::test]
async fn without_a_header_or_from_a_stranger_there_is_no_answer() {
    let behind = echo().await;
    let start = |peers: &[&'static str]| {
        let mut setup = Setup::to(behind.address);
        setup.introducers = Some(Cidrs::parse(peers.iter().copied()).unwrap());
        setup.limits.handshake_timeout = Duration::from_millis(200);
        setup.start()
    };
    let good = format!("PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n{CALL}");
    let proxy = start(&["127.0.0.1"]);
    for bad in [
        CALL.to_owned(),
        format!("PROXY UNKNOWN\r\n{CALL}"),
        format!("\r\n{good}"),
        // Cut off: the deadline ends it.
        "PROXY TCP4 192.0.2.7 127".to_owned(),
        String::new(),
    ] {
        assert_eq!(proxy.send(&bad).await, "", "{bad}");
    }
    let twice = format!("PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n{good}");
    assert!(!proxy.send(twice).await.contains(" 200 "));
    let stranger = start(&["192.0.2.0/24"]);
    assert_eq!(stranger.send(&good).await, "");
    assert_eq!(
        behind.connections.load(std::sync::atomic::Ordering::SeqCst),
        0
    );
}

#[tokio::test]
async fn g07_a_caller_from_elsewhere_is_not_on_loopback() {
    let behind = echo().await;
    let mut setup = Setup::to(behind.address);
    setup.introducers = Some(Cidrs::parse(["127.0.0.1"]).unwrap());
    let proxy = setup.start();
    let call = |client: &str| {
        let call = CALL.replace("/public", "/guarded");
        let call = call.replace("Connection", "Authorization: Key good\r\nConnection");
        format!("PROXY TCP4 {client} 127.0.0.1 1 2\r\n{call}")
    };
    assert_eq!(status(&proxy.send(call("127.0.0.1")).await), 200);
    let refused = status(&proxy.send(call("192.0.2.7")).await);
    assert!(matches!(refused, 400..=403), "{refused}");
}

#[tokio::test]
async fn connections_are_counted_by_the_address_of_the_header() {
    let behind = echo().await;
    let mut setup = Setup::to(behind.address);
    setup.introducers = Some(Cidrs::parse(["127.0.0.1"]).unwrap());
    setup.limits.connections_per_address = 1;
    let proxy = setup.start();
    let call = |client: &str| format!("PROXY TCP4 {client} 127.0.0.1 1 2\r\n{CALL}");
    let open = call("192.0.2.7").replace("Connection: close\r\n", "");
    let mut held = proxy.connect().await;
    held.write_all(open.as_bytes()).await.unwrap();
    read_until(&mut held, "\r\n\r\n").await;
    assert_eq!(proxy.send(call("192.0.2.7")).await, "");
    assert_eq!(status(&proxy.send(call("192.0.2.8")).await), 200);
}

#[tokio::test]
async fn an_upstream_that_asks_hears_whose_call_it_is_on_a_connection_of_its_own() {
    let behind = behind(|mut stream, _| async move {
        let mut header = [0; 28];
        stream.read_exact(&mut header).await.unwrap();
        let told = format!("{:?} {:?}", &header[12..16], &header[16..20]);
        let mut seen = Vec::new();
        while next_request(&mut stream, &mut seen).await.is_some() {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", told.len());
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(told.as_bytes()).await.unwrap();
        }
    })
    .await;
    let mut setup = Setup::to(behind.address);
    setup.upstream.proxy_protocol = true;
    setup.introducers = Some(Cidrs::parse(["127.0.0.1"]).unwrap());
    let proxy = setup.start();
    for last in [7, 8] {
        let call = format!("PROXY TCP4 192.0.2.{last} 127.0.0.1 1 2\r\n{CALL}");
        let told = format!("[33, 17, 0, 12] [192, 0, 2, {last}]");
        assert_eq!(body(&proxy.send(call).await), told);
    }
    let connections = behind.connections.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(connections, 2, "no connection is shared by two callers");
}
