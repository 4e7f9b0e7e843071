//! A small service in a program of one's own, behind the layer or behind nothing.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use doorward::cli::ConfigArgs;
use doorward::desk::Desk;
use doorward::wiring::gate;
use doorward::wiring::memory::Memory;
use doorward_core::decision::{Decision, Journal, NotRecorded};
use doorward_tower::{Arrived, Guard, GuardLayer};
use http::{Request, Response};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tower_layer::Layer;
use tower_service::Service;

/// One small answer for everything.
#[derive(Clone)]
struct Answer;

impl<B> Service<Request<B>> for Answer {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        ready(Ok(Response::new(Full::from("served"))))
    }
}

/// As the server with `log.decisions = "off"`: nothing is written.
struct Nowhere;

impl Journal for Nowhere {
    fn record(&self, _: &Decision<'_>) -> Result<(), NotRecorded> {
        Ok(())
    }
}

/// The service alone.
pub(crate) async fn open(listener: TcpListener) -> Result<()> {
    loop {
        let stream = super::always::next(&listener).await?;
        let service = service_fn(|request| Answer.call(request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// The service behind the gate of a configuration, with its state.
pub(crate) async fn guarded(listener: TcpListener, config: &Path) -> Result<()> {
    let args = ConfigArgs {
        config: config.to_owned(),
        sets: Vec::new(),
        json: false,
    };
    let desk = Desk::open(&args)?;
    let memory = Memory::load(&desk).await?;
    let layer = GuardLayer::new(gate::build(&desk.config, &memory, Arc::new(Nowhere))?);
    tokio::spawn(async move {
        while memory.catch_up().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    loop {
        let stream = super::always::next(&listener).await?;
        let peer = stream.peer_addr()?;
        let layer = layer.clone().before_routing();
        let guard: Guard<Answer> = layer
            .arrival_from(move |_| Some(Arrived::over_plain(peer)))
            .layer(Answer);
        let service = service_fn(move |request| guard.clone().call(request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
