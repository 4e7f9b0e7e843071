//! Connections that wait for their next use, the last used first.

use std::sync::{Arc, Mutex, Once, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::http1::Wire;

/// Idle HTTP/1.1 connections to one upstream.
pub(crate) struct Pool {
    idle: Mutex<Vec<(Box<Wire>, Instant)>>,
    max_idle: usize,
    idle_timeout: Duration,
    sweeper: Once,
}

impl Pool {
    pub(super) const fn new(max_idle: usize, idle_timeout: Duration) -> Self {
        Self {
            idle: Mutex::new(Vec::new()),
            max_idle,
            idle_timeout,
            sweeper: Once::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Box<Wire>, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the connection that was used last, and how long it has waited.
    pub(super) fn take(&self) -> Option<(Box<Wire>, Duration)> {
        let (wire, since) = self.lock().pop()?;
        let waited = since.elapsed();
        // The others have waited longer still: the sweeper closes them.
        (waited < self.idle_timeout).then_some((wire, waited))
    }

    /// Keeps a connection for its next use.
    pub(super) fn keep(self: &Arc<Self>, wire: Box<Wire>) {
        self.sweeper.call_once(|| {
            tokio::spawn(sweep(Arc::downgrade(self)));
        });
        let now = Instant::now();
        let mut idle = self.lock();
        if idle.len() < self.max_idle {
            idle.push((wire, now));
        }
    }

    /// Takes out what has waited for too long or was closed by the upstream.
    fn sweep(&self) -> Vec<(Box<Wire>, Instant)> {
        let mut idle = self.lock();
        idle.extract_if(.., |(wire, since)| {
            since.elapsed() >= self.idle_timeout || !wire.is_alive()
        })
        .collect()
    }
}

/// Closes what waits in vain, as long as the pool exists.
async fn sweep(pool: Weak<Pool>) {
    loop {
        let Some(pause) = pool
            .upgrade()
            .map(|pool| (pool.idle_timeout / 4).clamp(MIN_PAUSE, MAX_PAUSE))
        else {
            return;
        };
        sleep(pause).await;
        if let Some(pool) = pool.upgrade() {
            drop(pool.sweep());
        }
    }
}

const MIN_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(5);
