//! The admin listener's answers: health, readiness, metrics. Nothing here needs a sign-in, and
//! nothing here may be worth one.

use std::sync::Arc;

use bytes::Bytes;
use doorward_core::clock::Clock;
use http::header::ALLOW;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};

use crate::answer::{for_method, problem, whole};
use crate::metrics::Metrics;
use host::KnownHosts;
use readiness::report;

mod host;
mod readiness;

pub use readiness::{Check, Probe};

/// Answers the requests of the admin listener. It does no I/O, so that a flood of probes costs
/// neither the store nor the disk anything.
pub struct AdminService {
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    checks: Vec<Arc<dyn Check>>,
    hosts: KnownHosts,
}

impl AdminService {
    /// Takes the checks that readiness depends on, and the host names under which operators
    /// reach the listener besides `localhost` and plain addresses.
    #[must_use]
    pub fn new(
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        checks: Vec<Arc<dyn Check>>,
        hosts: &[String],
    ) -> Self {
        Self {
            clock,
            metrics,
            checks,
            hosts: KnownHosts::new(hosts),
        }
    }

    /// Answers a request: GET or HEAD for `/healthz`, `/readyz` and `/metrics`; problems
    /// (RFC 9457) for everything else.
    #[must_use]
    pub fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response<Bytes> {
        // SECURITY: a page that rebinds its own name to this address must not read the answers.
        if !self.hosts.is_known(uri, headers) {
            let sentence = "The Host header names another host.";
            let response = problem(StatusCode::MISDIRECTED_REQUEST, "unknown_host", sentence);
            return for_method(method, response);
        }
        let page = match uri.path() {
            "/healthz" => Self::health,
            "/readyz" => Self::readiness,
            "/metrics" => Self::metrics,
            _ => {
                let response =
                    problem(StatusCode::NOT_FOUND, "not_found", "There is no such page.");
                return for_method(method, response);
            }
        };
        if *method != Method::GET && *method != Method::HEAD {
            let sentence = "This page can only be read.";
            let mut response = problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                sentence,
            );
            let allow = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allow);
            return response;
        }
        for_method(method, page(self))
    }

    #[expect(clippy::unused_self, reason = "one signature for all pages")]
    fn health(&self) -> Response<Bytes> {
        let body = Bytes::from_static(b"{\"status\":\"alive\"}\n");
        whole(StatusCode::OK, "application/json", body)
    }

    fn readiness(&self) -> Response<Bytes> {
        let (is_ready, body) = report(&self.checks, self.clock.monotonic_micros());
        let status = if is_ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        whole(status, "application/json", body.into())
    }

    fn metrics(&self) -> Response<Bytes> {
        let page = self.metrics.render(self.clock.now());
        let kind = "text/plain; version=0.0.4; charset=utf-8";
        whole(StatusCode::OK, kind, page.into())
    }
}

#[cfg(test)]
mod tests;
