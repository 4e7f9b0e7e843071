//! What a connection is doing, as its watchdog sees it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

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
    /// How many response bodies wait for their caller to take more.
    owed: AtomicU32,
    /// How many bytes of them were taken.
    taken: AtomicU64,
    /// Since when too few were taken, and how many there were then.
    slow_since: AtomicU64,
    taken_then: AtomicU64,
    is_abandoned: AtomicBool,
    is_tunnel: AtomicBool,
    tunnel: Mutex<Option<Tunnel>>,
    /// Whether the watchdog polls the requests, too, and so can wake one in time.
    keeps_alarms: bool,
    began: Instant,
    /// When the watchdog is to look in any case, in milliseconds since `began`.
    alarm: AtomicU64,
}

/// One request between its head and the end of its response.
pub(crate) struct InFlight(Arc<Pulse>);

impl Pulse {
    /// A new connection. With `keeps_alarms`, its requests are polled whenever its watchdog is.
    pub(crate) fn new(keeps_alarms: bool) -> Arc<Self> {
        Arc::new(Self {
            ticks: AtomicU64::new(1),
            in_flight: AtomicU32::new(0),
            served: AtomicU32::new(0),
            idle_since: AtomicU64::new(1),
            head_since: AtomicU64::new(0),
            blocked_since: AtomicU64::new(0),
            owed: AtomicU32::new(0),
            taken: AtomicU64::new(0),
            slow_since: AtomicU64::new(0),
            taken_then: AtomicU64::new(0),
            is_abandoned: AtomicBool::new(false),
            is_tunnel: AtomicBool::new(false),
            tunnel: Mutex::new(None),
            keeps_alarms,
            began: Instant::now(),
            alarm: AtomicU64::new(0),
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

    /// Asks the watchdog to poll the connection at a moment; false when it cannot. The last one
    /// asked for counts, and its request must ask again when it is polled for another reason.
    pub(crate) fn set_alarm(&self, at: Instant) -> bool {
        let ms = at.saturating_duration_since(self.began).as_millis() + 1;
        self.alarm
            .store(u64::try_from(ms).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.keeps_alarms
    }

    /// When the watchdog was asked to look, if it was.
    pub(crate) fn alarm(&self) -> Option<Instant> {
        match self.alarm.load(Ordering::Relaxed) {
            0 => None,
            ms => self.began.checked_add(Duration::from_millis(ms)),
        }
    }

    /// Forgets an alarm that has come.
    pub(crate) fn clear_alarm(&self) {
        self.alarm.store(0, Ordering::Relaxed);
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

    /// Counts what a response body handed over.
    fn take(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(0);
        self.taken.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Tells whether bodies have waited for their caller for twice `write_timeout`, at every tick,
    /// and it took next to nothing of any. An HTTP/2 caller that grants no window blocks no
    /// socket, so nothing else notices it.
    fn is_deaf(&self, limits: &Limits, past: impl Fn(u64, Duration) -> bool) -> bool {
        let taken = self.taken.load(Ordering::Relaxed);
        let window = limits.write_timeout.saturating_mul(2);
        let fewest = limits.body_rate.saturating_mul(window.as_secs()).max(1);
        let some = taken.saturating_sub(self.taken_then.load(Ordering::Relaxed)) >= fewest;
        if self.owed.load(Ordering::Relaxed) == 0 || some {
            self.slow_since.store(self.now(), Ordering::Relaxed);
            self.taken_then.store(taken, Ordering::Relaxed);
            return false;
        }
        past(self.slow_since.load(Ordering::Relaxed), window)
    }

    /// Tells whether the caller was given up because it does not read.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Relaxed)
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
            self.is_abandoned.store(true, Ordering::Relaxed);
            return true;
        }
        if self.in_flight.load(Ordering::Relaxed) != 0 {
            let deaf = self.is_deaf(limits, past);
            self.is_abandoned.store(deaf, Ordering::Relaxed);
            return deaf;
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

impl InFlight {
    /// A body of the response waits for its caller.
    pub(crate) fn owe(&self) {
        self.0.owed.fetch_add(1, Ordering::Relaxed);
    }

    /// It waits no more: for its upstream, or for nothing.
    pub(crate) fn settle(&self) {
        self.0.owed.fetch_sub(1, Ordering::Relaxed);
    }

    /// The caller took some of it.
    pub(crate) fn take(&self, bytes: usize) {
        self.0.take(bytes);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.now(), Ordering::Relaxed);
        self.0.head_since.store(0, Ordering::Relaxed);
        self.0.clear_alarm();
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
