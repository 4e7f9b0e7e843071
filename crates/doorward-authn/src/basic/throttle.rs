//! How often a password may be wrong.
//!
//! | what | in a row | then one every |
//! |---|---|---|
//! | an address (IPv6: its /64) | 20 | 5 s |
//! | a user name, from addresses where it has not succeeded in the last day | 10 | 10 s |
//!
//! Only failures count: whoever knows the password is never refused because many ask at once.
//! Guesses that are hashed at the same time may exceed the tokens by as many as the queue and
//! its threads hold; they are a debt that is waited for like any other failure, so the rate
//! stays what it is.
//!
//! A stranger can use up the tokens of a user name, and thereby keep its owner from entering at
//! a new address; not at an address where the owner succeeded in the last day, which only its
//! own address tokens bound. Who shares that address can tell so that the owner was there.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use doorward_core::Clock;
use doorward_core::net::ClientAddress;
use doorward_crypto::digest::ProcessKey;
use parking_lot::Mutex;
use quick_cache::sync::Cache;

/// How many failures in a row one address may have.
pub const ADDRESS_BURST: u32 = 20;
/// How long an address waits for each further one.
pub const ADDRESS_REFILL: Duration = Duration::from_secs(5);
/// How many failures in a row one user name may have from strange addresses.
pub const ACCOUNT_BURST: u32 = 10;
/// How long a user name waits for each further one.
pub const ACCOUNT_REFILL: Duration = Duration::from_secs(10);
/// How long an address where a user name succeeded stays known.
pub const KNOWN_FOR: Duration = Duration::from_hours(24);

/// How many addresses, and how many names, are watched at once. An entry lives for one refill
/// per failure, and each failure costs a hash; so 64 workers with 100 hashes a second each
/// cannot fill the table.
const MAX_WATCHED: usize = 65_536;
const MAX_KNOWN: usize = 16_384;

/// Whom an address stands for: all of an IPv6 /64 is one caller.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Network(IpAddr);

/// Counts failures.
pub(super) struct Throttle {
    clock: Arc<dyn Clock>,
    key: ProcessKey,
    buckets: Mutex<Both>,
    /// Until when a network is known for a name, in microseconds of the monotonic clock.
    known: Cache<[u8; 32], u64>,
}

struct Both {
    addresses: Buckets<Network>,
    accounts: Buckets<[u8; 32]>,
}

/// A password that may be tried. Dropping it costs nothing.
pub(super) struct Attempt {
    throttle: Arc<Throttle>,
    network: Network,
    account: Option<[u8; 32]>,
    pair: [u8; 32],
}

impl Network {
    pub(super) fn of(client: ClientAddress) -> Self {
        Self(match client.ip() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl Throttle {
    pub(super) fn new(clock: Arc<dyn Clock>, key: ProcessKey) -> Self {
        Self {
            clock,
            key,
            buckets: Mutex::new(Both {
                addresses: Buckets::new(ADDRESS_BURST, ADDRESS_REFILL, MAX_WATCHED),
                accounts: Buckets::new(ACCOUNT_BURST, ACCOUNT_REFILL, MAX_WATCHED),
            }),
            known: Cache::new(MAX_KNOWN),
        }
    }

    /// Lets a password be tried. A name is treated alike whether a user has it or not.
    ///
    /// # Errors
    /// How long to wait, after too many failures.
    pub(super) fn admit(
        self: &Arc<Self>,
        name: &str,
        network: Network,
    ) -> Result<Attempt, Duration> {
        let now = self.clock.monotonic_micros();
        let pair = self.pair(name, network);
        let is_known = self.known.get(&pair).is_some_and(|until| now < until);
        let account = (!is_known).then(|| self.key.digest("basic-account", name.as_bytes()));
        let buckets = self.buckets.lock();
        let wait = buckets
            .addresses
            .wait(&network, now)
            .max(account.map_or(0, |account| buckets.accounts.wait(&account, now)));
        drop(buckets);
        if wait > 0 {
            return Err(Duration::from_micros(wait));
        }
        Ok(Attempt {
            throttle: self.clone(),
            network,
            account,
            pair,
        })
    }

    fn pair(&self, name: &str, network: Network) -> [u8; 32] {
        // An address has no '/', so the first one ends it.
        let pair = format!("{}/{name}", network.0);
        self.key.digest("basic-known", pair.as_bytes())
    }

    #[cfg(test)]
    pub(super) fn watched(&self) -> usize {
        let buckets = self.buckets.lock();
        buckets.addresses.full_at.len() + buckets.accounts.full_at.len()
    }
}

impl Attempt {
    /// The password was wrong.
    pub(super) fn failed(self) {
        let now = self.throttle.clock.monotonic_micros();
        let mut buckets = self.throttle.buckets.lock();
        buckets.addresses.take(self.network, now);
        if let Some(account) = self.account {
            buckets.accounts.take(account, now);
        }
    }

    /// The password was right: the address is known for the name from now on.
    pub(super) fn succeeded(self) {
        let known_for = u64::try_from(KNOWN_FOR.as_micros()).unwrap_or(u64::MAX);
        let now = self.throttle.clock.monotonic_micros();
        self.throttle
            .known
            .insert(self.pair, now.saturating_add(known_for));
    }
}

/// Token buckets by key. Each is one number: when it will be full again, in microseconds. A full
/// bucket is not kept.
struct Buckets<K> {
    burst: u64,
    refill: u64,
    max: usize,
    full_at: HashMap<K, u64>,
}

impl<K: Copy + Eq + Hash> Buckets<K> {
    fn new(burst: u32, refill: Duration, max: usize) -> Self {
        let refill = u64::try_from(refill.as_micros()).unwrap_or(u64::MAX);
        Self {
            burst: u64::from(burst).saturating_mul(refill),
            refill,
            max,
            full_at: HashMap::new(),
        }
    }

    /// How long until a token is there.
    fn wait(&self, key: &K, now: u64) -> u64 {
        let full_at = self.full_at.get(key).copied().unwrap_or(now).max(now);
        (full_at - now)
            .saturating_add(self.refill)
            .saturating_sub(self.burst)
    }

    fn take(&mut self, key: K, now: u64) {
        if self.full_at.len() >= self.max && !self.full_at.contains_key(&key) {
            self.make_room(now);
        }
        let full_at = self.full_at.entry(key).or_insert(now);
        *full_at = (*full_at).max(now).saturating_add(self.refill);
    }

    /// Forgets what is full, and if nothing is, the fullest quarter.
    fn make_room(&mut self, now: u64) {
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() >= self.max {
            let mut moments: Vec<u64> = self.full_at.values().copied().collect();
            let (_, limit, _) = moments.select_nth_unstable(self.max / 4);
            let limit = *limit;
            self.full_at.retain(|_, full_at| *full_at > limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use doorward_core::net::ClientAddress;
    use doorward_crypto::digest::ProcessKey;

    use super::{
        ACCOUNT_BURST, ACCOUNT_REFILL, ADDRESS_BURST, ADDRESS_REFILL, Buckets, KNOWN_FOR, Network,
        Throttle,
    };
    use crate::testing::{Counting, StillClock};

    fn network(text: &str) -> Network {
        Network::of(ClientAddress::new(text.parse().unwrap()))
    }

    fn throttle() -> (Arc<StillClock>, Arc<Throttle>) {
        let clock = Arc::new(StillClock::default());
        let key = ProcessKey::generate(&Counting::new());
        let throttle = Arc::new(Throttle::new(clock.clone(), key));
        (clock, throttle)
    }

    fn wait(throttle: &Arc<Throttle>, name: &str, from: &str) -> Option<Duration> {
        throttle.admit(name, network(from)).err()
    }

    fn fail(throttle: &Arc<Throttle>, name: &str, from: &str) {
        throttle.admit(name, network(from)).ok().unwrap().failed();
    }

    #[test]
    fn an_address_may_fail_twenty_times_and_then_once_every_five_seconds() {
        let (clock, throttle) = throttle();
        for n in 0..ADDRESS_BURST {
            fail(&throttle, &format!("user{n}"), "192.0.2.1");
        }
        assert_eq!(wait(&throttle, "new", "192.0.2.1"), Some(ADDRESS_REFILL));
        assert_eq!(wait(&throttle, "new", "192.0.2.2"), None);
        clock.advance(Duration::from_micros(4_999_999));
        let rest = wait(&throttle, "new", "192.0.2.1");
        assert_eq!(rest, Some(Duration::from_micros(1)));
        clock.advance(Duration::from_micros(1));
        fail(&throttle, "new", "192.0.2.1");
        assert_eq!(wait(&throttle, "new", "192.0.2.1"), Some(ADDRESS_REFILL));
    }

    #[test]
    fn a_whole_ipv6_64_is_one_caller_and_a_mapped_address_is_ipv4() {
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    #[test]
    fn many_addresses_share_the_tokens_of_a_name() {
        let (clock, throttle) = throttle();
        for n in 0..ACCOUNT_BURST {
            fail(&throttle, "alice", &format!("198.51.100.{n}"));
        }
        let rest = wait(&throttle, "alice", "198.51.100.200");
        assert_eq!(rest, Some(ACCOUNT_REFILL));
        assert_eq!(wait(&throttle, "bob", "198.51.100.200"), None);
        clock.advance(ACCOUNT_REFILL);
        fail(&throttle, "alice", "198.51.100.201");
        assert!(wait(&throttle, "alice", "198.51.100.202").is_some());
    }

    #[test]
    fn an_address_where_the_owner_succeeded_is_not_locked_out() {
        let (clock, throttle) = throttle();
        let home = "203.0.113.5";
        throttle
            .admit("alice", network(home))
            .ok()
            .unwrap()
            .succeeded();
        for n in 0..ACCOUNT_BURST {
            fail(&throttle, "alice", &format!("198.51.100.{n}"));
        }
        assert!(wait(&throttle, "alice", "203.0.113.6").is_some());
        assert_eq!(wait(&throttle, "alice", home), None);
        // Known for this name only, and bounded by its own tokens.
        for n in 0..ACCOUNT_BURST {
            fail(&throttle, "bob", &format!("198.51.100.1{n}"));
        }
        assert!(wait(&throttle, "bob", home).is_some());
        for _ in 0..ADDRESS_BURST {
            fail(&throttle, "alice", home);
        }
        assert_eq!(wait(&throttle, "alice", home), Some(ADDRESS_REFILL));
        // And not for ever.
        clock.advance(KNOWN_FOR);
        for n in 0..ACCOUNT_BURST {
            fail(&throttle, "alice", &format!("198.51.100.{n}"));
        }
        assert!(wait(&throttle, "alice", home).is_some());
    }

    #[test]
    fn what_did_not_fail_costs_nothing_and_is_not_kept() {
        let (_, throttle) = throttle();
        let at_once: Vec<_> = (0..100)
            .map(|_| throttle.admit("alice", network("192.0.2.1")).ok().unwrap())
            .collect();
        for attempt in at_once {
            attempt.succeeded();
        }
        drop(throttle.admit("bob", network("192.0.2.1")));
        assert_eq!(throttle.watched(), 0);
    }

    #[test]
    fn failures_at_once_are_a_debt() {
        let (clock, throttle) = throttle();
        let at_once: Vec<_> = (0..15)
            .map(|_| throttle.admit("alice", network("192.0.2.1")).ok().unwrap())
            .collect();
        for attempt in at_once {
            attempt.failed();
        }
        let debt = ACCOUNT_REFILL * 6;
        assert_eq!(wait(&throttle, "alice", "192.0.2.9"), Some(debt));
        clock.advance(debt);
        assert_eq!(wait(&throttle, "alice", "192.0.2.9"), None);
    }

    #[test]
    fn the_tables_are_bounded_and_forget_the_least_guilty_first() {
        let mut buckets = Buckets::new(10, Duration::from_secs(1), 100);
        for _ in 0..9 {
            buckets.take(u32::MAX, 0);
        }
        for key in 0..10_000 {
            buckets.take(key, 0);
            assert!(buckets.full_at.len() <= 100);
        }
        assert!(buckets.full_at.contains_key(&u32::MAX));
        buckets.take(1, 60_000_000);
        assert!(buckets.full_at.len() <= 100);
    }
}
