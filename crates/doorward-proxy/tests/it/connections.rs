use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::harness::*;

const SHORT: Duration = Duration::from_millis(40);

#[tokio::test]
async fn g32_silent_and_slow_callers_are_closed() {
    let behind = echo().await;
    let mut setup = Setup::to(behind.address);
    setup.limits.header_timeout = SHORT;
    setup.limits.idle_timeout = SHORT;
    let proxy = setup.start();
    for sent in [
        "",
        "GE",
        "GET / HTTP/1.1\r\nHost",
        "GET /public HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let mut client = proxy.connect().await;
        client.write_all(sent.as_bytes()).await.unwrap();
        read_all(&mut client).await;
    }
    // One byte now and then does not buy time.
    let mut client = proxy.connect().await;
    let drip = async {
        for _ in 0.. {
            client.write_all(b"A").await?;
            tokio::time::sleep(SHORT / 8).await;
        }
        Ok::<(), std::io::Error>(())
    };
    timeout(PATIENCE, drip).await.unwrap().unwrap_err();
}

#[tokio::test]
async fn g32_a_caller_who_does_not_read_is_closed() {
    let behind = behind(|mut stream, _| async move {
        read_until(&mut stream, "\r\n\r\n").await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let piece = vec![0; 64 * 1024];
        while stream.write_all(&piece).await.is_ok() {}
    })
    .await;
    let mut setup = Setup::to(behind.address);
    setup.limits.write_timeout = SHORT;
    let proxy = setup.start();
    let mut client = proxy.connect().await;
    client
        .write_all(b"GET /public HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let gone = async {
        while proxy.door.connections() != 0 || proxy.log.finished.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone)
        .await
        .expect("the connection stays open");
    assert!(!proxy.log.finished.lock().unwrap()[0].complete);
}

#[tokio::test]
async fn r116_heads_are_bounded() {
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    let long = "a".repeat(9000);
    assert_eq!(
        status(&proxy.get(&format!("/public/{long}"), "").await),
        414
    );
    let many: String = (0..101).map(|n| format!("X-{n}: 1\r\n")).collect();
    assert_eq!(status(&proxy.get("/public", &many).await), 431);
    let large = format!("X-Large: {}\r\n", "a".repeat(33 * 1024));
    assert_eq!(status(&proxy.get("/public", &large).await), 431);
    let fits = format!("X-Large: {}\r\n", "a".repeat(30 * 1024));
    assert_eq!(status(&proxy.get("/public", &fits).await), 200);
    assert_eq!(
        behind.connections.load(std::sync::atomic::Ordering::SeqCst),
        1
    );
}

#[tokio::test]
async fn g32_connections_of_one_address_are_capped() {
    let behind = echo().await;
    let mut setup = Setup::to(behind.address);
    setup.limits.connections_per_address = 2;
    let proxy = setup.start();
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut client = proxy.connect().await;
        client
            .write_all(b"GET /public HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        read_until(&mut client, "\r\n\r\n").await;
        open.push(client);
    }
    let mut third = proxy.connect().await;
    assert_eq!(read_all(&mut third).await, "");
    drop(open);
    while proxy.door.connections() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(status(&proxy.get("/public", "").await), 200);
}

#[tokio::test]
async fn r130_a_drain_finishes_what_has_begun() {
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&arrived), Arc::clone(&go_on));
    let behind = behind(move |mut stream, _| {
        let (tell, wait) = (Arc::clone(&tell), Arc::clone(&wait));
        async move {
            read_until(&mut stream, "\r\n\r\n").await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
                .await
                .unwrap();
            tell.notify_one();
            wait.notified().await;
            stream.write_all(b"world").await.unwrap();
        }
    })
    .await;
    let proxy = Setup::to(behind.address).start();
    let mut idle = proxy.connect().await;
    idle.write_all(b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut idle, "keys").await;
    let mut busy = proxy.connect().await;
    busy.write_all(b"GET /public HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    arrived.notified().await;
    proxy.stop.send(true).unwrap();
    // The idle one is closed at once, and nobody new is let in.
    timeout(PATIENCE, idle.read_to_end(&mut Vec::new()))
        .await
        .unwrap()
        .unwrap();
    assert!(!proxy.running.is_finished());
    go_on.notify_one();
    assert!(read_all(&mut busy).await.ends_with("helloworld"));
    timeout(PATIENCE, proxy.running).await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(proxy.address).await.is_err());
}

#[tokio::test]
async fn r130_a_drain_ends_at_its_deadline() {
    let behind = behind(|mut stream, _| async move {
        read_until(&mut stream, "\r\n\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut setup = Setup::to(behind.address);
    setup.deadline = SHORT;
    let proxy = setup.start();
    let mut client = proxy.connect().await;
    client
        .write_all(b"GET /public HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    while behind.connections.load(std::sync::atomic::Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    proxy.stop.send(true).unwrap();
    timeout(PATIENCE, proxy.running).await.unwrap().unwrap();
    assert_eq!(read_all(&mut client).await, "");
}
