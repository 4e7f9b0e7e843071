//! What a connection is doing, as its watchdog sees it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::limits::Limits;

/// What goes on after a connection has left HTTP.
pub(crate) type Tunnel = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The state that a connection's stream, its requests and its watchdog share. Moments are counts
/// of the watchdog's ticks, which cost no look at a clock; zero stands for "not now".
pub(crate) struct Pulse {
    ticks: AtomicU64,
    in_flight: AtomicU32,
    served: AtomicU32,
    idle_since: AtomicU64,
    head_since: AtomicU64,
    blocked_since: AtomicU64,
    is_tunnel: AtomicBool,
    tunnel: Mutex<Option<Tunnel>>,
}

/// One request between its head and the end of its response.
pub(crate) struct InFlight(Arc<Pulse>);

impl Pulse {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            ticks: AtomicU64::new(1),
            in_flight: AtomicU32::new(0),
            served: AtomicU32::new(0),
            idle_since: AtomicU64::new(1),
            head_since: AtomicU64::new(0),
            blocked_since: AtomicU64::new(0),
            is_tunnel: AtomicBool::new(false),
            tunnel: Mutex::new(None),
        })
    }

    fn now(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// A request's head is complete.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.served.fetch_add(1, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Bytes came in.
    pub(crate) fn read(&self) {
        if self.in_flight.load(Ordering::Relaxed) == 0
            && self.head_since.load(Ordering::Relaxed) == 0
        {
            self.head_since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// Bytes could not go out, or could.
    pub(crate) fn written(&self, blocked: bool) {
        let since = self.blocked_since.load(Ordering::Relaxed);
        if blocked && since == 0 {
            self.blocked_since.store(self.now(), Ordering::Relaxed);
        } else if !blocked && since != 0 {
            self.blocked_since.store(0, Ordering::Relaxed);
        }
    }

    /// Leaves HTTP: the connection ends when the tunnel does.
    pub(crate) fn enter_tunnel(&self, tunnel: Tunnel) {
        self.is_tunnel.store(true, Ordering::Relaxed);
        *self.tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
    }

    /// Tells whether what comes in is no longer HTTP.
    pub(crate) fn is_tunnel(&self) -> bool {
        self.is_tunnel.load(Ordering::Relaxed)
    }

    pub(crate) fn take_tunnel(&self) -> Option<Tunnel> {
        self.tunnel
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Counts a tick. Tells whether the caller has been silent, or deaf, for longer than it may:
    /// at most a tick late, and never early.
    pub(crate) fn tick(&self, limits: &Limits) -> bool {
        let now = self.ticks.fetch_add(1, Ordering::Relaxed) + 1;
        let tick = limits.tick();
        let past = |since: u64, bound: Duration| {
            let whole = u32::try_from(now.saturating_sub(since + 1)).unwrap_or(u32::MAX);
            since != 0 && tick.saturating_mul(whole) >= bound
        };
        if past(
            self.blocked_since.load(Ordering::Relaxed),
            limits.write_timeout,
        ) {
            return true;
        }
        if self.in_flight.load(Ordering::Relaxed) != 0 {
            return false;
        }
        let idle = if self.served.load(Ordering::Relaxed) == 0 {
            limits.header_timeout
        } else {
            limits.idle_timeout
        };
        past(
            self.head_since.load(Ordering::Relaxed),
            limits.header_timeout,
        ) || past(self.idle_since.load(Ordering::Relaxed), idle)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.now(), Ordering::Relaxed);
        self.0.head_since.store(0, Ordering::Relaxed);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
