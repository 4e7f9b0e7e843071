//! A service behind the gate, and the connections to it.

use std::sync::Arc;
use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use thiserror::Error;

mod connect;
mod http1;
mod http2;
mod io;
mod pool;
mod trust;

pub use trust::Roots;

pub(crate) use http1::{Lease, dedicated};
pub(crate) use http2::Way;
pub(crate) use io::UpstreamIo;

use connect::Connector;
use http2::Http2Slot;
use pool::Pool;

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

/// What an operator says of an upstream.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// `http://` or `https://`, host and optional port, without a path.
    pub url: String,
    /// Which HTTP is spoken.
    pub protocol: Protocol,
    /// Who may vouch for its certificate. Verification cannot be turned off.
    pub roots: Roots,
    /// How long connecting may take, TLS included.
    pub connect_timeout: Duration,
    /// How long a connection may wait for its next use.
    pub idle_timeout: Duration,
    /// How many connections may wait.
    pub max_idle: usize,
    /// The caller's `Host` is passed on, in place of the upstream's own.
    pub preserve_host: bool,
    /// The audience of the signed statement of who calls; none is sent when absent.
    pub audience: Option<Arc<str>>,
}

impl UpstreamConfig {
    /// An upstream with safe defaults.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            protocol: Protocol::default(),
            roots: Roots::System,
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(30),
            max_idle: 256,
            preserve_host: false,
            audience: None,
        }
    }
}

/// An upstream that cannot be used as written.
#[derive(Debug, Error)]
pub enum UpstreamError {
    /// Not `http://host[:port]` or `https://host[:port]`.
    #[error("`{0}` is not http:// or https:// with a host and nothing after it")]
    Url(String),
    /// The certificates that may vouch for it cannot be read.
    #[error("the CA certificates cannot be used: {0}")]
    Roots(String),
    /// The TLS library refused the configuration.
    #[error("TLS cannot be configured: {0}")]
    Tls(#[from] rustls::Error),
}

/// A service behind the gate.
pub struct Upstream {
    pub(crate) scheme: Scheme,
    pub(crate) host: HeaderValue,
    pub(crate) preserve_host: bool,
    pub(crate) audience: Option<Arc<str>>,
    protocol: Protocol,
    connector: Connector,
    pool: Arc<Pool>,
    http2: Http2Slot,
}

impl Upstream {
    /// Makes an upstream; nothing is connected yet.
    ///
    /// # Errors
    /// [`UpstreamError`] when the address or the CA certificates cannot be used.
    pub fn new(config: UpstreamConfig) -> Result<Self, UpstreamError> {
        let bad = || UpstreamError::Url(config.url.clone());
        let uri: Uri = config.url.parse().map_err(|_| bad())?;
        let parts = uri.into_parts();
        let scheme = parts.scheme.ok_or_else(bad)?;
        let authority = parts.authority.ok_or_else(bad)?;
        let tls = scheme == Scheme::HTTPS;
        let bare = parts
            .path_and_query
            .is_none_or(|path| path.as_str() == "/" || path.as_str().is_empty());
        if !bare || !(tls || scheme == Scheme::HTTP) || authority.as_str().contains('@') {
            return Err(bad());
        }
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| bad())?;
        // Without TLS there is nothing to negotiate, and no reason to connect one at a time.
        let protocol = match config.protocol {
            Protocol::Auto if !tls => Protocol::Http1,
            protocol => protocol,
        };
        let connector = Connector::new(&authority, tls, &config)?.ok_or_else(bad)?;
        Ok(Self {
            scheme,
            host,
            preserve_host: config.preserve_host,
            audience: config.audience,
            protocol,
            connector,
            pool: Arc::new(Pool::new(config.max_idle, config.idle_timeout)),
            http2: Http2Slot::default(),
        })
    }

    /// The connections that wait for their next use.
    #[must_use]
    pub fn idle_connections(&self) -> usize {
        self.pool.len()
    }

    pub(crate) const fn connector(&self) -> &Connector {
        &self.connector
    }

    pub(crate) const fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    pub(crate) const fn http2(&self) -> &Http2Slot {
        &self.http2
    }

    pub(crate) const fn protocol(&self) -> Protocol {
        self.protocol
    }
}
