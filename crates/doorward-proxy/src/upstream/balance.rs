//! Which of several servers gets a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::server::Server;

/// How a server is chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Balance {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one with the fewest calls at present; one after the other among equals.
    LeastRequests,
}

/// Chooses.
pub(super) struct Balancer {
    balance: Balance,
    panic: usize,
    turn: AtomicUsize,
}

impl Balancer {
    pub(super) const fn new(balance: Balance, panic: u8) -> Self {
        Self {
            balance,
            panic: panic as usize,
            turn: AtomicUsize::new(0),
        }
    }

    /// Chooses a server that has not been tried; `tried` has a bit for each. `None` when all
    /// have been.
    pub(super) fn choose(&self, servers: &[Arc<Server>], tried: u64) -> Option<usize> {
        let mut available = 0_u64;
        for (number, server) in servers.iter().enumerate() {
            available |= u64::from(server.health.is_available()) << number;
        }
        // With too few left, those would go down as well; and with none, nothing is lost.
        let left = available.count_ones() as usize;
        if left == 0 || left * 100 < self.panic * servers.len() {
            available = u64::MAX;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        pick(self.balance, servers, available & !tried, turn)
            .or_else(|| pick(self.balance, servers, !tried, turn))
    }
}

/// Picks among the servers whose bit is set.
fn pick(balance: Balance, servers: &[Arc<Server>], mask: u64, turn: usize) -> Option<usize> {
    let may = |number: &usize| mask >> number & 1 == 1;
    let count = (0..servers.len()).filter(may).count();
    let first = turn.checked_rem(count)?;
    let mut turned = (0..servers.len())
        .filter(may)
        .cycle()
        .skip(first)
        .take(count);
    match balance {
        Balance::RoundRobin => turned.next(),
        Balance::LeastRequests => {
            turned.min_by_key(|number| servers.get(*number).map_or(usize::MAX, |s| s.calls()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::server::Counted;
    use super::super::{Eject, UpstreamConfig};
    use super::*;

    fn servers(count: usize) -> Vec<Arc<Server>> {
        let mut config = UpstreamConfig::new("");
        config.eject = Eject {
            failures: 1,
            ..Eject::default()
        };
        (0..count)
            .map(|n| Arc::new(Server::new(&format!("http://s{n}"), &config).unwrap()))
            .collect()
    }

    fn counts(balancer: &Balancer, servers: &[Arc<Server>], calls: usize) -> Vec<usize> {
        let mut counts = vec![0; servers.len()];
        for _ in 0..calls {
            counts[balancer.choose(servers, 0).unwrap()] += 1;
        }
        counts
    }

    #[tokio::test]
    async fn round_robin_shares_alike_also_when_one_is_out() {
        let servers = servers(4);
        let balancer = Balancer::new(Balance::RoundRobin, 30);
        assert_eq!(counts(&balancer, &servers, 40), [10, 10, 10, 10]);
        servers[1].health.failed();
        assert_eq!(counts(&balancer, &servers, 60), [20, 0, 20, 20]);
    }

    #[tokio::test]
    async fn least_requests_goes_where_the_fewest_are() {
        let servers = servers(3);
        let balancer = Balancer::new(Balance::LeastRequests, 30);
        let mut calls = Vec::new();
        for _ in 0..30 {
            let chosen = balancer.choose(&servers, 0).unwrap();
            calls.push((chosen, Counted::new(&servers[chosen])));
        }
        assert!(servers.iter().all(|server| server.calls() == 10));
        calls.retain(|(chosen, _)| *chosen != 2);
        assert_eq!(servers[2].calls(), 0);
        assert_eq!(balancer.choose(&servers, 0), Some(2));
    }

    #[tokio::test]
    async fn all_are_used_when_too_few_are_left_and_never_none() {
        let servers = servers(4);
        let balancer = Balancer::new(Balance::RoundRobin, 30);
        servers[0].health.failed();
        servers[1].health.set_down(true);
        assert_eq!(counts(&balancer, &servers, 40), [0, 0, 20, 20]);
        servers[2].health.failed();
        assert_eq!(counts(&balancer, &servers, 40), [10, 10, 10, 10], "panic");
        servers[3].health.failed();
        let none = Balancer::new(Balance::RoundRobin, 0);
        assert_eq!(counts(&none, &servers, 40), [10, 10, 10, 10]);
    }

    #[tokio::test]
    async fn what_was_tried_is_not_tried_again() {
        let servers = servers(3);
        let balancer = Balancer::new(Balance::RoundRobin, 30);
        servers[2].health.failed();
        assert_eq!(balancer.choose(&servers, 0b001), Some(1));
        assert_eq!(
            balancer.choose(&servers, 0b011),
            Some(2),
            "better than none"
        );
        assert_eq!(balancer.choose(&servers, 0b111), None);
    }
}
