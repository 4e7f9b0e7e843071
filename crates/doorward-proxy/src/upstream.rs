//! A service behind the gate: its servers, and the connections to them.

use std::sync::Arc;

use http::HeaderValue;
use http::uri::Scheme;

mod balance;
mod breaker;
mod check;
mod config;
mod connect;
mod health;
mod http1;
mod http2;
mod io;
mod pool;
mod proxy_header;
mod route;
mod server;
mod trust;

pub use balance::Balance;
pub use config::{
    BreakerConfig, ClientIdentity, Eject, FailedAnswers, HealthCheck, MAX_SERVERS, Protocol,
    UpstreamConfig, UpstreamError,
};
pub use server::ServerState;
pub use trust::Roots;

pub(crate) use http1::{Lease, dedicated};
pub(crate) use http2::{StreamPlace, Way};
pub(crate) use io::UpstreamIo;
pub(crate) use route::{Hold, Route};

use balance::Balancer;
use breaker::Breaker;
use server::Server;

/// A service behind the gate.
pub struct Upstream {
    pub(crate) scheme: Scheme,
    pub(crate) host: HeaderValue,
    pub(crate) preserve_host: bool,
    pub(crate) audience: Option<Arc<str>>,
    protocol: Protocol,
    servers: Box<[Arc<Server>]>,
    balancer: Balancer,
    breaker: Option<Breaker>,
    retries: u8,
    proxy_protocol: bool,
    health: Option<HealthCheck>,
}

impl Upstream {
    /// Makes an upstream; nothing is connected yet.
    ///
    /// # Errors
    /// [`UpstreamError`] when an address, the CA certificates or the client certificate cannot be
    /// used.
    pub fn new(mut config: UpstreamConfig) -> Result<Self, UpstreamError> {
        let first = config.urls.first().ok_or(UpstreamError::Servers)?;
        let (scheme, _) = server::parts(first)?;
        // Without TLS there is nothing to negotiate, and no reason to connect one at a time.
        // A connection that tells whose it is has one call.
        if config.proxy_protocol || (config.protocol == Protocol::Auto && scheme == Scheme::HTTP) {
            config.protocol = Protocol::Http1;
        }
        let mut servers = Vec::with_capacity(config.urls.len());
        for url in &config.urls {
            if server::parts(url)?.0 != scheme || servers.len() == MAX_SERVERS {
                return Err(UpstreamError::Servers);
            }
            servers.push(Arc::new(Server::new(url, &config)?));
        }
        let host = servers.first().ok_or(UpstreamError::Servers)?.host.clone();
        Ok(Self {
            scheme,
            host,
            preserve_host: config.preserve_host,
            audience: config.audience,
            protocol: config.protocol,
            servers: servers.into(),
            balancer: Balancer::new(config.balance, config.panic),
            breaker: Breaker::new(&config.breaker, config.protocol),
            retries: config.retries,
            proxy_protocol: config.proxy_protocol,
            health: config.health,
        })
    }

    /// Begins to ask the servers whether they are well, where that is configured, for as long as
    /// the upstream exists. Needs a tokio runtime; to be called once.
    pub fn start_checks(&self) {
        for server in self.health.iter().flat_map(|_| &self.servers) {
            if let Some(check) = self.health.clone() {
                let server = Arc::downgrade(server);
                tokio::spawn(check::watch(server, check, self.scheme.clone()));
            }
        }
    }

    /// How the servers do, in the order of the configuration.
    #[must_use]
    pub fn servers(&self) -> Vec<ServerState> {
        self.servers.iter().map(|server| server.state()).collect()
    }

    /// Tells whether every server has failed the questions that it is asked.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.servers.iter().all(|server| server.health.is_down())
    }

    /// How many calls were refused because there were too many at once.
    #[must_use]
    pub fn overloads(&self) -> u64 {
        self.breaker.as_ref().map_or(0, Breaker::refused)
    }

    /// The connections that wait for their next use.
    #[must_use]
    pub fn idle_connections(&self) -> usize {
        self.servers.iter().map(|server| server.pool().len()).sum()
    }

    /// Tells whether there are several servers.
    pub(crate) const fn has_choice(&self) -> bool {
        self.servers.len() > 1
    }

    fn choose(&self, tried: u64) -> Option<usize> {
        if self.has_choice() {
            self.balancer.choose(&self.servers, tried)
        } else {
            Some(0)
        }
    }

    fn server(&self, number: usize) -> Option<&Arc<Server>> {
        self.servers.get(number)
    }

    const fn breaker(&self) -> Option<&Breaker> {
        self.breaker.as_ref()
    }

    const fn retries(&self) -> u8 {
        self.retries
    }

    /// Tells whether connections tell the caller's address, and so have one call each.
    pub(crate) const fn tells_client(&self) -> bool {
        self.proxy_protocol
    }

    pub(crate) const fn protocol(&self) -> Protocol {
        self.protocol
    }
}
