//! Bound sockets, and the loop that accepts connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use doorward_core::net::{Cidrs, ClientAddress};
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::client_auth::Handshake;
use crate::connection::{self, Application, Speaks};
use crate::drain::Drain;
use crate::limits::Limits;
use crate::proxy_protocol::{self, ProxyHeader};
use crate::slots::{Slot, Slots};
use crate::tls::TlsServer;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A listener could not be made.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {cause}")]
pub struct BindError {
    /// The address asked for.
    pub address: SocketAddr,
    /// What the operating system said.
    pub cause: io::Error,
}

/// A bound socket.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    number: usize,
    introducers: Option<Cidrs>,
}

impl Listener {
    /// Binds to an address; port 0 lets the system choose one. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`BindError`] with the operating system's reason.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let bind = || -> io::Result<Self> {
            let socket = Socket::new(
                Domain::for_address(address),
                Type::STREAM,
                Some(Protocol::TCP),
            )?;
            socket.set_reuse_address(true)?;
            socket.set_nonblocking(true)?;
            socket.bind(&address.into())?;
            socket.listen(BACKLOG)?;
            let socket = TcpListener::from_std(socket.into())?;
            let address = socket.local_addr()?;
            Ok(Self {
                socket,
                address,
                number: 0,
                introducers: None,
            })
        };
        bind().map_err(|cause| BindError { address, cause })
    }

    /// Gives the listener a number, by which a snapshot knows whom it trusts there.
    #[must_use]
    pub fn numbered(self, number: usize) -> Self {
        Self { number, ..self }
    }

    /// Expects a PROXY protocol header at the start of every connection. Only these peers may
    /// connect: they are believed about whose connection it is.
    #[must_use]
    pub fn introduced_by(self, peers: Cidrs) -> Self {
        Self {
            introducers: Some(peers),
            ..self
        }
    }

    /// The listener's number.
    pub(crate) const fn number(&self) -> usize {
        self.number
    }

    /// The address that is really bound.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// What accepting needs to know and may change between two connections.
pub(crate) trait Doorstep: Send + Sync + 'static {
    /// What serves the connections' requests.
    type App: Application;

    /// The present bounds.
    fn limits(&self) -> Limits;

    /// Tells whether a peer is a trusted terminator.
    fn trusts(&self, peer: ClientAddress) -> bool;

    /// The application for one connection.
    fn application(&self, peer: Peer) -> Self::App;
}

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// The other end.
    pub(crate) client: ClientAddress,
    /// TLS ended here.
    pub(crate) tls: bool,
    /// The listener is bound to a loopback address.
    pub(crate) loopback: bool,
}

/// Accepts connections until the drain begins, then waits for what has begun up to its deadline.
pub(crate) async fn accept_loop<D: Doorstep>(
    listener: Listener,
    tls: Option<Arc<TlsServer>>,
    doorstep: Arc<D>,
    slots: Arc<Slots>,
    drain: Drain,
) {
    let loopback = listener.address.ip().to_canonical().is_loopback();
    let mut connections = JoinSet::new();
    let mut begun = Box::pin(drain.clone().begun());
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut begun => break,
            accepted = listener.socket.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        let peer = Peer {
            client: address.into(),
            tls: tls.is_some(),
            loopback,
        };
        let limits = doorstep.limits();
        let introduced = match &listener.introducers {
            None => false,
            Some(peers) if peers.contains(peer.client) => true,
            // SECURITY: a stranger could say that it is anybody.
            Some(_) => continue,
        };
        let exempt = introduced || doorstep.trusts(peer.client);
        // Nothing is said to a caller who is over the cap: saying it costs more than it is worth.
        let Some(slot) = slots.take(address.ip(), exempt, &limits) else {
            continue;
        };
        let bounds = (limits, drain.clone(), slot);
        if introduced {
            let doorstep = Arc::clone(&doorstep);
            connections.spawn(meet(stream, tls.clone(), doorstep, peer, bounds));
        } else {
            let app = doorstep.application(peer);
            connections.spawn(greet(stream, tls.clone(), app, bounds));
        }
    }
    drop(listener);
    let finish = async { while connections.join_next().await.is_some() {} };
    if timeout(drain.deadline(), finish).await.is_err() {
        connections.shutdown().await;
    }
}

/// Waits where accepting again at once would spin, as it does when file descriptors run out.
async fn pause_after(error: &io::Error) {
    let of_the_connection = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    );
    if !of_the_connection {
        sleep(Duration::from_millis(100)).await;
    }
}

/// Hears whose connection it is, and greets the caller.
async fn meet<D: Doorstep>(
    mut stream: TcpStream,
    tls: Option<Arc<TlsServer>>,
    doorstep: Arc<D>,
    mut peer: Peer,
    (limits, drain, mut slot): (Limits, Drain, Slot),
) {
    let header = tokio::select! {
        header = timeout(limits.handshake_timeout, proxy_protocol::read(&mut stream)) => header,
        () = drain.clone().begun() => return,
    };
    match header {
        Ok(Ok(ProxyHeader::Client(client))) => {
            peer.client = client;
            // SECURITY: a caller from elsewhere came across a network, however near the proxy is
            // that says so; without TLS here, the credential has been on it in plain.
            peer.loopback &= client.ip().is_loopback();
            if !slot.count(client.ip(), &limits) {
                return;
            }
        }
        Ok(Ok(ProxyHeader::Local)) => {}
        _ => return,
    }
    let app = doorstep.application(peer);
    greet(stream, tls, app, (limits, drain, slot)).await;
}

/// Brings a connection to the point where it speaks HTTP.
async fn greet<A: Application>(
    stream: TcpStream,
    tls: Option<Arc<TlsServer>>,
    mut app: A,
    (limits, drain, slot): (Limits, Drain, Slot),
) {
    let _nodelay = stream.set_nodelay(true);
    match tls {
        None => connection::serve(stream, Speaks::Unknown, app, limits, drain).await,
        Some(tls) => {
            let handshake = timeout(limits.handshake_timeout, tls.accept(stream)).await;
            let Ok(Ok(Some(stream))) = handshake else {
                return;
            };
            if tls.asks_clients() {
                app.greeted(Handshake::of(stream.get_ref().1, tls.requires_clients()));
            }
            let speaks = match stream.get_ref().1.alpn_protocol() {
                Some(b"h2") => Speaks::Http2,
                _ => Speaks::Http1,
            };
            connection::serve(stream, speaks, app, limits, drain).await;
        }
    }
    drop(slot);
}
