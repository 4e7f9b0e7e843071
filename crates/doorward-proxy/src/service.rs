//! Services of our own, such as the admin API, on listeners of their own.

use std::sync::Arc;

use bytes::Bytes;
use doorward_core::net::ClientAddress;
use http::request::Parts;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::body::{Download, Finish};
use crate::connection::Application;
use crate::drain::Drain;
use crate::limits::Limits;
use crate::listener::{Doorstep, Listener, Peer, accept_loop};
use crate::pulse::{InFlight, Pulse};
use crate::slots::Slots;

/// Answers one request to a listener of ours from its head alone.
pub trait Answer: Fn(&Parts) -> Response<Bytes> + Send + Sync + 'static {}

impl<F: Fn(&Parts) -> Response<Bytes> + Send + Sync + 'static> Answer for F {}

/// Serves answers of ours over plain HTTP until the drain is over. Bodies are not read.
pub async fn serve_plain(listener: Listener, answer: Arc<dyn Answer>, drain: Drain) {
    let step = Step(answer);
    accept_loop(
        listener,
        None,
        Arc::new(step),
        Arc::<Slots>::default(),
        drain,
    )
    .await;
}

struct Step(Arc<dyn Answer>);

impl Doorstep for Step {
    type App = Desk;

    fn limits(&self) -> Limits {
        Limits::default()
    }

    fn trusts(&self, _peer: ClientAddress) -> bool {
        false
    }

    fn application(&self, _peer: Peer) -> Desk {
        Desk(Arc::clone(&self.0))
    }
}

/// Our answers as one connection sees them.
pub(crate) struct Desk(Arc<dyn Answer>);

impl Application for Desk {
    async fn answer(
        &self,
        request: Request<Incoming>,
        _pulse: &Arc<Pulse>,
        in_flight: InFlight,
    ) -> Response<Download> {
        let started = Instant::now();
        let (parts, _unread) = request.into_parts();
        let (parts, body) = (self.0)(&parts).into_parts();
        let finish = Finish {
            snapshot: None,
            decision: None,
            status: parts.status,
            started,
            in_flight,
            bytes_out: 0,
            complete: false,
        };
        Response::from_parts(parts, Download::full(body, finish))
    }
}
