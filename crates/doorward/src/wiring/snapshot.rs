//! Builds what the data plane works with: a snapshot per configuration.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use doorward_control::{
    AccessRecord, DecisionLog, FaultRecord, JwksEndpoint, Metrics, OAuthService,
};
use doorward_core::decision::{DecisionId, Journal};
use doorward_core::{Clock, RequestHead};
use doorward_crypto::{entropy::OsEntropy, websocket};
use doorward_proxy::{Access, AccessLog, Fault, OwnEndpoints, OwnService, Snapshot, WebSocketKeys};
use http::{HeaderValue, Response};

use super::assertion::Assertions;
use super::memory::Memory;
use super::upstreams::Upstreams;
use super::{authorization_server, client_trust, gate};
use crate::config::Config;
use crate::desk::Desk;

/// What outlives a reload.
pub struct Parts {
    memory: Arc<Memory>,
    log: Arc<DecisionLog>,
    metrics: Arc<Metrics>,
    jwks: Arc<JwksEndpoint>,
    assertions: Arc<Assertions>,
    upstreams: Upstreams,
    websocket: Arc<Handshakes>,
}

impl Parts {
    /// Collects what outlives a reload.
    ///
    /// # Errors
    /// When our key set cannot be published.
    pub fn new(
        desk: &Desk,
        memory: &Arc<Memory>,
        log: &Arc<DecisionLog>,
        metrics: &Arc<Metrics>,
        jwks: &Arc<JwksEndpoint>,
    ) -> Result<Self> {
        memory.publish_to(Arc::clone(jwks))?;
        let clock: Arc<dyn Clock> = Arc::<crate::clock::SystemClock>::clone(&desk.clock);
        let issuer = desk.config.issuer.url.clone();
        Ok(Self {
            assertions: Arc::new(Assertions::new(issuer, Arc::clone(&memory.signer), clock)),
            memory: Arc::clone(memory),
            log: Arc::clone(log),
            metrics: Arc::clone(metrics),
            jwks: Arc::clone(jwks),
            upstreams: Upstreams::default(),
            websocket: Arc::new(Handshakes(Arc::clone(&desk.entropy))),
        })
    }

    /// What the methods know.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Builds a snapshot.
    ///
    /// # Errors
    /// When a file that the configuration names cannot be used.
    pub fn snapshot(&self, config: &Config) -> Result<Snapshot> {
        // In the order of the listeners, as they are numbered. SECURITY: never merged: a peer
        // that ends TLS for one listener is a stranger to the others.
        let listeners = config.listeners.iter();
        let trusted_terminators = listeners
            .map(|listener| listener.trusted_terminators.clone())
            .collect();
        let journal: Arc<dyn Journal> = Arc::<DecisionLog>::clone(&self.log);
        Ok(Snapshot {
            endings: Arc::clone(&self.memory.endings),
            gate: gate::build(config, &self.memory, journal)?,
            upstreams: self.upstreams.of(config)?,
            own: Some(Arc::new(Own {
                jwks: Arc::clone(&self.jwks),
                oauth: authorization_server::build(config, &self.memory, &self.log)?,
            })),
            assertion: Some(Arc::<Assertions>::clone(&self.assertions) as _),
            websocket: Some(Arc::<Handshakes>::clone(&self.websocket) as _),
            access: Arc::new(Accesses {
                log: Arc::clone(&self.log),
                metrics: Arc::clone(&self.metrics),
                lines: config.log.access,
            }),
            limits: config.limits.to_proxy(),
            trusted_terminators,
            forward_auth: config
                .listeners
                .iter()
                .enumerate()
                .filter_map(|(number, listener)| Some((number, listener.forward_auth.clone()?)))
                .collect(),
            client_certificates: client_trust::judges(config, &self.memory)?,
        })
    }
}

/// Our own paths.
struct Own {
    jwks: Arc<JwksEndpoint>,
    oauth: Option<Arc<OAuthService>>,
}

impl OwnEndpoints for Own {
    fn answer(&self, head: &RequestHead) -> Option<Response<Bytes>> {
        self.jwks.answer(head.method(), head.path(), head.headers())
    }

    fn service(&self, head: &RequestHead) -> Option<Arc<dyn OwnService>> {
        let oauth = self.oauth.as_ref()?;
        let max_body = oauth.max_body(head.path())?;
        let oauth = Arc::clone(oauth);
        Some(Arc::new(authorization_server::Service { oauth, max_body }))
    }
}

/// Opens WebSockets.
struct Handshakes(Arc<OsEntropy>);

impl WebSocketKeys for Handshakes {
    fn make(&self) -> Option<(HeaderValue, HeaderValue)> {
        let key = websocket::key(self.0.as_ref());
        let accept = HeaderValue::try_from(websocket::accept(&key)).ok()?;
        Some((HeaderValue::try_from(key).ok()?, accept))
    }
}

/// Counts and records finished responses.
struct Accesses {
    log: Arc<DecisionLog>,
    metrics: Arc<Metrics>,
    lines: bool,
}

impl AccessLog for Accesses {
    fn finished(&self, access: &Access) {
        self.metrics.response(access.status, access.bytes_out);
        if self.lines {
            self.log.access(&AccessRecord {
                decision: access.decision,
                status: access.status.as_u16(),
                bytes: access.bytes_out,
                complete: access.complete,
                duration_us: u64::try_from(access.duration.as_micros()).unwrap_or(u64::MAX),
            });
        }
    }

    fn failed(&self, decision: DecisionId, fault: &Fault) {
        self.metrics.upstream_error(fault.code());
        self.log.fault(&FaultRecord {
            decision,
            code: fault.code(),
            cause: &fault.to_string(),
        });
    }
}
