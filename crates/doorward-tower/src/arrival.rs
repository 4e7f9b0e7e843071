//! How a request came, as the server knows and the request does not.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use doorward_core::net::ClientAddress;
use doorward_core::request::{Arrival, Session, Transport};
use http::request::Parts;

/// What a server knows of a request beside its head.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The caller's address, and whether a credential may come this way.
    pub arrival: Arrival,
    /// The host of the TLS handshake and the caller's certificate, where there is one.
    pub session: Session,
}

impl Arrived {
    /// A connection whose TLS ended in this process.
    #[must_use]
    pub fn over_tls(peer: SocketAddr) -> Self {
        Arrival {
            client: peer.into(),
            transport: Transport::Tls,
        }
        .into()
    }

    /// A connection without TLS. Only callers on this machine may send credentials over it.
    ///
    /// A server in front that ends TLS on this machine makes every caller look like one on this
    /// machine: say [`Transport::TrustedTerminator`] there, and the address that it reports.
    #[must_use]
    pub fn over_plain(peer: SocketAddr) -> Self {
        let client = ClientAddress::from(peer);
        let transport = if client.ip().is_loopback() {
            Transport::Loopback
        } else {
            Transport::Plain
        };
        Arrival { client, transport }.into()
    }

    /// Nothing is known: credentials are refused.
    fn unknown() -> Self {
        Arrival {
            client: ClientAddress::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            transport: Transport::Plain,
        }
        .into()
    }
}

impl From<Arrival> for Arrived {
    fn from(arrival: Arrival) -> Self {
        Self {
            arrival,
            session: Session::default(),
        }
    }
}

type Read = dyn Fn(&Parts) -> Option<Arrived> + Send + Sync;

/// The rule by which a layer knows how requests came.
#[derive(Clone, Default)]
pub(crate) struct ArrivalRule(Option<Arc<Read>>);

impl ArrivalRule {
    pub(crate) fn new(read: impl Fn(&Parts) -> Option<Arrived> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(read)))
    }

    /// SECURITY: what the rule does not know is taken for plain HTTP across a network.
    pub(crate) fn of(&self, parts: &Parts) -> Arrived {
        let known = self.0.as_ref().and_then(|read| read(parts));
        known.unwrap_or_else(Arrived::unknown)
    }
}

impl fmt::Debug for ArrivalRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "given" } else { "unknown" })
    }
}
