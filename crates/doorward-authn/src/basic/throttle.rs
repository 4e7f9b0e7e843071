//! How often a password may be wrong.
//!
//! | what | in a row | then one every |
//! |---|---|---|
//! | an address (IPv6: its /64) | 20 | 5 s |
//! | a user name, from addresses where it has not succeeded in the last day | 10 | 10 s |
//! | of these, from one address (IPv6: its /64) | 3 | 60 s |
//! | of these, from one block of addresses (IPv4 /24, IPv6 /48) | 6 | 30 s |
//!
//! Only failures count, and passwords for which there was no place in the queue. Whoever knows
//! the password is never refused because many ask at once.
//!
//! The tokens of the last two rows are set aside while a password is being checked, so they are
//! never exceeded. Those of the first two may be, by as many guesses as the queue and its threads
//! hold; they are a debt that is waited for like any other failure, so the rate stays what it is.
//!
//! One address, or one block, never uses up the tokens of a user name. Many can: four addresses
//! in two blocks for a moment, six addresses in three blocks for as long as they go on. They keep
//! the owner from entering at a new address, and after a restart at any, as nothing here is
//! stored; not at an address where the owner succeeded in the last day, which only its own
//! address tokens bound. Who shares that address can tell so that the owner was there. At a new
//! address, whoever shares it can spend its three tokens, and two neighbours the six of its block.

use std::sync::Arc;
use std::time::Duration;

use doorward_core::Clock;
use doorward_crypto::digest::ProcessKey;
use parking_lot::Mutex;
use quick_cache::sync::Cache;

mod buckets;
mod network;
#[cfg(test)]
mod tests;

use buckets::Buckets;
pub(super) use network::Network;

/// How many failures in a row one address may have.
pub const ADDRESS_BURST: u32 = 20;
/// How long an address waits for each further one.
pub const ADDRESS_REFILL: Duration = Duration::from_secs(5);
/// How many failures in a row one user name may have from strange addresses.
pub const ACCOUNT_BURST: u32 = 10;
/// How long a user name waits for each further one.
pub const ACCOUNT_REFILL: Duration = Duration::from_secs(10);
/// How many failures in a row one user name may have from one strange address.
pub const NETWORK_BURST: u32 = 3;
/// How long a user name at one strange address waits for each further one.
pub const NETWORK_REFILL: Duration = Duration::from_secs(60);
/// How many failures in a row one user name may have from one block of strange addresses.
pub const BLOCK_BURST: u32 = 6;
/// How long a user name at one block of strange addresses waits for each further one.
pub const BLOCK_REFILL: Duration = Duration::from_secs(30);
/// How long an address where a user name succeeded stays known.
pub const KNOWN_FOR: Duration = Duration::from_hours(24);

/// How many keys each table watches at once. An entry lives for one refill per failure, and each
/// failure costs a hash; so 64 workers with 100 hashes a second each cannot fill the first two
/// tables. Who fills the others, from thousands of addresses, makes them forget those that failed
/// least; the tokens of the user name still count.
const MAX_WATCHED: usize = 65_536;
const MAX_KNOWN: usize = 16_384;

type Digest = [u8; 32];

/// Counts failures.
pub(super) struct Throttle {
    clock: Arc<dyn Clock>,
    key: ProcessKey,
    tables: Mutex<Tables>,
    /// Until when a network is known for a name, in microseconds of the monotonic clock.
    known: Cache<Digest, u64>,
}

struct Tables {
    addresses: Buckets<Network>,
    accounts: Buckets<Digest>,
    /// By name and network.
    networks: Buckets<Digest>,
    /// By name and block.
    blocks: Buckets<Digest>,
}

/// A name, and the network it is used from.
#[derive(Clone, Copy)]
pub(super) struct Visitor {
    network: Network,
    pair: Digest,
    /// Without it the network is known for the name.
    stranger: Option<Stranger>,
}

#[derive(Clone, Copy)]
struct Stranger {
    account: Digest,
    block: Digest,
}

/// A password that may be tried. Dropping it costs nothing.
pub(super) struct Attempt {
    throttle: Arc<Throttle>,
    visitor: Visitor,
}

impl Throttle {
    pub(super) fn new(clock: Arc<dyn Clock>, key: ProcessKey) -> Self {
        Self {
            clock,
            key,
            tables: Mutex::new(Tables {
                addresses: Buckets::new(ADDRESS_BURST, ADDRESS_REFILL, MAX_WATCHED),
                accounts: Buckets::new(ACCOUNT_BURST, ACCOUNT_REFILL, MAX_WATCHED),
                networks: Buckets::new(NETWORK_BURST, NETWORK_REFILL, MAX_WATCHED),
                blocks: Buckets::new(BLOCK_BURST, BLOCK_REFILL, MAX_WATCHED),
            }),
            known: Cache::new(MAX_KNOWN),
        }
    }

    /// Tells who asks. A name is treated alike whether a user has it or not.
    pub(super) fn visitor(&self, name: &str, network: Network) -> Visitor {
        // An address has no '/', so the first one ends it.
        let digest = |domain, text: String| self.key.digest(domain, text.as_bytes());
        let pair = digest("basic-known", format!("{network}/{name}"));
        let now = self.clock.monotonic_micros();
        let is_known = self.known.get(&pair).is_some_and(|until| now < until);
        let stranger = (!is_known).then(|| Stranger {
            account: self.key.digest("basic-account", name.as_bytes()),
            block: digest("basic-block", format!("{}/{name}", network.block())),
        });
        Visitor {
            network,
            pair,
            stranger,
        }
    }

    /// Lets a password be tried.
    ///
    /// # Errors
    /// How long to wait, after too many failures.
    pub(super) fn admit(self: &Arc<Self>, visitor: Visitor) -> Result<Attempt, Duration> {
        let now = self.clock.monotonic_micros();
        let mut tables = self.tables.lock();
        let wait = tables.wait(&visitor, now);
        if wait > 0 {
            return Err(Duration::from_micros(wait));
        }
        if let Some(stranger) = visitor.stranger {
            // SECURITY: otherwise one network empties the account with guesses made at once.
            tables.networks.set_aside(visitor.pair);
            tables.blocks.set_aside(stranger.block);
        }
        drop(tables);
        Ok(Attempt {
            throttle: self.clone(),
            visitor,
        })
    }

    /// There was no place for a password: a stranger's address pays, or it could try for ever.
    pub(super) fn no_place(&self, visitor: &Visitor) {
        if visitor.stranger.is_some() {
            let now = self.clock.monotonic_micros();
            self.tables.lock().addresses.take(visitor.network, now);
        }
    }

    #[cfg(test)]
    fn watched(&self) -> usize {
        let tables = self.tables.lock();
        tables.addresses.len() + tables.accounts.len() + tables.networks.len() + tables.blocks.len()
    }
}

impl Tables {
    fn wait(&self, visitor: &Visitor, now: u64) -> u64 {
        let address = self.addresses.wait(&visitor.network, now);
        visitor.stranger.map_or(address, |stranger| {
            address
                .max(self.accounts.wait(&stranger.account, now))
                .max(self.networks.wait(&visitor.pair, now))
                .max(self.blocks.wait(&stranger.block, now))
        })
    }
}

impl Visitor {
    /// Whether the name succeeded at this network in the last day.
    pub(super) const fn is_known(&self) -> bool {
        self.stranger.is_none()
    }
}

impl Attempt {
    /// The password was wrong.
    pub(super) fn failed(self) {
        let now = self.throttle.clock.monotonic_micros();
        let mut tables = self.throttle.tables.lock();
        tables.addresses.take(self.visitor.network, now);
        if let Some(stranger) = self.visitor.stranger {
            tables.accounts.take(stranger.account, now);
            tables.networks.take(self.visitor.pair, now);
            tables.blocks.take(stranger.block, now);
        }
    }

    /// The password was right: the address is known for the name from now on.
    pub(super) fn succeeded(self) {
        let known_for = u64::try_from(KNOWN_FOR.as_micros()).unwrap_or(u64::MAX);
        let now = self.throttle.clock.monotonic_micros();
        self.throttle
            .known
            .insert(self.visitor.pair, now.saturating_add(known_for));
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(stranger) = self.visitor.stranger {
            let mut tables = self.throttle.tables.lock();
            tables.networks.put_back(&self.visitor.pair);
            tables.blocks.put_back(&stranger.block);
        }
    }
}
