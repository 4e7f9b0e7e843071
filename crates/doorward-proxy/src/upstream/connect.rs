//! Connecting to an upstream.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{Protocol, UpstreamConfig, UpstreamError, UpstreamIo, proxy_header, trust};
use crate::fault::Fault;

/// How long a connection is silent before the system asks whether its peer is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Where an upstream is, and how to get there.
pub(crate) struct Connector {
    host: Box<str>,
    port: u16,
    tls: Option<Tls>,
    protocol: Protocol,
    proxy_protocol: bool,
    bound: Duration,
}

/// TLS towards one name; `http1` offers nothing but HTTP/1.1.
struct Tls {
    name: ServerName<'static>,
    any: TlsConnector,
    http1: TlsConnector,
}

/// A connection, and what is spoken on it.
pub(crate) struct Connected {
    pub(crate) io: UpstreamIo,
    pub(crate) http2: bool,
}

impl Connector {
    /// Takes an authority apart; `None` when it has no host that TLS can name.
    pub(super) fn new(
        authority: &Authority,
        tls: bool,
        config: &UpstreamConfig,
    ) -> Result<Option<Self>, UpstreamError> {
        let host = authority.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if bare.is_empty() || (authority.port().is_some() && authority.port_u16().is_none()) {
            return Ok(None);
        }
        let tls = if tls {
            let name = config.server_name.as_deref().unwrap_or(bare);
            let Ok(name) = ServerName::try_from(name.to_owned()) else {
                return Ok(None);
            };
            let any = trust::client_config(config)?;
            let mut http1 = (*any).clone();
            http1.alpn_protocols = vec![b"http/1.1".to_vec()];
            Some(Tls {
                name,
                any: TlsConnector::from(any),
                http1: TlsConnector::from(Arc::new(http1)),
            })
        } else {
            None
        };
        let default_port = if tls.is_some() { 443 } else { 80 };
        Ok(Some(Self {
            host: bare.into(),
            port: authority.port_u16().unwrap_or(default_port),
            tls,
            protocol: config.protocol,
            proxy_protocol: config.proxy_protocol,
            bound: config.connect_timeout,
        }))
    }

    /// Connects, TLS included, within the bound; for a call of `client`, or for us.
    pub(crate) async fn connect(&self, client: Option<IpAddr>) -> Result<Connected, Fault> {
        timeout(self.bound, self.attempt(self.protocol, client))
            .await
            .unwrap_or(Err(Fault::ConnectTimeout))
    }

    /// Connects for HTTP/1.1 and nothing else.
    pub(crate) async fn connect_http1(&self, client: Option<IpAddr>) -> Result<UpstreamIo, Fault> {
        timeout(self.bound, self.attempt(Protocol::Http1, client))
            .await
            .unwrap_or(Err(Fault::ConnectTimeout))
            .map(|connected| connected.io)
    }

    async fn attempt(
        &self,
        protocol: Protocol,
        client: Option<IpAddr>,
    ) -> Result<Connected, Fault> {
        let mut stream = self.reach().await?;
        let _nodelay = stream.set_nodelay(true);
        // A peer that is gone without a word ends a response that has no deadline of its own.
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE)
            .with_interval(KEEPALIVE / 4);
        let _kept = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
        if self.proxy_protocol {
            let server = stream.peer_addr().map_err(Fault::Connect)?;
            let header = proxy_header::write(client, server);
            stream.write_all(&header).await.map_err(Fault::Connect)?;
        }
        let Some(tls) = &self.tls else {
            return Ok(Connected {
                io: UpstreamIo::Plain(stream),
                http2: protocol == Protocol::Http2,
            });
        };
        let connector = match protocol {
            Protocol::Http1 => &tls.http1,
            Protocol::Http2 | Protocol::Auto => &tls.any,
        };
        let stream = connector
            .connect(tls.name.clone(), stream)
            .await
            .map_err(Fault::Tls)?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        if protocol == Protocol::Http2 && !http2 {
            return Err(Fault::Tls(io::Error::other(
                "the upstream does not offer HTTP/2",
            )));
        }
        Ok(Connected {
            io: UpstreamIo::Tls(Box::new(stream)),
            http2,
        })
    }

    /// Tries the upstream's addresses one after the other.
    async fn reach(&self) -> Result<TcpStream, Fault> {
        let addresses = lookup_host((&*self.host, self.port))
            .await
            .map_err(Fault::Resolve)?;
        let mut failed = None;
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.map_or_else(
            || Fault::Resolve(io::Error::other("the name has no address")),
            Fault::Connect,
        ))
    }
}
