use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use doorward_core::policy::BodyRule;
use doorward_proxy::Protocol;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::timeout;

use crate::harness::*;

/// A body of given frames.
struct Frames(VecDeque<Frame<Bytes>>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

fn frames(text: &'static str, trailers: &[(&'static str, &'static str)]) -> Frames {
    let mut all = VecDeque::new();
    if !text.is_empty() {
        all.push_back(Frame::data(Bytes::from_static(text.as_bytes())));
    }
    if !trailers.is_empty() {
        let map = trailers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect::<HeaderMap>();
        all.push_back(Frame::trailers(map));
    }
    Frames(all)
}

async fn client(proxy: &Proxy) -> SendRequest<Frames> {
    let io = TokioIo::new(proxy.connect().await);
    let (sender, conn) = handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(conn);
    sender
}

fn get(path: &str) -> http::request::Builder {
    Request::builder()
        .uri(format!("http://api.test{path}"))
        .version(Version::HTTP_2)
}

async fn text(response: Response<Incoming>) -> (StatusCode, String, HeaderMap) {
    let status = response.status();
    let whole = timeout(PATIENCE, response.into_body().collect())
        .await
        .unwrap()
        .unwrap();
    let trailers = whole.trailers().cloned().unwrap_or_default();
    (
        status,
        String::from_utf8(whole.to_bytes().to_vec()).unwrap(),
        trailers,
    )
}

/// An HTTP/2 upstream that answers with what it got, and a trailer.
async fn h2_echo() -> Behind {
    behind(|stream, _| async move {
        let service = service_fn(|request: Request<Incoming>| async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap();
            let trailers = body.trailers().cloned().unwrap_or_default();
            let seen = format!("{:?}|{:?}|{trailers:?}", parts.uri, parts.headers);
            let seen = format!("{seen}|{}", String::from_utf8_lossy(&body.to_bytes()));
            let answer = Frames(VecDeque::from([
                Frame::data(Bytes::from(seen)),
                Frame::trailers(HeaderMap::from_iter([(
                    http::HeaderName::from_static("grpc-status"),
                    HeaderValue::from_static("0"),
                )])),
            ]));
            Ok::<_, Infallible>(
                Response::builder()
                    .header("trailer", "grpc-status")
                    .body(answer)
                    .unwrap(),
            )
        });
        let _end = http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await;
    })
    .await
}

#[tokio::test]
async fn g15_http2_becomes_correct_http1() {
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    let mut sender = client(&proxy).await;
    let request = get("/guarded/a?b=c")
        .header("x-api-key", "good")
        .header("x_user", "root")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .header("te", "trailers")
        .body(frames("", &[]))
        .unwrap();
    let (status, seen, _) = text(sender.send_request(request).await.unwrap()).await;
    assert_eq!(status, 200);
    assert!(
        seen.starts_with("GET /guarded/a?b=c HTTP/1.1\r\n"),
        "{seen}"
    );
    assert_eq!(values(&seen, "host"), [behind.address.to_string()]);
    assert_eq!(values(&seen, "x-forwarded-host"), ["api.test"]);
    assert_eq!(values(&seen, "cookie"), ["a=1; b=2"]);
    assert_eq!(values(&seen, "te"), ["trailers"]);
    assert_eq!(values(&seen, "x-doorward-subject"), ["alice"]);
    assert!(!seen.contains("root") && !seen.contains("good"));
}

#[tokio::test]
async fn r109_http2_trailers_become_http1_trailers() {
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    let mut sender = client(&proxy).await;
    let request = get("/public")
        .method("POST")
        .header("trailer", "x-sum, x-doorward-subject")
        .body(frames(
            "hello",
            &[("x-sum", "7"), ("x-doorward-subject", "root")],
        ))
        .unwrap();
    let (_, seen, _) = text(sender.send_request(request).await.unwrap()).await;
    assert!(
        seen.ends_with("5\r\nhello\r\n0\r\nx-sum: 7\r\n\r\n"),
        "{seen}"
    );
}

#[tokio::test]
async fn r109_grpc_shaped_calls_pass_end_to_end() {
    let behind = h2_echo().await;
    let mut setup = Setup::to(behind.address);
    setup.upstream.protocol = Protocol::Http2;
    let proxy = setup.start();
    let mut sender = client(&proxy).await;
    for _ in 0..3 {
        let request = get("/guarded")
            .method("POST")
            .header("x-api-key", "good")
            .header("te", "trailers")
            .body(frames("hello", &[("x-sum", "7")]))
            .unwrap();
        let (status, seen, trailers) = text(sender.send_request(request).await.unwrap()).await;
        assert_eq!(status, 200);
        assert!(
            seen.contains("\"x-sum\": \"7\"") && seen.ends_with("|hello"),
            "{seen}"
        );
        assert!(
            seen.contains("\"te\": \"trailers\"") && !seen.contains("connection"),
            "{seen}"
        );
        assert!(
            seen.contains(&format!("http://{}/guarded", behind.address)),
            "{seen}"
        );
        assert_eq!(trailers["grpc-status"], "0");
    }
    assert_eq!(behind.connections.load(Ordering::SeqCst), 1);
    // The same from HTTP/1.1.
    let answer = proxy
        .send(
            "GET /guarded HTTP/1.1\r\nHost: a\r\nX-API-Key: good\r\nTE: trailers\r\n\
             Connection: close, TE\r\n\r\n",
        )
        .await;
    assert!(answer.ends_with("0\r\ngrpc-status: 0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn g32_streams_are_capped_and_independent() {
    let behind = behind(|mut stream, _| async move {
        let mut seen = Vec::new();
        while let Some(request) = next_request(&mut stream, &mut seen).await {
            if request.starts_with(b"GET /public/hang") {
                std::future::pending::<()>().await;
            }
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            tokio::io::AsyncWriteExt::write_all(&mut stream, answer)
                .await
                .unwrap();
        }
    })
    .await;
    let proxy = Setup::to(behind.address).start();
    let mut sender = client(&proxy).await;
    let _hanging = sender.send_request(get("/public/hang").body(frames("", &[])).unwrap());
    for _ in 0..200 {
        let answer = sender.send_request(get("/public").body(frames("", &[])).unwrap());
        let (status, body, _) = text(timeout(PATIENCE, answer).await.unwrap().unwrap()).await;
        assert_eq!((status.as_u16(), &*body), (200, "ok"));
    }
}

#[tokio::test]
async fn g15_two_hosts_in_http2_are_refused() {
    let behind = echo().await;
    let proxy = Setup::to(behind.address).start();
    let mut sender = client(&proxy).await;
    let request = get("/public")
        .header("host", "other.test")
        .body(frames("", &[]))
        .unwrap();
    let answer = sender.send_request(request).await;
    assert!(answer.is_err() || answer.unwrap().status() == 400);
}

#[tokio::test]
async fn g30_a_judged_body_is_the_body_that_an_http2_upstream_gets() {
    let upstream = h2_echo().await;
    let mut setup = Setup::to(upstream.address);
    setup.upstream.protocol = Protocol::Http2;
    setup.binding.body = Some(BodyRule::default());
    let proxy = setup.start();
    let mut client = client(&proxy).await;
    let post = |body: Frames| {
        let request = get("/public/x").method("POST");
        let request = request.header("content-type", "application/json");
        request.body(body).unwrap()
    };
    let good = post(frames("good", &[("x-late", "1")]));
    let (status, body, _) = text(client.send_request(good).await.unwrap()).await;
    assert_eq!(status, 200, "{body}");
    assert!(
        body.ends_with("|good") && body.contains("\"content-length\": \"4\""),
        "{body}"
    );
    assert!(!body.contains("x-late"), "{body}");
    for body in [frames("bad", &[]), frames("bad", &[("x-late", "1")])] {
        let (status, body, _) = text(client.send_request(post(body)).await.unwrap()).await;
        assert_eq!(status, 403, "{body}");
    }
    let none = post(frames("", &[]));
    let (status, body, _) = text(client.send_request(none).await.unwrap()).await;
    assert_eq!(status, 200);
    assert!(body.ends_with('|'), "{body}");
    assert_eq!(upstream.connections.load(Ordering::SeqCst), 1);
}
