//! The data plane of Doorward: listeners, TLS, the reverse proxy, what upstreams are told.
//!
//! What it is: callers' connections and their deadlines, one path of a request through the gate
//! to an upstream and back, and the connections to upstreams. Bodies are streamed both ways.
//!
//! What it never does: decide who may call (the gate does), read configuration, touch a store,
//! hold a body in memory that no rule judges, or forward anything without a permit.
//!
//! Where to start: [`Snapshot`] says what it needs, [`serve`] runs it; inside, `proxy.rs` is
//! one request and `forward.rs` the way to the upstream.

mod access_log;
mod body;
mod client_auth;
mod connection;
mod door;
mod drain;
mod endings;
mod extended_connect;
mod fault;
mod forward;
mod forward_auth;
mod head_guard;
mod host_certificates;
mod limits;
mod listener;
mod local_ca;
mod proxy;
mod proxy_protocol;
mod pulse;
mod service;
mod slots;
mod stream;
mod term;
mod tls;
mod transport;
mod upstream;
mod watchdog;

pub use access_log::{Access, AccessLog};
pub use client_auth::ClientAuth;
pub use door::{Assertion, Door, OwnEndpoints, OwnService, Snapshot, WebSocketKeys};
pub use drain::Drain;
pub use endings::Endings;
pub use fault::Fault;
#[doc(hidden)]
pub use forward_auth::is_spop_question;
pub use forward_auth::{Dialect, ForwardAuth, serve_forward_auth};
pub use host_certificates::{ChallengeAnswer, HostCertificates};
pub use limits::Limits;
pub use listener::{BindError, Listener};
pub use local_ca::{LocalCa, LocalCaError};
pub use proxy::serve;
pub use proxy_protocol::{NotProxyHeader, ProxyHeader};
pub use service::{Answer, serve_plain};
pub use tls::{Certificate, TlsError, TlsServer};
pub use transport::classify;
pub use upstream::{
    Balance, BreakerConfig, ClientIdentity, Eject, FailedAnswers, HealthCheck, MAX_SERVERS,
    Protocol, Roots, ServerState, Upstream, UpstreamConfig, UpstreamError,
};
