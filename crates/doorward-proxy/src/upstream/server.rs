//! One server of an upstream.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};

use super::connect::Connector;
use super::health::Health;
use super::http2::Http2Connections;
use super::pool::Pool;
use super::{UpstreamConfig, UpstreamError};

/// One server: where it is, the connections to it, and how it does.
pub(crate) struct Server {
    /// What it is called in `Host`, and in the metrics.
    pub(crate) host: HeaderValue,
    pub(super) name: Box<str>,
    connector: Connector,
    pool: Arc<Pool>,
    http2: Http2Connections,
    pub(super) health: Health,
    calls: AtomicUsize,
}

/// How one server does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerState {
    /// Its address, as configured.
    pub server: Box<str>,
    /// Calls are sent to it.
    pub available: bool,
    /// The calls that it has at present; counted where there are several servers.
    pub calls: usize,
    /// How often it was left out because calls to it failed.
    pub ejections: u64,
}

impl Server {
    pub(super) fn new(url: &str, config: &UpstreamConfig) -> Result<Self, UpstreamError> {
        let bad = || UpstreamError::Url(url.to_owned());
        let (scheme, authority) = parts(url)?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| bad())?;
        let tls = scheme == Scheme::HTTPS;
        let connector = Connector::new(&authority, tls, config)?.ok_or_else(bad)?;
        // SECURITY: a connection that has told whose it is, is never used for another caller.
        let max_idle = if config.proxy_protocol {
            0
        } else {
            config.max_idle
        };
        Ok(Self {
            host,
            name: authority.as_str().into(),
            connector,
            pool: Arc::new(Pool::new(max_idle, config.idle_timeout)),
            http2: Http2Connections::new(config),
            health: Health::new(config.eject),
            calls: AtomicUsize::new(0),
        })
    }

    pub(crate) const fn connector(&self) -> &Connector {
        &self.connector
    }

    pub(crate) const fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    pub(crate) const fn http2(&self) -> &Http2Connections {
        &self.http2
    }

    /// The calls that it has at present.
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    pub(super) fn state(&self) -> ServerState {
        ServerState {
            server: self.name.clone(),
            available: self.health.is_available(),
            calls: self.calls(),
            ejections: self.health.ejections(),
        }
    }
}

/// Takes a URL apart that must be a scheme and an authority, and nothing else.
pub(super) fn parts(url: &str) -> Result<(Scheme, Authority), UpstreamError> {
    let bad = || UpstreamError::Url(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let parts = uri.into_parts();
    let scheme = parts.scheme.ok_or_else(bad)?;
    let authority = parts.authority.ok_or_else(bad)?;
    let bare = parts
        .path_and_query
        .is_none_or(|path| path.as_str() == "/" || path.as_str().is_empty());
    let known = scheme == Scheme::HTTPS || scheme == Scheme::HTTP;
    if !bare || !known || authority.as_str().contains('@') {
        return Err(bad());
    }
    Ok((scheme, authority))
}

/// A call that a server has, until it is dropped.
pub(super) struct Counted(Arc<Server>);

impl Counted {
    pub(super) fn new(server: &Arc<Server>) -> Self {
        server.calls.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(server))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}
