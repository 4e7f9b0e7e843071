//! The gate as a layer in a program of others, with the configuration and the state of the door.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

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
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tower_layer::Layer;
use tower_service::Service;

use crate::fronts::same_decision::{BY_HAND, Sent, TRIED, decision, generated, send_all};
use crate::fronts::world::World;

/// Keeps records.
#[derive(Default)]
struct Kept(Mutex<Vec<Value>>);

impl Journal for Kept {
    fn record(&self, decision: &Decision<'_>) -> Result<(), NotRecorded> {
        let mut line = Vec::new();
        decision.write_json(&mut line);
        let record = serde_json::from_slice(&line).unwrap();
        self.0.lock().unwrap().push(record);
        Ok(())
    }
}

/// A service that counts its calls.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicUsize>);

impl<B> Service<Request<B>> for Counting {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        self.0.fetch_add(1, Relaxed);
        ready(Ok(Response::new(Full::from("served"))))
    }
}

/// A server with the layer.
pub(crate) struct Tower {
    pub(crate) port: u16,
    journal: Arc<Kept>,
    service: Counting,
    _runtime: Runtime,
}

impl Tower {
    /// Starts one with the configuration and the state of a door.
    pub(crate) fn start(config: PathBuf) -> Self {
        let args = ConfigArgs {
            config,
            sets: Vec::new(),
            json: false,
        };
        let (journal, service) = (Arc::<Kept>::default(), Counting::default());
        let runtime = Runtime::new().unwrap();
        let port = runtime.block_on(async {
            let desk = Desk::open(&args).unwrap();
            let memory = Memory::load(&desk).await.unwrap();
            let kept = Arc::<Kept>::clone(&journal);
            let gate = gate::build(&desk.config, &memory, kept).unwrap();
            tokio::spawn(async move {
                while memory.catch_up().await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            });
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            tokio::spawn(serve(listener, GuardLayer::new(gate), service.clone()));
            port
        });
        Self {
            port,
            journal,
            service,
            _runtime: runtime,
        }
    }
}

async fn serve(listener: TcpListener, layer: GuardLayer, service: Counting) {
    while let Ok((stream, peer)) = listener.accept().await {
        let layer = layer.clone().before_routing();
        let guard: Guard<Counting> = layer
            .arrival_from(move |_| Some(Arrived::over_plain(peer)))
            .layer(service.clone());
        let service = service_fn(move |request| guard.clone().call(request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

#[test]
fn r112_a_tower_layer_decides_as_the_proxy_does() {
    let world = World::with(&[]);
    let generated = generated(TRIED - BY_HAND.len());
    let generated: Vec<Vec<&str>> = generated
        .iter()
        .map(|lines| lines.iter().map(String::as_str).collect())
        .collect();
    let by_hand = BY_HAND.iter().copied();
    let all: Vec<&[&str]> = by_hand.chain(generated.iter().map(Vec::as_slice)).collect();
    let own = send_all(&world, world.door.port("plain"), &all);
    let records = world.records();
    let tower = Tower::start(world.door.path("doorward.toml"));
    let mut compared = 0;
    for (k, lines) in all.iter().enumerate() {
        let mut sent = lines.to_vec();
        if !sent.iter().any(|line| line.starts_with("Connection")) {
            sent.push("Connection: close");
        }
        let answer = world.send(tower.port, &sent);
        let through = tower.service.0.swap(0, Relaxed);
        let there = std::mem::take(&mut *tower.journal.0.lock().unwrap());
        assert!(there.iter().all(|record| record["front"] == "tower"));
        if let (Some(ours), Some(theirs)) = (&own[k].answer, &answer) {
            let challenges = "www-authenticate";
            assert_eq!(ours.status, theirs.status, "{lines:?}");
            assert_eq!(ours.all(challenges), theirs.all(challenges), "{lines:?}");
        }
        let sent = Sent { answer, through };
        let theirs = decision(lines, &sent, &there);
        if theirs.is_some() {
            assert_eq!(decision(lines, &own[k], &records[k]), theirs, "{lines:?}");
            compared += 1;
        }
    }
    assert!(compared > all.len() * 3 / 4, "{compared}");
}
