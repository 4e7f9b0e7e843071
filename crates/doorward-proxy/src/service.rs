//! Services of our own, such as the admin API, on listeners of their own.

use std::pin::Pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use doorward_core::net::ClientAddress;
use http::{Request, Response};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout};

use crate::body::{Download, Finish};
use crate::connection::Application;
use crate::drain::Drain;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::listener::{Doorstep, Listener, Peer, accept_loop};
use crate::pulse::{InFlight, Pulse};
use crate::slots::Slots;
use crate::tls::TlsServer;

/// The largest request body that a service of our own takes, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// Answers requests to a listener of ours.
pub trait Service: Send + Sync + 'static {
    /// Answers one request. The body is complete, and at most 1 MiB.
    fn answer(
        &self,
        request: Request<Bytes>,
        client: ClientAddress,
    ) -> Pin<Box<dyn Future<Output = Response<Bytes>> + Send + '_>>;
}

/// Serves a service of ours until the drain is over. With `tls`, only TLS is spoken.
pub async fn serve_service(
    listener: Listener,
    tls: Option<Arc<TlsServer>>,
    service: Arc<dyn Service>,
    limits: Limits,
    drain: Drain,
) {
    let step = Step { service, limits };
    accept_loop(
        listener,
        tls,
        Arc::new(step),
        Arc::<Slots>::default(),
        drain,
    )
    .await;
}

struct Step {
    service: Arc<dyn Service>,
    limits: Limits,
}

impl Doorstep for Step {
    type App = Desk;

    fn limits(&self) -> Limits {
        self.limits.clone()
    }

    fn trusts(&self, _peer: ClientAddress) -> bool {
        false
    }

    fn application(&self, peer: Peer) -> Desk {
        Desk {
            service: Arc::clone(&self.service),
            limits: self.limits.clone(),
            client: peer.client,
        }
    }
}

/// A service as one connection sees it.
pub(crate) struct Desk {
    service: Arc<dyn Service>,
    limits: Limits,
    client: ClientAddress,
}

impl Application for Desk {
    async fn answer(
        &self,
        request: Request<Incoming>,
        _pulse: &Arc<Pulse>,
        in_flight: InFlight,
    ) -> Response<Download> {
        let (parts, mut body) = request.into_parts();
        let started = Instant::now();
        let answer = match collect(&mut body, &self.limits).await {
            Ok(body) => {
                let request = Request::from_parts(parts, body);
                self.service.answer(request, self.client).await
            }
            Err(fault) => fault.response(None),
        };
        let (parts, body) = answer.into_parts();
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

/// Reads a whole body, within the bounds.
async fn collect(body: &mut Incoming, limits: &Limits) -> Result<Bytes, Fault> {
    let mut whole = BytesMut::new();
    while !body.is_end_stream() {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
        let frame = match timeout(limits.body_idle_timeout, frame).await {
            Err(_) => return Err(Fault::BodyStalled),
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(Fault::BodyBroken),
            Ok(Some(Ok(frame))) => frame,
        };
        if let Some(data) = frame.data_ref() {
            if whole.len() + data.len() > MAX_BODY {
                return Err(Fault::BodyTooLarge);
            }
            whole.extend_from_slice(data);
        }
    }
    Ok(whole.freeze())
}
