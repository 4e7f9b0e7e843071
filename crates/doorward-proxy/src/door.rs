//! What the data plane works with, swapped as one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use doorward_core::client_certificate::ClientCertificates;
use doorward_core::net::Cidrs;
use doorward_core::rejection::BodyFault;
use doorward_core::verified::Principal;
use doorward_core::{Gate, RequestHead};
use http::{HeaderValue, Response};

use crate::access_log::AccessLog;
use crate::endings::Endings;
use crate::forward_auth::ForwardAuth;
use crate::limits::Limits;
use crate::slots::Slots;
use crate::upstream::Upstream;
use doorward_core::room::Room;

/// Answers our own paths, such as the key set, before the gate.
pub trait OwnEndpoints: Send + Sync {
    /// Answers a request to a path of ours; `None` when the path is not ours.
    fn answer(&self, head: &RequestHead) -> Option<Response<Bytes>>;

    /// The service that answers a request to a path of ours once its body was read; `None` when
    /// there is none.
    fn service(&self, _head: &RequestHead) -> Option<Arc<dyn OwnService>> {
        None
    }
}

/// Answers requests to one path of ours.
#[async_trait]
pub trait OwnService: Send + Sync {
    /// The largest body, in bytes.
    fn max_body(&self) -> usize;

    /// Answers a request whose body was read whole, or could not be.
    async fn answer(&self, head: RequestHead, body: Result<Bytes, BodyFault>) -> Response<Bytes>;
}

/// Makes the signed statement of who calls, for upstreams that check it.
pub trait Assertion: Send + Sync {
    /// Makes the value of `Doorward-Assertion`; `None` when it cannot be signed, and then the
    /// call is refused with 503.
    fn assertion(&self, principal: &Principal, audience: &str) -> Option<HeaderValue>;
}

/// Makes what the opening handshake of a WebSocket proves (RFC 6455 section 4.1). Needed where
/// callers prove nothing themselves, over HTTP/2.
pub trait WebSocketKeys: Send + Sync {
    /// A new `Sec-WebSocket-Key`, and the `Sec-WebSocket-Accept` that answers it. `None` refuses
    /// the call with 502.
    fn make(&self) -> Option<(HeaderValue, HeaderValue)>;
}

/// Everything one request needs. A request uses one snapshot from its start to its end.
pub struct Snapshot {
    /// Judges every call.
    pub gate: Arc<Gate>,
    /// Upstreams by the names that rules use.
    pub upstreams: BTreeMap<Arc<str>, Arc<Upstream>>,
    /// Answers our own paths.
    pub own: Option<Arc<dyn OwnEndpoints>>,
    /// Signs who calls.
    pub assertion: Option<Arc<dyn Assertion>>,
    /// Opens WebSockets for callers over HTTP/2; without it there are none.
    pub websocket: Option<Arc<dyn WebSocketKeys>>,
    /// Takes records.
    pub access: Arc<dyn AccessLog>,
    /// Credentials that changed lately, over all reloads.
    pub endings: Arc<Endings>,
    /// Bounds.
    pub limits: Limits,
    /// Per listener, by its number: peers whose `X-Forwarded-For` and `X-Forwarded-Proto` are
    /// believed there. Nobody is, on a listener without an entry.
    pub trusted_terminators: Vec<Cidrs>,
    /// How listeners for forward-auth answer, by their numbers.
    pub forward_auth: HashMap<usize, ForwardAuth>,
    /// Per listener, by its number: who judges client certificates there, from handshakes or from
    /// headers of trusted terminators. Nobody does, on a listener without an entry.
    pub client_certificates: Vec<Option<Arc<dyn ClientCertificates>>>,
}

/// The data plane's one entry: the present snapshot, and the connections that are open.
pub struct Door {
    snapshot: ArcSwap<Snapshot>,
    pub(crate) slots: Arc<Slots>,
    /// The bodies that are held, over all connections and reloads.
    pub(crate) room: Arc<Room>,
}

impl Snapshot {
    /// Who judges client certificates on a listener.
    pub(crate) fn client_certificates(&self, listener: usize) -> Option<&dyn ClientCertificates> {
        self.client_certificates.get(listener)?.as_deref()
    }

    /// The peers that are believed on a listener.
    pub(crate) fn trusted(&self, listener: usize) -> &Cidrs {
        static NOBODY: LazyLock<Cidrs> = LazyLock::new(Cidrs::default);
        self.trusted_terminators.get(listener).unwrap_or(&NOBODY)
    }
}

impl Door {
    /// Makes a door.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            slots: Arc::default(),
            room: Arc::default(),
        }
    }

    /// Replaces everything at once. Requests that have begun keep the old snapshot.
    pub fn replace(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    /// The present snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The number of open connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.slots.open()
    }
}
