//! Several servers behind one upstream, and how much one takes at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use doorward_proxy::{Eject, Protocol, UpstreamConfig};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::harness::*;

const A: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";
const B: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb";

async fn nobody() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

fn several(addresses: &[std::net::SocketAddr]) -> Setup {
    let mut setup = Setup::to(addresses[0]);
    setup.upstream.urls = addresses.iter().map(|a| format!("http://{a}")).collect();
    setup
}

#[tokio::test]
async fn calls_go_to_all_servers_and_each_hears_its_own_name() {
    let (first, second) = (echo().await, echo().await);
    let proxy = several(&[first.address, second.address]).start();
    for _ in 0..4 {
        let answer = proxy.get("/public", "").await;
        assert_eq!(status(&answer), 200, "{answer}");
        let named = [&first, &second]
            .map(|behind| body(&answer).contains(&format!("host: {}\r\n", behind.address)));
        assert!(named[0] != named[1], "{answer}");
    }
    assert_eq!(first.connections.load(Ordering::SeqCst), 1);
    assert_eq!(second.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_costs_no_caller_anything() {
    let good = canned(A).await;
    let mut setup = several(&[nobody().await, good.address, nobody().await]);
    setup.upstream.eject = Eject {
        failures: 2,
        ..Eject::default()
    };
    let proxy = setup.start();
    for n in 0..12 {
        let post = "POST /public HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\
                    Content-Length: 5\r\n\r\nhello";
        let answer = if n % 2 == 0 {
            proxy.get("/public", "").await
        } else {
            proxy.send(post).await
        };
        assert_eq!(status(&answer), 200, "{answer}");
    }
    let states = proxy.door.snapshot().upstreams["u"].servers();
    let available: Vec<bool> = states.iter().map(|state| state.available).collect();
    assert_eq!(available, [false, true, false], "{states:?}");
    assert!(states.iter().all(|state| state.calls == 0), "{states:?}");
}

#[tokio::test]
async fn what_a_server_may_have_begun_is_not_done_by_another() {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let rude = behind(move |mut stream, _| {
        let count = Arc::clone(&count);
        async move {
            if next_request(&mut stream, &mut Vec::new()).await.is_some() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    let proxy = several(&[rude.address, rude.address]).start();
    let post = "POST /public HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for sent in 1..=3 {
        assert_eq!(status(&proxy.send(post).await), 502);
        assert_eq!(taken.load(Ordering::SeqCst), sent, "once each");
    }
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_costs_nothing() {
    for post in [false, true] {
        let closed = Arc::new(Semaphore::new(0));
        let says = Arc::clone(&closed);
        let behind = behind(move |mut stream, _| {
            let says = Arc::clone(&says);
            async move {
                if next_request(&mut stream, &mut Vec::new()).await.is_some() {
                    stream.write_all(A.as_bytes()).await.unwrap();
                }
                // The answer is passed on first, and then the connection is closed.
                tokio::time::sleep(Duration::from_millis(50)).await;
                drop(stream);
                says.add_permits(1);
            }
        })
        .await;
        let mut setup = Setup::to(behind.address);
        setup.forwarding.timeout = Duration::from_secs(3);
        let proxy = setup.start();
        for _ in 0..3 {
            let answer = if post {
                let post = "POST /public HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\
                            Content-Length: 2\r\n\r\nhi";
                proxy.send(post).await
            } else {
                proxy.get("/public", "").await
            };
            assert_eq!(status(&answer), 200, "{answer}");
            closed.acquire().await.unwrap().forget();
        }
    }
}

#[tokio::test]
async fn a_server_that_answers_with_gateway_errors_is_left_out() {
    let bad = canned("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n").await;
    let good = canned(B).await;
    let mut setup = several(&[bad.address, good.address]);
    setup.upstream.eject = Eject {
        failures: 3,
        ..Eject::default()
    };
    let proxy = setup.start();
    let mut failed = 0;
    for _ in 0..20 {
        failed += usize::from(status(&proxy.get("/public", "").await) == 503);
    }
    assert_eq!(failed, 3);
}

#[tokio::test]
async fn all_servers_down_is_a_502_and_not_a_loop() {
    let proxy = several(&[nobody().await, nobody().await, nobody().await]).start();
    for _ in 0..10 {
        assert_eq!(status(&proxy.get("/public", "").await), 502);
    }
}

/// Answers when the gate has permits.
async fn gated(gate: &Arc<Semaphore>) -> Behind {
    let gate = Arc::clone(gate);
    behind(move |mut stream, _| {
        let gate = Arc::clone(&gate);
        async move {
            let mut seen = Vec::new();
            while next_request(&mut stream, &mut seen).await.is_some() {
                gate.acquire().await.unwrap().forget();
                if stream.write_all(A.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn calls_beyond_the_breaker_are_told_to_come_back() {
    let gate = Arc::new(Semaphore::new(0));
    let upstream = gated(&gate).await;
    let mut setup = Setup::to(upstream.address);
    setup.upstream.breaker.max_connections = Some(2);
    setup.upstream.breaker.max_pending = 1;
    let proxy = Arc::new(setup.start());
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let proxy = Arc::clone(&proxy);
            tokio::spawn(async move { proxy.get("/public", "").await })
        })
        .collect();
    let upstreams = proxy.door.snapshot().upstreams.clone();
    while upstreams["u"].overloads() == 0 {
        tokio::task::yield_now().await;
    }
    gate.add_permits(4);
    let mut statuses = Vec::new();
    for call in calls {
        let answer = call.await.unwrap();
        statuses.push(status(&answer));
        if status(&answer) == 503 {
            assert_eq!(values(&answer, "retry-after"), ["1"]);
            assert!(body(&answer).contains("upstream_overloaded"), "{answer}");
        }
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 503]);
    assert!(upstream.connections.load(Ordering::SeqCst) <= 2);
    gate.add_permits(1);
    assert_eq!(
        status(&proxy.get("/public", "").await),
        200,
        "places come back"
    );
}

/// An HTTP/2 server that takes few streams per connection and answers `/public/slow` when the
/// gate opens.
async fn http2_server(gate: &Arc<Semaphore>, streams: u32) -> Behind {
    let gate = Arc::clone(gate);
    behind(move |stream, _| {
        let gate = Arc::clone(&gate);
        async move {
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let gate = Arc::clone(&gate);
                async move {
                    if request.uri().path() == "/public/slow" {
                        gate.acquire().await.unwrap().forget();
                    }
                    let body = Full::new(bytes::Bytes::from_static(b"h2"));
                    Ok::<_, std::convert::Infallible>(http::Response::new(body))
                }
            });
            let _ended = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .max_concurrent_streams(streams)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        }
    })
    .await
}

#[tokio::test]
async fn slow_calls_on_one_http2_connection_do_not_hold_up_the_others() {
    let gate = Arc::new(Semaphore::new(0));
    let upstream = http2_server(&gate, 4).await;
    let mut setup = Setup::to(upstream.address);
    setup.upstream = UpstreamConfig {
        protocol: Protocol::Http2,
        http2_streams: 4,
        ..setup.upstream
    };
    let proxy = Arc::new(setup.start());
    let slow: Vec<_> = (0..9)
        .map(|_| {
            let proxy = Arc::clone(&proxy);
            tokio::spawn(async move { proxy.get("/public/slow", "").await })
        })
        .collect();
    while upstream.connections.load(Ordering::SeqCst) < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for _ in 0..3 {
        assert_eq!(status(&proxy.get("/public/quick", "").await), 200);
    }
    gate.add_permits(9);
    for call in slow {
        assert_eq!(status(&call.await.unwrap()), 200);
    }
    assert_eq!(upstream.connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn who_waited_for_an_http2_connection_that_failed_does_not_try_again_in_turn() {
    let mut setup = Setup::to(nobody().await);
    setup.upstream.protocol = Protocol::Http2;
    let proxy = Arc::new(setup.start());
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let proxy = Arc::clone(&proxy);
            tokio::spawn(async move { proxy.get("/public", "").await })
        })
        .collect();
    for call in calls {
        assert_eq!(status(&call.await.unwrap()), 502);
    }
}
