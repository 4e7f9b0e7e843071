//! The layer as tower expects one to be.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use doorward_tower::GuardedBody;
use http::{Request, Response};
use http_body_util::Full;
use tower_layer::Layer;
use tower_service::Service;

use crate::world::{World, answer, empty};

/// A service that must be asked whether it is ready before each call, as tower lets services
/// demand; a clone is not ready.
#[derive(Default)]
struct Strict {
    is_ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self {
            is_ready: false,
            calls: Arc::clone(&self.calls),
        }
    }
}

impl Service<Request<GuardedBody<Full<Bytes>>>> for Strict {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<GuardedBody<Full<Bytes>>>) -> Self::Future {
        assert!(self.is_ready, "called without being ready");
        self.is_ready = false;
        self.calls.fetch_add(1, Ordering::Relaxed);
        ready(Ok(Response::new(Full::default())))
    }
}

#[tokio::test]
async fn the_service_that_was_ready_is_the_one_that_is_called() {
    let world = World::new();
    let strict = Strict::default();
    let calls = Arc::clone(&strict.calls);
    let mut service = world.layer().layer(strict);
    for n in 1..=3 {
        let request = world.ask("GET", "/orders").body(empty()).unwrap();
        assert_eq!(answer(&mut service, request).await.status, 200);
        assert_eq!(calls.load(Ordering::Relaxed), n);
        let mut other = service.clone();
        let request = world.ask("GET", "/nothing").body(empty()).unwrap();
        assert_eq!(answer(&mut other, request).await.status, 403);
    }
}
