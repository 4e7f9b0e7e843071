//! One request, from its head to the head of its answer.

use std::sync::Arc;

use bytes::Bytes;
use doorward_core::decision::DecisionId;
use doorward_core::front::Front as AtFront;
use doorward_core::gate::{Admission, PendingBody};
use doorward_core::net::ClientAddress;
use doorward_core::policy::Rule;
use doorward_core::request::{Arrival, Session, Transport};
use doorward_core::verified::Principal;
use doorward_core::{Permit, Refusal, RequestHead, cors, limit};
use http::header::{CONNECTION, HeaderName, ORIGIN};
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::body::{CallerBody, Download, Finish, judged};
use crate::client_auth::Handshake;
use crate::connection::Application;
use crate::door::{Door, OwnService, Snapshot};
use crate::drain::Drain;
use crate::endings::Heard;
use crate::extended_connect::{self, Exit};
use crate::fault::Fault;
use crate::forward::{Call, Outcome, forward, prepare};
use crate::limits::Limits;
use crate::listener::{Doorstep, Listener, Peer, accept_loop};
use crate::pulse::{InFlight, Pulse};
use crate::term::{self, Term};
use crate::tls::TlsServer;
use crate::transport::arrival;
use doorward_core::room::Place;

/// The header that names the decision in every answer.
const DECISION: HeaderName = HeaderName::from_static("doorward-decision");

/// Serves callers on a listener until the drain is over. With `tls`, only TLS is spoken.
pub async fn serve(listener: Listener, tls: Option<Arc<TlsServer>>, door: Arc<Door>, drain: Drain) {
    let slots = Arc::clone(&door.slots);
    let front = Front {
        door,
        listener: listener.number(),
    };
    accept_loop(listener, tls, Arc::new(front), slots, drain).await;
}

struct Front {
    door: Arc<Door>,
    listener: usize,
}

impl Doorstep for Front {
    type App = Proxy;

    fn limits(&self) -> Limits {
        self.door.snapshot().limits.clone()
    }

    fn trusts(&self, peer: ClientAddress) -> bool {
        self.door.snapshot().trusted(self.listener).contains(peer)
    }

    fn application(&self, peer: Peer) -> Proxy {
        Proxy {
            door: Arc::clone(&self.door),
            listener: self.listener,
            shown: client_value(peer.client),
            peer,
            handshake: None,
        }
    }
}

/// The data plane as one connection sees it.
pub(crate) struct Proxy {
    door: Arc<Door>,
    listener: usize,
    peer: Peer,
    /// What the caller showed, where callers are asked for certificates.
    handshake: Option<Handshake>,
    /// The peer's address as a header value, written once for all of its requests.
    shown: HeaderValue,
}

/// What every answer of one request needs.
struct Closing {
    snapshot: Arc<Snapshot>,
    /// The last change of credentials before the call was judged.
    heard: u64,
    started: Instant,
    in_flight: InFlight,
    /// A good answer would open a tunnel, whatever it is good for.
    is_connect: bool,
}

impl Proxy {
    /// What the connection says beside a request.
    fn session(&self, snapshot: &Snapshot, headers: &HeaderMap, arrival: Arrival) -> Session {
        let Some(judge) = snapshot.client_certificates(self.listener) else {
            // SECURITY: what the handshake asked for is not forgotten with who would judge it.
            return Session {
                requires_certificate: self.handshake.as_ref().is_some_and(Handshake::requires),
                ..Session::default()
            };
        };
        if let Some(handshake) = &self.handshake {
            return handshake.session(judge);
        }
        // SECURITY: anybody can write such a header. It is believed from peers that the operator
        // named, and where they say that the caller came over TLS.
        let trusted = arrival.transport == Transport::TrustedTerminator
            && snapshot.trusted(self.listener).contains(self.peer.client);
        Session {
            certificate: trusted.then(|| judge.of_headers(headers)).flatten(),
            ..Session::default()
        }
    }
}

impl Application for Proxy {
    fn greeted(&mut self, handshake: Handshake) {
        self.handshake = Some(handshake);
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        pulse: &Arc<Pulse>,
        in_flight: InFlight,
    ) -> Response<Download> {
        let snapshot = self.door.snapshot();
        let heard = snapshot.endings.last();
        let (mut parts, body) = request.into_parts();
        let exit = extended_connect::take(&mut parts);
        let closing = Closing {
            heard,
            snapshot,
            started: Instant::now(),
            in_flight,
            is_connect: matches!(exit, Some(Exit::Connect(_))),
        };
        let body = CallerBody::new(body, &parts);
        let snapshot = &closing.snapshot;
        if let Err(fault) = check_size(&parts, &snapshot.limits) {
            return closing.own(fault.response(None), None);
        }
        let arrival = arrival(self.peer, &parts.headers, snapshot.trusted(self.listener));
        let client = if arrival.client == self.peer.client {
            self.shown.clone()
        } else {
            client_value(arrival.client)
        };
        let session = self.session(snapshot, &parts.headers, arrival);
        let head = match snapshot
            .gate
            .receive_in(AtFront::Proxy, parts, arrival, session)
        {
            Ok(head) => head,
            Err(refusal) => return closing.malformed(&refusal),
        };
        // SECURITY: what they answer would be taken for an open tunnel.
        let own = snapshot.own.as_ref().filter(|_| !closing.is_connect);
        if let Some(answer) = own.and_then(|own| own.answer(&head)) {
            return closing.own(answer, None);
        }
        if let Some(service) = own.and_then(|own| own.service(&head)) {
            let place = self.door.room.place();
            return Box::pin(closing.serve(service, (head, body, place))).await;
        }
        match snapshot.gate.admit(&head).await {
            Err(refusal) => closing.refused(&refusal, Some(&head)),
            Ok(Admission::Preflight(preflight)) => {
                let id = preflight.decision_id();
                closing.own(preflight.response().map(|()| Bytes::new()), Some(id))
            }
            Ok(Admission::NeedsBody(pending)) => {
                let place = self.door.room.place();
                Box::pin(closing.judge(pending, (head, body, place), client, pulse)).await
            }
            Ok(Admission::Permit(permit)) => {
                closing
                    .pass(permit, (head, body, exit), client, pulse)
                    .await
            }
        }
    }
}

/// Checks what HTTP/1 and HTTP/2 do not bound alike.
fn check_size(parts: &http::request::Parts, limits: &Limits) -> Result<(), Fault> {
    let target = parts.uri.path_and_query().map_or(0, |t| t.as_str().len());
    if target > limits.uri_bytes {
        return Err(Fault::TargetTooLong);
    }
    if parts.headers.len() > limits.header_count {
        return Err(Fault::HeadTooLarge);
    }
    Ok(())
}

impl Closing {
    /// Passes a permitted call on and relays the answer. All that needs no waiting is done
    /// before the future is made, so that it stays small.
    fn pass(
        self,
        permit: Permit,
        (head, body, exit): (RequestHead, CallerBody, Option<Exit>),
        client: HeaderValue,
        pulse: &Arc<Pulse>,
    ) -> impl Future<Output = Response<Download>> + Send {
        let id = permit.decision_id();
        let decision = decision_value(id);
        let rule = Arc::clone(permit.rule());
        let asked = rule.cors.as_ref().map(|_| origin_of(&head));
        let standings = permit.standings().to_vec();
        let term = Term::of(&permit, self.heard, &self.snapshot);
        let prepared = prepare(Call {
            snapshot: &self.snapshot,
            term: term.clone(),
            permit,
            head,
            body,
            exit,
            client,
            decision: decision.clone(),
        });
        async move {
            let outcome = match prepared {
                Ok(call) => forward(call, self.started, pulse).await,
                Err(fault) => Err(fault),
            };
            let mut response = self.relay(id, outcome, term, pulse);
            share(&rule, asked.as_ref(), response.headers_mut());
            limit::headers(&standings, response.headers_mut());
            response.headers_mut().insert(DECISION, decision);
            response
        }
    }

    /// Has a service of ours answer. It guards itself: what it takes is no call to an upstream.
    async fn serve(
        self,
        service: Arc<dyn OwnService>,
        (head, mut body, mut place): (RequestHead, CallerBody, Place),
    ) -> Response<Download> {
        let limits = &self.snapshot.limits;
        let read = judged::read(&mut body, &mut place, service.max_body(), limits).await;
        let answer = service.answer(head, read).await;
        drop(place);
        self.own(answer, None)
    }

    /// Has a body judged and passes the call on. Nothing is switched to another protocol here:
    /// what would come then is never judged.
    async fn judge(
        self,
        pending: PendingBody,
        (head, body, place): (RequestHead, CallerBody, Place),
        client: HeaderValue,
        pulse: &Arc<Pulse>,
    ) -> Response<Download> {
        let endings = &self.snapshot.endings;
        let has_changed = |principal: &Principal| {
            let credential = principal.identity().credential_id.as_str();
            matches!(endings.since(self.heard, credential), Heard::Changed)
        };
        let bounds = (&self.snapshot.limits, has_changed);
        let judged = judged::judge(pending, body, place, bounds).await;
        match judged {
            Ok((permit, body)) => self.pass(permit, (head, body, None), client, pulse).await,
            Err(refusal) => self.refused(&refusal, Some(&head)),
        }
    }

    /// Turns what came of a call into the answer to its caller.
    fn relay(
        self,
        id: DecisionId,
        outcome: Result<Outcome, Fault>,
        term: Option<Term>,
        pulse: &Arc<Pulse>,
    ) -> Response<Download> {
        let outcome = match outcome {
            // SECURITY: the caller would take it for a tunnel (RFC 8441 section 4), and write into it.
            Ok(Outcome::Answer(answer, ..)) if self.is_connect && answer.status().is_success() => {
                Err(Fault::Upgrade)
            }
            outcome => outcome,
        };
        match outcome {
            Ok(Outcome::Answer(answer, lease, hold)) => {
                let (parts, incoming) = answer.into_parts();
                let finish = self.finish(parts.status, Some(id));
                Response::from_parts(
                    parts,
                    Download::relayed(incoming, (lease, hold), finish, term),
                )
            }
            Ok(Outcome::Switch(answer, handshake)) => {
                let idle = self.snapshot.limits.tunnel_idle_timeout;
                let snapshot = Arc::clone(&self.snapshot);
                let tunnel = Box::pin(async move {
                    tokio::select! {
                        () = handshake.tunnel(idle) => {}
                        () = term::over(term, &snapshot) => {}
                    }
                });
                if self.is_connect {
                    // It shares its connection, and breaks when that does.
                    let open = pulse.begin();
                    tokio::spawn(async move {
                        let _open = open;
                        tunnel.await;
                    });
                } else {
                    pulse.enter_tunnel(tunnel);
                }
                let (parts, ()) = answer.into_parts();
                let finish = self.finish(parts.status, Some(id));
                Response::from_parts(parts, Download::full(Bytes::new(), finish))
            }
            Err(fault) => {
                self.snapshot.access.failed(id, &fault);
                self.own(fault.response(Some(id)), Some(id))
            }
        }
    }

    /// Refuses what can be read in two ways, and reads no more of it (R103).
    fn malformed(self, refusal: &Refusal) -> Response<Download> {
        let mut response = self.refused(refusal, None);
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }

    fn refused(self, refusal: &Refusal, head: Option<&RequestHead>) -> Response<Download> {
        let id = refusal.decision_id();
        let mut response = self.own(refusal.response(), Some(id));
        if let (Some(head), Some(rule)) = (head, refusal.rule()) {
            let shared = rule.cors.as_ref().map(|_| origin_of(head));
            share(rule, shared.as_ref(), response.headers_mut());
        }
        if refusal.leaves_body_unread() {
            let headers = response.headers_mut();
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// An answer of our own.
    fn own(self, answer: Response<Bytes>, id: Option<DecisionId>) -> Response<Download> {
        let (parts, body) = answer.into_parts();
        let finish = self.finish(parts.status, id);
        let mut response = Response::from_parts(parts, Download::full(body, finish));
        if let Some(id) = id {
            response.headers_mut().insert(DECISION, decision_value(id));
        }
        response
    }

    fn finish(self, status: http::StatusCode, decision: Option<DecisionId>) -> Finish {
        Finish {
            snapshot: Some(self.snapshot),
            decision,
            status,
            started: self.started,
            in_flight: self.in_flight,
            bytes_out: 0,
            complete: false,
        }
    }
}

fn client_value(client: ClientAddress) -> HeaderValue {
    HeaderValue::try_from(client.ip().to_string())
        .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

fn decision_value(id: DecisionId) -> HeaderValue {
    HeaderValue::from_bytes(&id.to_ascii()).unwrap_or_else(|_| HeaderValue::from_static("d"))
}

/// The part of a request that sharing looks at.
fn origin_of(head: &RequestHead) -> HeaderMap {
    let mut asked = HeaderMap::new();
    if let Some(origin) = head.headers().get(ORIGIN) {
        asked.insert(ORIGIN, origin.clone());
    }
    asked
}

fn share(rule: &Rule, asked: Option<&HeaderMap>, headers: &mut HeaderMap) {
    if let (Some(cors), Some(asked)) = (&rule.cors, asked) {
        cors::share(cors, asked, headers);
    }
}
