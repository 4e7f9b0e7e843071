//! What an operator says of an upstream.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use thiserror::Error;

use super::{Balance, Roots};

/// The most servers that one upstream may have.
pub const MAX_SERVERS: usize = 64;

/// Which HTTP is spoken to an upstream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2: by prior knowledge without TLS, and nothing else by ALPN with it.
    Http2,
    /// What the upstream chooses by ALPN; HTTP/1.1 without TLS.
    Auto,
}

/// What an operator says of an upstream. Two equal ones may share connections over a reload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpstreamConfig {
    /// Its servers: `http://` or `https://`, host and optional port, without a path. All of one
    /// scheme; one to [`MAX_SERVERS`].
    pub urls: Vec<String>,
    /// Which HTTP is spoken.
    pub protocol: Protocol,
    /// Who may vouch for its certificate. Verification cannot be turned off.
    pub roots: Roots,
    /// The name that its certificate must have, and that TLS asks for; the URL's host if absent.
    pub server_name: Option<String>,
    /// What the door shows when the upstream asks for a client certificate.
    pub identity: Option<ClientIdentity>,
    /// How long connecting may take, TLS included.
    pub connect_timeout: Duration,
    /// How long a connection may wait for its next use.
    pub idle_timeout: Duration,
    /// How many connections may wait, per server.
    pub max_idle: usize,
    /// How many calls share one HTTP/2 connection before the next one is opened.
    pub http2_streams: usize,
    /// Every connection begins with a PROXY protocol v2 header that tells the caller's address.
    /// Such a connection carries one call.
    pub proxy_protocol: bool,
    /// The caller's `Host` is passed on, in place of the upstream's own.
    pub preserve_host: bool,
    /// The audience of the signed statement of who calls; none is sent when absent.
    pub audience: Option<Arc<str>>,
    /// How a server is chosen.
    pub balance: Balance,
    /// How many other servers are tried when one cannot be connected to.
    pub retries: u8,
    /// When fewer than this share of the servers is available, in percent, all are used again.
    pub panic: u8,
    /// When a server that fails is left out for a while.
    pub eject: Eject,
    /// Servers are asked from time to time whether they are well.
    pub health: Option<HealthCheck>,
    /// How much the upstream takes at once.
    pub breaker: BreakerConfig,
}

impl UpstreamConfig {
    /// An upstream of one server with safe defaults.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            urls: vec![url.into()],
            protocol: Protocol::default(),
            roots: Roots::System,
            server_name: None,
            identity: None,
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(30),
            max_idle: 256,
            http2_streams: 100,
            proxy_protocol: false,
            preserve_host: false,
            audience: None,
            balance: Balance::default(),
            retries: 2,
            panic: 30,
            eject: Eject::default(),
            health: None,
            breaker: BreakerConfig::default(),
        }
    }
}

/// A certificate chain and its key, PEM, for upstreams that ask who connects.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The chain, the door's own certificate first.
    pub chain: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SECURITY: the key is never shown.
        f.debug_struct("ClientIdentity").finish_non_exhaustive()
    }
}

/// When a server that fails is left out for a while, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Eject {
    /// After so many failures without a success between them; never when zero.
    pub failures: u32,
    /// For how long the first time; each further time twice as long.
    pub base: Duration,
    /// The longest time.
    pub max: Duration,
    /// Which answers count as failures, beside connections that fail and answers that stay away.
    pub answers: FailedAnswers,
}

impl Default for Eject {
    fn default() -> Self {
        Self {
            failures: 5,
            base: Duration::from_secs(10),
            max: Duration::from_secs(300),
            answers: FailedAnswers::default(),
        }
    }
}

/// Which answers say that a server is not well.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FailedAnswers {
    /// None.
    None,
    /// 502, 503 and 504. Not 500: with a request that makes the API stumble, one caller could
    /// take its servers away from all others.
    #[default]
    Gateway,
    /// All of 500 to 599.
    All,
}

/// A question that servers are asked from time to time: `GET` on a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HealthCheck {
    /// What is asked for. An answer from 200 to 299 is a good one.
    pub path: PathAndQuery,
    /// How long after one answer the next question comes.
    pub interval: Duration,
    /// How long the answer may take, connecting included.
    pub timeout: Duration,
    /// After so many good answers in a row a server is used again.
    pub healthy: u32,
    /// After so many failures in a row a server is left out.
    pub unhealthy: u32,
}

/// How much an upstream takes at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BreakerConfig {
    /// Calls at once.
    pub max_requests: Option<usize>,
    /// Connections at once: with HTTP/1.1 the calls of one upstream, each of which needs one;
    /// with HTTP/2 the connections per server.
    pub max_connections: Option<usize>,
    /// Calls that may wait until one of the others has ended.
    pub max_pending: usize,
    /// How long they may wait.
    pub pending_timeout: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            max_requests: None,
            max_connections: None,
            max_pending: 0,
            pending_timeout: Duration::from_secs(5),
        }
    }
}

/// An upstream that cannot be used as written.
#[derive(Debug, Error)]
pub enum UpstreamError {
    /// Not `http://host[:port]` or `https://host[:port]`.
    #[error("`{0}` is not http:// or https:// with a host and nothing after it")]
    Url(String),
    /// No server, too many, or not all of one scheme.
    #[error("an upstream has 1 to {MAX_SERVERS} servers, all of http:// or all of https://")]
    Servers,
    /// The certificates that may vouch for it cannot be read.
    #[error("the CA certificates cannot be used: {0}")]
    Roots(String),
    /// What the door shows to it cannot be read.
    #[error("the client certificate cannot be used: {0}")]
    Identity(String),
    /// The TLS library refused the configuration.
    #[error("TLS cannot be configured: {0}")]
    Tls(#[from] rustls::Error),
}
