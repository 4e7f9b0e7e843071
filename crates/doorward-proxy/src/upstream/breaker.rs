//! How much an upstream takes at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{BreakerConfig, Protocol};
use crate::fault::Fault;

/// Places for the calls of one upstream, and for those that wait for one.
pub(super) struct Breaker {
    places: Arc<Semaphore>,
    pending: AtomicUsize,
    max_pending: usize,
    patience: Duration,
    refused: AtomicU64,
}

impl Breaker {
    /// `None` where nothing bounds the calls.
    pub(super) fn new(config: &BreakerConfig, protocol: Protocol) -> Option<Self> {
        // Each call over HTTP/1.1 needs a connection of its own.
        let connections = config
            .max_connections
            .filter(|_| protocol == Protocol::Http1);
        let places = config.max_requests.into_iter().chain(connections).min()?;
        Some(Self {
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            pending: AtomicUsize::new(0),
            max_pending: config.max_pending,
            patience: config.pending_timeout,
            refused: AtomicU64::new(0),
        })
    }

    /// Takes a place; waits for one where it may.
    pub(super) async fn enter(&self) -> Result<OwnedSemaphorePermit, Fault> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let _waiting = Waiting::begin(self)?;
        match timeout(self.patience, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(self.refuse()),
        }
    }

    fn refuse(&self) -> Fault {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Fault::Overloaded
    }

    /// The calls that were refused.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// A call that waits, until it is dropped.
struct Waiting<'b>(&'b Breaker);

impl<'b> Waiting<'b> {
    fn begin(breaker: &'b Breaker) -> Result<Self, Fault> {
        let waiting = Self(breaker);
        if breaker.pending.fetch_add(1, Ordering::Relaxed) >= breaker.max_pending {
            return Err(breaker.refuse());
        }
        Ok(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(max_pending: usize) -> Breaker {
        let config = BreakerConfig {
            max_requests: Some(2),
            max_pending,
            pending_timeout: Duration::from_secs(3),
            ..BreakerConfig::default()
        };
        Breaker::new(&config, Protocol::Http1).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_much_is_refused_at_once() {
        let breaker = breaker(0);
        let held = (breaker.enter().await.unwrap(), breaker.enter().await);
        assert!(matches!(breaker.enter().await, Err(Fault::Overloaded)));
        assert_eq!(breaker.pending.load(Ordering::Relaxed), 0);
        drop(held);
        assert!(breaker.enter().await.is_ok());
        assert_eq!(breaker.refused(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_may_wait_for_a_while() {
        let breaker = breaker(1);
        let first = breaker.enter().await.unwrap();
        let _second = breaker.enter().await.unwrap();
        let (waited, refused, ()) = tokio::join!(breaker.enter(), breaker.enter(), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(first);
        });
        assert!(waited.is_ok() && refused.is_err());
        assert!(breaker.enter().await.is_err(), "not for ever");
    }

    #[test]
    fn a_connection_is_a_call_over_http1() {
        let config = BreakerConfig {
            max_requests: Some(9),
            max_connections: Some(3),
            ..BreakerConfig::default()
        };
        let places = |protocol| {
            let breaker = Breaker::new(&config, protocol).unwrap();
            breaker.places.available_permits()
        };
        assert_eq!((places(Protocol::Http1), places(Protocol::Http2)), (3, 9));
        assert!(Breaker::new(&BreakerConfig::default(), Protocol::Http1).is_none());
    }
}
