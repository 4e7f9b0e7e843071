use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::harness::*;

#[tokio::test]
async fn an_upstream_that_is_down_is_a_502() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let proxy = Setup::to(address).start();
    let answer = proxy.get("/public", "").await;
    assert_eq!(status(&answer), 502);
    let id = values(&answer, "doorward-decision")[0];
    assert!(
        body(&answer).contains(id) && answer.contains("upstream_failed"),
        "{answer}"
    );
    assert!(
        !answer.contains(&address.port().to_string()),
        "details are the operator's"
    );
    let failed = proxy.log.failed.lock().unwrap().join("\n");
    assert!(failed.contains("cannot be reached"), "{failed}");
}

#[tokio::test]
async fn an_upstream_that_talks_nonsense_is_a_502() {
    for nonsense in [
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "",
    ] {
        let behind = behind(move |mut stream, _| async move {
            read_until(&mut stream, "\r\n\r\n").await;
            stream.write_all(nonsense.as_bytes()).await.unwrap();
        })
        .await;
        let proxy = Setup::to(behind.address).start();
        let answer = proxy.get("/public", "").await;
        assert_eq!(status(&answer), 502, "{nonsense:?}: {answer}");
    }
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_is_a_504() {
    let behind = behind(|mut stream, _| async move {
        read_until(&mut stream, "\r\n\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut setup = Setup::to(behind.address);
    setup.forwarding.timeout = Duration::from_millis(50);
    let proxy = setup.start();
    let answer = proxy.get("/public", "").await;
    assert_eq!(status(&answer), 504, "{answer}");
}

#[tokio::test]
async fn a_truncated_answer_is_not_passed_off_as_whole() {
    for (head, complete) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", false),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            false,
        ),
        ("HTTP/1.1 200 OK\r\n\r\nhello", true),
    ] {
        let behind = behind(move |mut stream, _| async move {
            read_until(&mut stream, "\r\n\r\n").await;
            stream.write_all(head.as_bytes()).await.unwrap();
        })
        .await;
        let proxy = Setup::to(behind.address).start();
        let answer = proxy.get("/public", "").await;
        assert_eq!(answer.ends_with("0\r\n\r\n"), complete, "{answer}");
        let access = proxy.log.finished.lock().unwrap()[0];
        assert_eq!((access.complete, access.bytes_out), (complete, 5), "{head}");
    }
}

#[tokio::test]
async fn connections_are_reused_and_closed_ones_are_not() {
    let behind = behind(|mut stream, _| async move {
        let mut seen = Vec::new();
        while let Some(request) = next_request(&mut stream, &mut seen).await {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .await
                .unwrap();
            if request.starts_with(b"GET /public/last") {
                return;
            }
        }
    })
    .await;
    let proxy = Setup::to(behind.address).start();
    for (n, path) in ["/public", "/public", "/public/last", "/public", "/public"]
        .iter()
        .enumerate()
    {
        assert_eq!(status(&proxy.get(path, "").await), 200, "{n}");
    }
    assert_eq!(behind.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_connection_with_an_incomplete_exchange_is_never_used_again() {
    let behind = behind(|mut stream, _| async move {
        let mut seen = Vec::new();
        while let Some(request) = next_request(&mut stream, &mut seen).await {
            let answer = if request.starts_with(b"GET /public/big") {
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n{}",
                    "SECRET".repeat(9999)
                )
            } else {
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned()
            };
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await;
    let proxy = Setup::to(behind.address).start();
    let mut client = proxy.connect().await;
    client
        .write_all(b"GET /public/big HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut client, "SECRET").await;
    drop(client);
    for _ in 0..3 {
        let answer = proxy.get("/public", "").await;
        assert_eq!(body(&answer), "ok");
    }
    assert_eq!(behind.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn surplus_bytes_after_an_answer_never_become_the_next_answer() {
    for surplus in ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "x"] {
        let behind = behind(move |mut stream, number| async move {
            let mut seen = Vec::new();
            while next_request(&mut stream, &mut seen).await.is_some() {
                let surplus = if number == 0 { surplus } else { "" };
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok{surplus}");
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        })
        .await;
        let proxy = Setup::to(behind.address).start();
        for _ in 0..3 {
            let answer = proxy.get("/public", "").await;
            assert_eq!(body(&answer), "ok", "{answer}");
        }
        assert!(behind.connections.load(Ordering::SeqCst) >= 2);
    }
}

#[tokio::test]
async fn a_post_is_never_sent_twice() {
    let behind = behind(|mut stream, _| async move {
        let mut seen = Vec::new();
        next_request(&mut stream, &mut seen).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .await
            .unwrap();
        // Takes a second request and hangs up without a word.
        next_request(&mut stream, &mut seen).await;
    })
    .await;
    let proxy = Setup::to(behind.address).start();
    assert_eq!(status(&proxy.get("/public", "").await), 200);
    let post =
        "POST /public HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
    assert_eq!(status(&proxy.send(post).await), 502);
    assert_eq!(behind.connections.load(Ordering::SeqCst), 1);
}

/// A kept connection that the upstream closes while it takes the next request must not hold that
/// up until the deadline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_connection_that_the_upstream_closes_stalls_no_call() {
    let behind = behind(|mut stream, number| async move {
        let mut seen = Vec::new();
        while next_request(&mut stream, &mut seen).await.is_some() {
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
            // Every other connection is closed as soon as it has answered.
            if number % 2 == 0 {
                return;
            }
        }
    })
    .await;
    let mut setup = Setup::to(behind.address);
    setup.forwarding.timeout = Duration::from_secs(3600);
    let proxy = setup.start();
    let mut client = proxy.connect().await;
    for n in 0..400_u32 {
        let ask = "GET /public HTTP/1.1\r\nHost: a\r\n\r\n";
        client.write_all(ask.as_bytes()).await.unwrap();
        let said = read_until(&mut client, "\r\n\r\n").await;
        let wanted = [200, 502];
        assert!(wanted.contains(&status(&said)), "{said}");
        if status(&said) == 200 && !said.ends_with("ok") {
            read_until(&mut client, "ok").await;
        } else if status(&said) == 502 {
            client = proxy.connect().await;
        }
        // The close comes a little sooner or later than the next request.
        for _ in 0..n % 20 {
            tokio::task::yield_now().await;
        }
    }
}
