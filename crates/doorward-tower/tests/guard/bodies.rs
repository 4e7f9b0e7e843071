//! Bodies: judged ones whole, all others within their bound.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use http_body::{Body, Frame};
use http_body_util::Full;

use crate::world::{World, ask};

pub(crate) type Frames = Vec<Result<Frame<Bytes>, std::io::Error>>;

/// A body of these frames, whose length nobody knows before.
pub(crate) struct Chunked(std::vec::IntoIter<Result<Frame<Bytes>, std::io::Error>>);

impl Body for Chunked {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(self.0.next())
    }
}

/// A body that begins and never goes on.
struct Stalling(Option<Bytes>);

impl Body for Stalling {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => Poll::Pending,
        }
    }
}

pub(crate) fn chunked(frames: Frames) -> Chunked {
    Chunked(frames.into_iter())
}

fn whole(text: &'static str) -> Full<Bytes> {
    Full::from(text)
}

pub(crate) fn data(bytes: &'static [u8]) -> Result<Frame<Bytes>, std::io::Error> {
    Ok(Frame::data(Bytes::from_static(bytes)))
}

pub(crate) fn trailers() -> Result<Frame<Bytes>, std::io::Error> {
    let mut trailers = HeaderMap::new();
    for name in [
        "x-doorward-subject",
        "authorization",
        "x_api_key",
        "content-length",
        "grpc-status",
    ] {
        trailers.insert(name, HeaderValue::from_static("0"));
    }
    Ok(Frame::trailers(trailers))
}

fn order<B>(world: &World, body: B) -> Request<B> {
    let request = world.ask("POST", "/orders");
    request
        .header("content-type", "application/json")
        .body(body)
        .unwrap()
}

#[tokio::test]
async fn g30_the_service_gets_exactly_the_bytes_that_were_judged() {
    let world = World::new();
    let frames = vec![data(b"{\"item\""), data(b":\"tea\"}"), trailers()];
    let mut request = order(&world, chunked(frames));
    for (name, value) in [
        ("transfer-encoding", "chunked"),
        ("trailer", "x-doorward-subject"),
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
    ] {
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    let answer = world.send(&world.layer(), request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let got = world.got().remove(0);
    let (body, trailers) = got.body.unwrap();
    assert_eq!((&*body, trailers), (&b"{\"item\":\"tea\"}"[..], None));
    assert_eq!(got.head.headers["content-length"], "14");
    for gone in ["transfer-encoding", "trailer", "connection", "upgrade"] {
        assert!(!got.head.headers.contains_key(gone), "{gone}");
    }
    assert_eq!(world.records(), 1);
}

#[tokio::test]
async fn g30_a_body_that_cannot_be_judged_or_may_not_be_sent_ends_the_call() {
    let world = World::new();
    let long: &[u8] = Box::leak(vec![b' '; 1001].into_boxed_slice());
    let broken = || Err(std::io::Error::other("gone"));
    for (frames, status, code) in [
        (vec![data(b"{\"price\":0}")], 403, "body_field_denied"),
        (
            vec![data(b"{\"item\":1,\"item\":2}")],
            403,
            "body_field_denied",
        ),
        (
            vec![data(b"{\"item\":1}"), data(long)],
            413,
            "body_too_large",
        ),
        (vec![data(b"{\"item\":1}"), broken()], 400, "body_malformed"),
        (vec![data(b"{\"item\":")], 400, "body_malformed"),
    ] {
        let before = world.records();
        let answer = world
            .send(&world.layer(), order(&world, chunked(frames)))
            .await;
        assert_eq!((answer.status, &*answer.code()), (status, code));
        assert_eq!(world.records(), before + 1);
        assert_eq!(world.record()["outcome"], "refused");
    }
    for (name, value, status) in [
        ("content-encoding", "gzip", 415),
        ("content-type", "text/plain", 415),
        ("content-length", "1001", 413),
        ("content-length", "99999999999999999999999999", 413),
    ] {
        let mut request = order(&world, whole("{\"item\":1}"));
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
        assert_eq!(
            world.send(&world.layer(), request).await.status,
            status,
            "{name}: {value}"
        );
    }
    assert!(world.got().is_empty());
}

#[tokio::test(start_paused = true)]
async fn g32_a_body_that_does_not_come_is_given_up_and_held_memory_is_bounded() {
    let world = World::new();
    let layer = world
        .layer()
        .body_time(Duration::from_secs(3))
        .held_bytes(14);
    let never = Stalling(Some(Bytes::from_static(b"{\"item\"")));
    let waiting = world.send(&layer, order(&world, never));
    // While seven bytes are held, no other eight can be.
    let other = async {
        tokio::task::yield_now().await;
        world
            .send(&layer, order(&world, whole("{\"item\":1}")))
            .await
    };
    let (stalled, full) = tokio::join!(waiting, other);
    assert_eq!((stalled.status, &*stalled.code()), (408, "body_timeout"));
    assert_eq!((full.status, &*full.code()), (503, "unavailable"));
    assert!(world.got().is_empty());
    let answer = world
        .send(&layer, order(&world, whole("{\"item\":1}")))
        .await;
    assert_eq!(answer.status, 200, "the memory is given back");
}

#[tokio::test]
async fn g30_a_streamed_body_has_the_bound_of_its_rule_whatever_the_service_does() {
    let world = World::new();
    let layer = world.layer();
    let long: &[u8] = Box::leak(vec![b'x'; 1000].into_boxed_slice());
    let request = ask("POST", "/notes")
        .body(chunked(vec![data(long), trailers()]))
        .unwrap();
    assert_eq!(world.send(&layer, request).await.status, 200);
    let (body, trailers) = world.got().remove(0).body.unwrap();
    assert_eq!(body, long);
    let trailers = trailers.unwrap();
    assert_eq!(trailers.keys().collect::<Vec<_>>(), ["grpc-status"]);

    let request = ask("POST", "/notes")
        .body(chunked(vec![data(long), data(b"x")]))
        .unwrap();
    let answer = world.send(&layer, request).await;
    // The service has answered 200 without caring.
    assert_eq!((answer.status, &*answer.code()), (413, "body_too_large"));
    assert!(world.got().remove(0).body.is_err());

    let request = ask("POST", "/notes").header("content-length", "1001");
    let answer = world.send(&layer, request.body(whole("x")).unwrap()).await;
    assert_eq!((answer.status, &*answer.code()), (413, "body_too_large"));
    assert_eq!(answer.header("connection"), "close");
    assert!(world.got().is_empty());
}
