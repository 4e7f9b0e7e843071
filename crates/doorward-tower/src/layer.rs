//! The layer: a gate, and what it must be told about the server around it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use doorward_core::Gate;
use doorward_core::room::Room;
use http::request::Parts;
use tower_layer::Layer;

use crate::arrival::{ArrivalRule, Arrived};
use crate::service::Guard;

/// How long a body that a rule judges may take to arrive: 30 seconds.
const BODY_TIME: Duration = Duration::from_secs(30);
/// How much memory all bodies that rules judge may take together: 64 MiB.
const HELD_BYTES: usize = 64 * 1024 * 1024;

/// Puts a [`Gate`] in front of a service: [`Guard`].
///
/// Unless it is told otherwise, it takes every request for one that came over plain HTTP from
/// nobody knows where, and refuses every credential; and it refuses paths that are not spelled
/// in their canonical form, since a router may have looked at them already.
#[derive(Clone)]
pub struct GuardLayer {
    pub(crate) gate: Arc<Gate>,
    pub(crate) arrival: ArrivalRule,
    pub(crate) before_routing: bool,
    pub(crate) body_time: Duration,
    pub(crate) held_bytes: usize,
    pub(crate) room: Arc<Room>,
}

impl GuardLayer {
    /// Makes a layer of a gate.
    #[must_use]
    pub fn new(gate: Arc<Gate>) -> Self {
        Self {
            gate,
            arrival: ArrivalRule::default(),
            before_routing: false,
            body_time: BODY_TIME,
            held_bytes: HELD_BYTES,
            room: Arc::default(),
        }
    }

    /// Says how requests came, by what the server left in their extensions or by what is the
    /// same for all. Where the function says `None`, credentials are refused.
    ///
    /// The function must not believe headers that any caller can write.
    #[must_use]
    pub fn arrival_from<A, F>(self, read: F) -> Self
    where
        A: Into<Arrived>,
        F: Fn(&Parts) -> Option<A> + Send + Sync + 'static,
    {
        Self {
            arrival: ArrivalRule::new(move |parts| read(parts).map(Into::into)),
            ..self
        }
    }

    /// Says how requests came, by one extension that the server sets, such as axum's
    /// `ConnectInfo<SocketAddr>`. Where the extension is missing, credentials are refused.
    #[must_use]
    pub fn arrival_from_extension<T, A, F>(self, read: F) -> Self
    where
        T: Send + Sync + 'static,
        A: Into<Arrived>,
        F: Fn(&T) -> A + Send + Sync + 'static,
    {
        self.arrival_from(move |parts| parts.extensions.get::<T>().map(&read))
    }

    /// States that nothing has chosen a handler by the path before this layer: it wraps the whole
    /// router from outside. Then paths such as `/caf%c3%a9` are accepted in any spelling that has
    /// one meaning, and the service gets the canonical one, which is the one that was judged.
    ///
    /// Not for a layer inside of a router (`Router::layer` of axum): there the handler is chosen
    /// already, by another spelling than the one that would be judged.
    #[must_use]
    pub fn before_routing(self) -> Self {
        Self {
            before_routing: true,
            ..self
        }
    }

    /// Bounds how long a body may take to arrive that a rule judges; 30 seconds unless said.
    #[must_use]
    pub fn body_time(self, longest: Duration) -> Self {
        Self {
            body_time: longest,
            ..self
        }
    }

    /// Bounds the memory in bytes of all bodies together that rules judge, until their calls are
    /// over; 64 MiB unless said.
    #[must_use]
    pub fn held_bytes(self, most: usize) -> Self {
        Self {
            held_bytes: most,
            ..self
        }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard::new(inner, Arc::new(self.clone()))
    }
}

impl fmt::Debug for GuardLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardLayer")
            .field("arrival", &self.arrival)
            .field("before_routing", &self.before_routing)
            .field("body_time", &self.body_time)
            .field("held_bytes", &self.held_bytes)
            .finish_non_exhaustive()
    }
}
