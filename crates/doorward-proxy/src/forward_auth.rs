//! Forward-auth: another server asks whether it may pass a call on, and does the passing.
//!
//! Each dialect tells the original request in its own way, and understands answers in its own
//! way. Between the two, the call is judged like one of the reverse proxy: brought into the same
//! canonical form, by the same gate.

use std::sync::Arc;
use std::time::Duration;

use doorward_core::Front;
use doorward_core::net::{Cidrs, ClientAddress};
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::body::{CallerBody, Download, Finish};
use crate::connection::Application;
use crate::door::{Door, Snapshot};
use crate::drain::Drain;
use crate::limits::Limits;
use crate::listener::{Doorstep, Listener, Peer, accept_loop};
use crate::pulse::{InFlight, Pulse};
use crate::tls::TlsServer;

mod answer;
mod dialect;
mod grpc;
mod identity;
mod judge;
mod original;
mod spop;

pub use dialect::Dialect;
pub(crate) use spop::Agent;
pub use spop::is_spop_question;

use answer::Family;

/// How a listener answers the servers in front of APIs.
#[derive(Clone, Debug)]
pub struct ForwardAuth {
    /// What those servers speak.
    pub dialect: Dialect,
    /// Their addresses. Nobody else is believed, or answered with a judgement.
    pub peers: Cidrs,
    /// How long they may keep an allowing answer; they must ask about every call when absent.
    pub reuse: Option<Duration>,
}

impl ForwardAuth {
    /// The front that records name.
    const fn front(&self) -> Front {
        self.dialect.front()
    }
}

/// Answers servers in front of APIs on a listener until the drain is over. With `tls`, only TLS
/// is spoken. The snapshot says in `forward_auth`, by the listener's number, how.
pub async fn serve_forward_auth(
    listener: Listener,
    tls: Option<Arc<TlsServer>>,
    door: Arc<Door>,
    drain: Drain,
) {
    let slots = Arc::clone(&door.slots);
    let desk = Desk {
        door,
        listener: listener.number(),
    };
    accept_loop(listener, tls, Arc::new(desk), slots, drain).await;
}

struct Desk {
    door: Arc<Door>,
    listener: usize,
}

impl Doorstep for Desk {
    type App = Asked;

    fn limits(&self) -> Limits {
        self.door.snapshot().limits.clone()
    }

    fn trusts(&self, peer: ClientAddress) -> bool {
        let snapshot = self.door.snapshot();
        let settings = snapshot.forward_auth.get(&self.listener);
        settings.is_some_and(|settings| settings.peers.contains(peer))
    }

    fn application(&self, peer: Peer) -> Asked {
        Asked {
            door: Arc::clone(&self.door),
            listener: self.listener,
            peer,
        }
    }
}

/// Who asks, on which listener, and what is configured for it.
#[derive(Clone, Copy)]
struct Asker<'s> {
    settings: &'s ForwardAuth,
    listener: usize,
    peer: Peer,
}

/// A connection on which we are asked.
struct Asked {
    door: Arc<Door>,
    listener: usize,
    peer: Peer,
}

impl Application for Asked {
    fn agent(&self) -> Option<Agent> {
        let snapshot = self.door.snapshot();
        let settings = snapshot.forward_auth.get(&self.listener)?;
        (settings.dialect == Dialect::Spop).then(|| Agent {
            door: Arc::clone(&self.door),
            listener: self.listener,
            peer: self.peer,
        })
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        _pulse: &Arc<Pulse>,
        in_flight: InFlight,
    ) -> Response<Download> {
        let started = Instant::now();
        let snapshot = self.door.snapshot();
        let (parts, body) = request.into_parts();
        if let Some(settings) = snapshot.forward_auth.get(&self.listener)
            && settings.dialect == Dialect::EnvoyGrpc
        {
            let asked = (CallerBody::new(body, &parts), parts);
            return self
                .speak(&snapshot, self.asker(settings), asked, (started, in_flight))
                .await;
        }
        // SECURITY: some servers announce a body and send none. What comes next on such a
        // connection would be taken for it, so there is nothing next.
        let closes =
            parts.version < http::Version::HTTP_2 && !http_body::Body::is_end_stream(&body);
        let _read_away = CallerBody::new(body, &parts);
        let (mut response, decision) = match snapshot.forward_auth.get(&self.listener) {
            Some(settings) => {
                let verdict = judge::judge(&snapshot, self.asker(settings), parts).await;
                let id = verdict.decision_id();
                (Family::of(&settings.dialect).answer(verdict), id)
            }
            None => (answer::nobody_asked(), None),
        };
        if let Some(id) = decision
            && let Ok(id) = HeaderValue::from_bytes(&id.to_ascii())
        {
            response.headers_mut().insert(identity::ANSWERED, id);
        }
        if closes {
            let close = HeaderValue::from_static("close");
            response
                .headers_mut()
                .insert(http::header::CONNECTION, close);
        }
        let (parts, body) = response.into_parts();
        let finish = Finish {
            snapshot: Some(snapshot),
            decision,
            status: parts.status,
            started,
            in_flight,
            bytes_out: 0,
            complete: false,
        };
        Response::from_parts(parts, Download::full(body, finish))
    }
}

impl Asked {
    const fn asker<'s>(&self, settings: &'s ForwardAuth) -> Asker<'s> {
        Asker {
            settings,
            listener: self.listener,
            peer: self.peer,
        }
    }

    /// Answers one question of gRPC.
    async fn speak(
        &self,
        snapshot: &Arc<Snapshot>,
        asker: Asker<'_>,
        (body, parts): (CallerBody, Parts),
        (started, in_flight): (Instant, InFlight),
    ) -> Response<Download> {
        let place = self.door.room.place();
        let said = grpc::answer(snapshot, asker, (parts, body), place).await;
        let (parts, ()) = said.head.into_parts();
        let finish = Finish {
            snapshot: Some(Arc::clone(snapshot)),
            decision: said.decision,
            status: parts.status,
            started,
            in_flight,
            bytes_out: 0,
            complete: false,
        };
        let body = if said.trailers.is_empty() {
            Download::full(said.message, finish)
        } else {
            Download::trailed(said.message, said.trailers, finish)
        };
        Response::from_parts(parts, body)
    }
}
