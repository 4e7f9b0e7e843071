//! A call's way to one of an upstream's servers, and to another when that one cannot be reached.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::HOST;
use http::{Request, StatusCode, Uri};
use tokio::sync::OwnedSemaphorePermit;

use super::server::{Counted, Server};
use super::{StreamPlace, Upstream, UpstreamIo};
use crate::body::Upload;
use crate::fault::Fault;

/// What a call holds until its answer has ended; nothing where nothing is counted.
#[derive(Default)]
pub(crate) struct Hold {
    #[expect(dead_code, reason = "held until the answer ends")]
    ticket: Option<Box<Ticket>>,
    #[expect(dead_code, reason = "held until the answer ends")]
    stream: Option<StreamPlace>,
}

#[derive(Default)]
struct Ticket {
    place: Option<OwnedSemaphorePermit>,
    counted: Option<Counted>,
}

/// A call's way to a server. With one server, choosing costs nothing.
pub(crate) struct Route<'u> {
    upstream: &'u Upstream,
    server: &'u Arc<Server>,
    client: Option<IpAddr>,
    number: usize,
    tried: u64,
    ticket: Option<Box<Ticket>>,
}

impl<'u> Route<'u> {
    /// Chooses a server for a call of `client`, which is told to servers that ask for it.
    pub(crate) fn new(upstream: &'u Upstream, client: Option<IpAddr>) -> Result<Self, Fault> {
        let number = upstream.choose(0).unwrap_or(0);
        let server = upstream.server(number).ok_or(Fault::UpstreamUnknown)?;
        let mut route = Self {
            upstream,
            server,
            client,
            number,
            tried: 0,
            ticket: None,
        };
        route.count();
        Ok(route)
    }

    pub(crate) const fn upstream(&self) -> &'u Upstream {
        self.upstream
    }

    pub(crate) fn server(&self) -> &'u Server {
        self.server
    }

    /// Waits for a place, where the upstream's are bounded.
    pub(crate) async fn enter(&mut self) -> Result<(), Fault> {
        if let Some(breaker) = self.upstream.breaker() {
            let place = Box::pin(breaker.enter()).await?;
            self.ticket.get_or_insert_default().place = Some(place);
        }
        Ok(())
    }

    fn count(&mut self) {
        if self.upstream.has_choice() {
            let counted = Counted::new(self.server);
            self.ticket.get_or_insert_default().counted = Some(counted);
        }
    }

    /// Goes to another server after a failure before which nothing was sent; tells whether there
    /// is one.
    pub(crate) fn fail_over(&mut self, fault: &Fault) -> bool {
        if !self.upstream.has_choice() {
            return false;
        }
        self.tried |= 1 << self.number;
        if self.tried.count_ones() > u32::from(self.upstream.retries()) {
            return false;
        }
        let Some(number) = self.upstream.choose(self.tried) else {
            return false;
        };
        let Some(server) = self.upstream.server(number) else {
            return false;
        };
        self.report_fault(fault);
        (self.number, self.server) = (number, server);
        self.count();
        true
    }

    /// Connects for HTTP/1.1: to this server, or to another when that fails.
    pub(crate) async fn connect_http1(&mut self) -> Result<UpstreamIo, Fault> {
        loop {
            match self.server.connector().connect_http1(self.client).await {
                Err(fault) if self.fail_over(&fault) => {}
                connected => return connected,
            }
        }
    }

    /// Names the server in a request, where several share an upstream and each has its own name.
    pub(crate) fn address(&self, request: &mut Request<Upload>) -> Result<(), Fault> {
        if !self.upstream.has_choice() || self.upstream.preserve_host {
            return Ok(());
        }
        if request.uri().authority().is_none() {
            let host = self.server.host.clone();
            request.headers_mut().insert(HOST, host);
            return Ok(());
        }
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.authority = Some(
            self.server
                .host
                .as_bytes()
                .try_into()
                .map_err(|_| Fault::Request)?,
        );
        *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Fault::Request)?;
        Ok(())
    }

    /// Takes note of how the server did.
    pub(crate) fn report(&self, answer: Result<StatusCode, &Fault>) {
        if self.upstream.has_choice() {
            match answer {
                Ok(status) => self.server.health.answered(status),
                Err(fault) => self.report_fault(fault),
            }
        }
    }

    fn report_fault(&self, fault: &Fault) {
        // What the caller did wrong says nothing of the server.
        let of_the_server = matches!(
            fault,
            Fault::Resolve(_)
                | Fault::Connect(_)
                | Fault::Tls(_)
                | Fault::ConnectTimeout
                | Fault::ResponseTimeout
                | Fault::Protocol(_)
        );
        if of_the_server {
            self.server.health.failed();
        }
    }

    /// What the call holds until its answer has ended.
    pub(crate) fn into_hold(self, stream: Option<StreamPlace>) -> Hold {
        Hold {
            ticket: self.ticket,
            stream,
        }
    }
}
