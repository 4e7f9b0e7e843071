use std::sync::Arc;
use std::time::Duration;

use doorward_core::net::ClientAddress;
use doorward_crypto::digest::ProcessKey;

use super::{
    ACCOUNT_BURST, ACCOUNT_REFILL, ADDRESS_BURST, ADDRESS_REFILL, Attempt, BLOCK_BURST,
    BLOCK_REFILL, KNOWN_FOR, NETWORK_BURST, NETWORK_REFILL, Network, Throttle,
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

fn admit(throttle: &Arc<Throttle>, name: &str, from: &str) -> Result<Attempt, Duration> {
    throttle.admit(throttle.visitor(name, network(from)))
}

fn wait(throttle: &Arc<Throttle>, name: &str, from: &str) -> Option<Duration> {
    admit(throttle, name, from).err()
}

fn fail(throttle: &Arc<Throttle>, name: &str, from: &str) {
    admit(throttle, name, from).ok().unwrap().failed();
}

/// Addresses in blocks of their own.
fn far(n: u32) -> String {
    format!("198.{n}.100.7")
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
        fail(&throttle, "alice", &far(n));
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
    admit(&throttle, "alice", home).ok().unwrap().succeeded();
    for n in 0..ACCOUNT_BURST {
        fail(&throttle, "alice", &far(n));
    }
    assert!(wait(&throttle, "alice", "203.0.113.6").is_some());
    assert_eq!(wait(&throttle, "alice", home), None);
    // Known for this name only, and bounded by its own tokens.
    for n in 0..ACCOUNT_BURST {
        fail(&throttle, "bob", &far(100 + n));
    }
    assert!(wait(&throttle, "bob", home).is_some());
    for _ in 0..ADDRESS_BURST {
        fail(&throttle, "alice", home);
    }
    assert_eq!(wait(&throttle, "alice", home), Some(ADDRESS_REFILL));
    // And not for ever.
    clock.advance(KNOWN_FOR);
    for n in 0..ACCOUNT_BURST {
        fail(&throttle, "alice", &far(n));
    }
    assert!(wait(&throttle, "alice", home).is_some());
}

#[test]
fn what_did_not_fail_costs_nothing_and_is_not_kept() {
    let (_, throttle) = throttle();
    let at_once: Vec<_> = (0..NETWORK_BURST)
        .map(|_| admit(&throttle, "alice", "192.0.2.1").ok().unwrap())
        .collect();
    for attempt in at_once {
        attempt.succeeded();
    }
    drop(admit(&throttle, "bob", "192.0.2.1"));
    assert_eq!(throttle.watched(), 0);
}

#[test]
fn failures_at_once_from_many_places_are_a_debt() {
    let (clock, throttle) = throttle();
    let at_once: Vec<_> = (0..15)
        .map(|n| admit(&throttle, "alice", &far(n)).ok().unwrap())
        .collect();
    for attempt in at_once {
        attempt.failed();
    }
    let debt = ACCOUNT_REFILL * 6;
    assert_eq!(wait(&throttle, "alice", "192.0.2.9"), Some(debt));
    clock.advance(debt);
    assert_eq!(wait(&throttle, "alice", "192.0.2.9"), None);
}

/// Guesses once a second for an hour, then tells how many guesses were let through.
fn besiege(clock: &StillClock, throttle: &Arc<Throttle>, from: &[String]) -> u32 {
    let mut made = 0;
    for _ in 0..3600 {
        for from in from {
            if let Ok(attempt) = admit(throttle, "alice", from) {
                attempt.failed();
                made += 1;
            }
        }
        // Nobody is known here: the owner is as much a stranger as the other.
        assert_eq!(wait(throttle, "alice", "203.0.113.5"), None);
        clock.advance(Duration::from_secs(1));
    }
    made
}

#[test]
fn r078_one_network_cannot_lock_an_account() {
    let (clock, throttle) = throttle();
    let made = besiege(&clock, &throttle, &["198.51.100.7".to_owned()]);
    assert_eq!(made, NETWORK_BURST + 59);
    assert!(wait(&throttle, "alice", "198.51.100.7") <= Some(NETWORK_REFILL));
}

#[test]
fn r078_one_block_cannot_lock_an_account() {
    let (clock, throttle) = throttle();
    let block: Vec<_> = (0..200).map(|n| format!("2001:db8:7:{n:x}::1")).collect();
    let made = besiege(&clock, &throttle, &block);
    assert_eq!(made, BLOCK_BURST + 119);
    assert!(wait(&throttle, "alice", "2001:db8:7:ffff::1") <= Some(BLOCK_REFILL));
    assert_eq!(wait(&throttle, "alice", "2001:db8:8::1"), None);
}

#[test]
fn r078_guesses_at_once_do_not_exceed_the_share_of_a_network() {
    let (_, throttle) = throttle();
    let at_once: Vec<_> = (0..50)
        .map_while(|_| admit(&throttle, "alice", "198.51.100.7").ok())
        .collect();
    assert_eq!(at_once.len(), 3);
    for attempt in at_once {
        attempt.failed();
    }
    assert!(wait(&throttle, "alice", "198.51.100.7").is_some());
    assert_eq!(wait(&throttle, "alice", "198.51.100.8"), None);
}

#[test]
fn no_place_costs_a_stranger_and_not_who_is_known() {
    let (_, throttle) = throttle();
    let from = "198.51.100.7";
    admit(&throttle, "alice", from).ok().unwrap().succeeded();
    for _ in 0..ADDRESS_BURST {
        throttle.no_place(&throttle.visitor("alice", network(from)));
    }
    assert_eq!(throttle.watched(), 0);
    for _ in 0..ADDRESS_BURST {
        throttle.no_place(&throttle.visitor("bob", network(from)));
    }
    assert_eq!(wait(&throttle, "bob", from), Some(ADDRESS_REFILL));
    assert_eq!(wait(&throttle, "bob", "198.51.100.8"), None);
}
