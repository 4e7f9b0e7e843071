use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::harness::*;

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn r109_large_bodies_are_streamed_and_never_held() {
    let progress = Arc::new(AtomicU64::new(0));
    let goal = 64 * MIB;
    let seen = Arc::clone(&progress);
    let behind = behind(move |mut stream, _| {
        let seen = Arc::clone(&seen);
        async move {
            let head = read_until(&mut stream, "\r\n\r\n").await;
            assert!(head.contains("content-length: 67108864"), "{head}");
            let mut count = head.split_once("\r\n\r\n").unwrap().1.len();
            let mut buffer = vec![0; 64 * 1024];
            while count < goal {
                count += stream.read(&mut buffer).await.unwrap();
                seen.store(count as u64, Ordering::SeqCst);
            }
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {goal}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let piece = vec![b'd'; 64 * 1024];
            for _ in 0..goal / piece.len() {
                stream.write_all(&piece).await.unwrap();
            }
        }
    })
    .await;
    let proxy = Setup::to(behind.address).start();
    let mut client = proxy.connect().await;
    let head = format!("POST /public HTTP/1.1\r\nHost: a\r\nContent-Length: {goal}\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    let piece = vec![b'u'; 64 * 1024];
    for n in 0..goal / piece.len() {
        timeout(PATIENCE, client.write_all(&piece))
            .await
            .unwrap()
            .unwrap();
        // What was sent and has not arrived is in buffers: theirs, ours and the kernel's.
        let held = (n as u64 + 1) * piece.len() as u64 - progress.load(Ordering::SeqCst);
        assert!(held < 32 * MIB as u64, "{held} bytes are held");
    }
    let head = read_until(&mut client, "\r\n\r\n").await;
    assert_eq!(status(&head), 200);
    let mut count = head.split_once("\r\n\r\n").unwrap().1.len();
    let mut buffer = vec![0; 64 * 1024];
    while count < goal {
        let read = timeout(PATIENCE, client.read(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        assert!(read > 0);
        count += read;
    }
    assert_eq!(count, goal);
}

#[tokio::test]
async fn r109_an_upstream_is_slowed_down_to_its_reader() {
    let written = Arc::new(AtomicUsize::new(0));
    let stuck = Arc::new(Notify::new());
    let (count, tell) = (Arc::clone(&written), Arc::clone(&stuck));
    let behind = behind(move |mut stream, _| {
        let (count, tell) = (Arc::clone(&count), Arc::clone(&tell));
        async move {
            read_until(&mut stream, "\r\n\r\n").await;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let piece = vec![0; 64 * 1024];
            let pause = Duration::from_millis(300);
            while let Ok(Ok(())) = timeout(pause, stream.write_all(&piece)).await {
                count.fetch_add(piece.len(), Ordering::SeqCst);
            }
            tell.notify_one();
        }
    })
    .await;
    let proxy = Setup::to(behind.address).start();
    let mut client = proxy.connect().await;
    client
        .write_all(b"GET /public HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    timeout(PATIENCE, stuck.notified())
        .await
        .expect("the upstream was never slowed down");
    assert!(written.load(Ordering::SeqCst) < 64 * MIB);
}

#[tokio::test]
async fn r109_events_arrive_one_by_one() {
    let next = Arc::new(Notify::new());
    let gate = Arc::clone(&next);
    let behind = behind(move |mut stream, _| {
        let gate = Arc::clone(&gate);
        async move {
            read_until(&mut stream, "\r\n\r\n").await;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            for n in 0..3 {
                let event = format!("9\r\ndata: {n}\n\n\r\n");
                stream.write_all(event.as_bytes()).await.unwrap();
                gate.notified().await;
            }
            stream.write_all(b"0\r\n\r\n").await.unwrap();
        }
    })
    .await;
    let proxy = Setup::to(behind.address).start();
    let mut client = proxy.connect().await;
    client
        .write_all(b"GET /public HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    for n in 0..3 {
        read_until(&mut client, &format!("data: {n}\n\n")).await;
        next.notify_one();
    }
    read_until(&mut client, "0\r\n\r\n").await;
}

#[tokio::test]
async fn r116_a_declared_body_that_is_too_long_never_reaches_the_upstream() {
    let behind = echo().await;
    let mut setup = Setup::to(behind.address);
    setup.forwarding.max_body = Some(10);
    let proxy = setup.start();
    let post = |length: &str, body: &str| {
        proxy.send(format!(
            "POST /public HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    };
    let answer = post("11", "").await;
    assert_eq!(status(&answer), 413);
    assert!(answer.contains("body_too_large"), "{answer}");
    assert_eq!(behind.connections.load(Ordering::SeqCst), 0);
    assert_eq!(status(&post("10", "0123456789").await), 200);
}

#[tokio::test]
async fn r116_a_streamed_body_that_grows_too_long_is_cut_off() {
    let whole = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&whole);
    let behind = behind(move |mut stream, _| {
        let count = Arc::clone(&count);
        async move {
            let mut seen = Vec::new();
            if next_request(&mut stream, &mut seen).await.is_some() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    let mut setup = Setup::to(behind.address);
    setup.forwarding.max_body = Some(10);
    let proxy = setup.start();
    let answer = proxy
        .send(
            "POST /public HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
             8\r\n01234567\r\n8\r\n01234567\r\n0\r\n\r\n",
        )
        .await;
    assert_eq!(status(&answer), 413, "{answer}");
    assert_eq!(
        whole.load(Ordering::SeqCst),
        0,
        "the upstream got a complete request"
    );
}

#[tokio::test]
async fn g13_a_broken_body_is_the_callers_fault() {
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    let answer = proxy
        .send(
            "POST /public HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
             zz\r\n0\r\n\r\n",
        )
        .await;
    assert_eq!(status(&answer), 400, "{answer}");
    assert!(answer.contains("body_malformed"), "{answer}");
}

#[tokio::test]
async fn r108_a_body_that_stalls_is_given_up() {
    let behind = echo().await;
    let mut setup = Setup::to(behind.address);
    setup.limits.body_idle_timeout = Duration::from_millis(50);
    let proxy = setup.start();
    let answer = proxy
        .send("POST /public HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        .await;
    assert_eq!(status(&answer), 408, "{answer}");
}

#[tokio::test]
async fn r109_trailers_pass_and_carry_no_identity() {
    let behind = behind(|mut stream, _| async move {
        let mut seen = Vec::new();
        let request = next_request(&mut stream, &mut seen).await.unwrap();
        let text = String::from_utf8_lossy(&request).into_owned();
        let head = "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer = format!("{head}{:x}\r\n{text}\r\n0\r\nX-Sum: 7\r\n\r\n", text.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let proxy = Setup::to(behind.address).start();
    let answer = proxy
        .send(
            "POST /public HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: close, te\r\n\
             Trailer: X-Check, X-Doorward-Subject, X-API-Key\r\nTransfer-Encoding: chunked\r\n\r\n\
             2\r\nhi\r\n0\r\nX-Check: 1\r\nX-Doorward-Subject: root\r\nX-API-Key: k\r\n\r\n",
        )
        .await
        .to_lowercase();
    assert!(answer.contains("x-check: 1\r\n"), "{answer}");
    assert!(
        !answer.contains(": root") && !answer.contains("x-api-key: k"),
        "{answer}"
    );
    assert!(answer.ends_with("0\r\nx-sum: 7\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn r109_head_range_and_expect_pass() {
    let behind =
        canned("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nAccept-Ranges: bytes\r\n\r\n").await;
    let proxy = Setup::to(behind.address).start();
    let mut client = proxy.connect().await;
    for _ in 0..2 {
        client
            .write_all(b"HEAD /public HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let head = read_until(&mut client, "\r\n\r\n").await;
        assert_eq!(values(&head, "content-length"), ["1000"]);
    }
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    let answer = proxy.get("/public", "Range: bytes=0-9\r\n").await;
    assert_eq!(values(body(&answer), "range"), ["bytes=0-9"]);
    let mut client = proxy.connect().await;
    let head =
        "POST /public HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    read_until(&mut client, "HTTP/1.1 100 Continue\r\n\r\n").await;
    client.write_all(b"hi").await.unwrap();
    let answer = read_until(&mut client, "\r\n\r\nhi").await;
    assert_eq!(status(&answer), 200);
}

#[tokio::test]
async fn an_early_answer_is_relayed_while_the_upload_goes_on() {
    let behind = behind(|mut stream, _| async move {
        read_until(&mut stream, "\r\n\r\n").await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            .await
            .unwrap();
        read_until(&mut stream, "last").await;
        stream.write_all(b"4\r\nlast\r\n0\r\n\r\n").await.unwrap();
    })
    .await;
    let proxy = Setup::to(behind.address).start();
    let mut client = proxy.connect().await;
    client
        .write_all(b"POST /public HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut client, "first").await;
    client.write_all(b"last").await.unwrap();
    read_until(&mut client, "0\r\n\r\n").await;
}

#[tokio::test]
async fn r109_the_body_of_a_get_passes() {
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    for framed in [
        "Content-Length: 2\r\n\r\nhi",
        "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    ] {
        let answer = proxy
            .send(format!(
                "GET /public HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{framed}"
            ))
            .await;
        assert_eq!(status(&answer), 200, "{answer}");
        assert!(body(&answer).contains("\r\nhi"), "{answer}");
    }
}
