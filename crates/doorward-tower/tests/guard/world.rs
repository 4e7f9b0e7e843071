//! The example's gate in front of a service that keeps what it gets.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use doorward_core::decision::{Decision, Journal, NotRecorded};
use doorward_tower::{AnswerBody, Arrived, Guard, GuardLayer, GuardedBody};
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tower_layer::Layer;
use tower_service::Service;

use crate::door::{Door, open};

/// Keeps records.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Vec<Value>>);

impl Journal for Kept {
    fn record(&self, decision: &Decision<'_>) -> Result<(), NotRecorded> {
        let mut line = Vec::new();
        decision.write_json(&mut line);
        let record = serde_json::from_slice(&line).unwrap();
        self.0.lock().unwrap().push(record);
        Ok(())
    }
}

/// What the service got: a head, and what could be read of its body with its trailers.
pub(crate) struct Got {
    pub(crate) head: Parts,
    pub(crate) body: Result<(Bytes, Option<http::HeaderMap>), String>,
}

/// A service that keeps what it gets and answers 200 with `served`.
#[derive(Clone, Default)]
pub(crate) struct Keeper(pub(crate) Arc<Mutex<Vec<Got>>>);

impl<B> Service<Request<B>> for Keeper
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: std::fmt::Display,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let kept = Arc::clone(&self.0);
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(all) => {
                    let trailers = all.trailers().cloned();
                    Ok((all.to_bytes(), trailers))
                }
                Err(error) => Err(error.to_string()),
            };
            kept.lock().unwrap().push(Got { head, body });
            Ok(Response::new(Full::from("served")))
        })
    }
}

/// A gate, and a service behind it.
pub(crate) struct World {
    pub(crate) door: Door,
    pub(crate) keeper: Keeper,
    journal: Arc<Kept>,
}

/// What a caller got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl World {
    pub(crate) fn new() -> Self {
        let journal = Arc::new(Kept::default());
        Self {
            door: open(Arc::<Kept>::clone(&journal)).unwrap(),
            keeper: Keeper::default(),
            journal,
        }
    }

    /// A layer that knows that callers come over TLS.
    pub(crate) fn layer(&self) -> GuardLayer {
        GuardLayer::new(Arc::clone(&self.door.gate)).arrival_from(|_| {
            let peer = SocketAddr::from(([192, 0, 2, 1], 4711));
            Some(Arrived::over_tls(peer))
        })
    }

    /// Sends a request through a layer to the service that keeps.
    pub(crate) async fn send<B>(&self, layer: &GuardLayer, request: Request<B>) -> Answer
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut service: Guard<Keeper> = layer.layer(self.keeper.clone());
        answer(&mut service, request).await
    }

    /// A request with alice's key.
    pub(crate) fn ask(&self, method: &str, target: &str) -> http::request::Builder {
        ask(method, target).header("x-api-key", &self.door.key)
    }

    /// What the service got since the last time.
    pub(crate) fn got(&self) -> Vec<Got> {
        std::mem::take(&mut *self.keeper.0.lock().unwrap())
    }

    /// The last record.
    pub(crate) fn record(&self) -> Value {
        self.journal.0.lock().unwrap().last().unwrap().clone()
    }

    /// How many records there are.
    pub(crate) fn records(&self) -> usize {
        self.journal.0.lock().unwrap().len()
    }
}

/// A request without a credential.
pub(crate) fn ask(method: &str, target: &str) -> http::request::Builder {
    let request = Request::builder().method(method).uri(target);
    request.header("host", "orders.example")
}

/// No body.
pub(crate) fn empty() -> Full<Bytes> {
    Full::default()
}

/// Sends a request through a service.
pub(crate) async fn answer<S, B, R>(service: &mut S, request: Request<B>) -> Answer
where
    S: Service<Request<B>, Response = Response<AnswerBody<R>>>,
    S::Error: std::fmt::Debug,
    R: Body,
    R::Error: std::fmt::Debug,
{
    poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
    let (head, body) = service.call(request).await.unwrap().into_parts();
    let exact = body.size_hint().exact();
    let body = body.collect().await.unwrap().to_bytes();
    assert_eq!(exact, Some(body.len() as u64));
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    }
}

impl Answer {
    /// The code of a refusal.
    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        let number = self.header("doorward-decision");
        assert_eq!(body["decision_id"], number, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        body["code"].as_str().unwrap().to_owned()
    }

    /// A header that is there once.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut all = self.headers.get_all(name).iter();
        let (one, None) = (all.next(), all.next()) else {
            panic!("{name}: {self:?}")
        };
        one.map_or("", |value| value.to_str().unwrap())
    }
}

/// A [`GuardedBody`] is a body for axum and hyper alike.
const _: fn() = || {
    fn is_body<T: Body<Data = Bytes> + Send>() {}
    is_body::<GuardedBody<Full<Bytes>>>();
    is_body::<AnswerBody<Full<Bytes>>>();
};
