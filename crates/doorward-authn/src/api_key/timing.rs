//! How long a wrong key takes must not tell how much of it is right (R022).
//!
//! The look-up is by a keyed digest of the whole text, so there is nothing to compare piece by
//! piece. What is measured here would show a look-up by the start of a key, or a comparison that
//! stops at the first difference.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use doorward_core::{Entropy, RequestHead};
use doorward_crypto::api_key::{ApiKeyText, Environment, KeyKind};
use doorward_crypto::hash::Peppers;

use super::ApiKeyAuthenticator;
use super::tests::{Bench, pepper, prefix};
use crate::testing::{Counting, head};

/// How many keys there are.
const STORED: u64 = 500;
/// How many keys are tried at a time.
const BATCH: u64 = 40;
/// How often each kind has its turn.
const TURNS: usize = 300;
/// How often a difference must be seen before it is believed: one of the code's own is there
/// every time, one of a busy machine is not.
const ATTEMPTS: usize = 5;
/// How much of the randomness of a right key each kind of wrong key repeats, in bytes: nothing,
/// as much as the hint that people are shown, half, and nearly all.
const SHARED: [usize; 4] = [0, 4, 15, 26];

/// Repeats the randomness of the right key with this number for some bytes, and then differs.
struct Script {
    right: Counting,
    wrong: Counting,
    shared: usize,
    at: AtomicUsize,
}

impl Entropy for Script {
    fn fill(&self, into: &mut [u8]) {
        for byte in into {
            let mut drawn = [[0]; 2];
            self.right.fill(&mut drawn[0]);
            self.wrong.fill(&mut drawn[1]);
            let at = self.at.fetch_add(1, Ordering::Relaxed);
            [*byte] = drawn[usize::from(at >= self.shared)];
        }
    }
}

/// A well-formed key, checksum and all.
fn key(number: u64, shared: usize) -> String {
    let seeded = |seed: u64| Counting(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).into());
    let script = Script {
        right: seeded(number + 1),
        wrong: seeded(number + 1_000_003),
        shared,
        at: AtomicUsize::new(0),
    };
    let text = ApiKeyText::generate(&prefix(), KeyKind::Secret, Environment::Live, &script);
    text.secret().expose().clone()
}

/// Tries wrong keys and says how long they took, in nanoseconds.
fn time(method: &ApiKeyAuthenticator, keys: &[String], from: &RequestHead) -> u64 {
    let start = Instant::now();
    for key in keys {
        assert!(black_box(method.check(black_box(key), from)).is_err());
    }
    u64::try_from(start.elapsed().as_nanos()).unwrap()
}

/// The kinds take turns, each time in another order, so that what else the machine does meets
/// all of them alike.
#[test]
fn r022_g26_a_wrong_key_takes_the_same_time_however_much_of_it_is_right() {
    let bench = Bench::new();
    let peppers = Peppers::new(pepper(1), Vec::new()).unwrap();
    for number in 0..STORED {
        let (_, mut record) = bench.key(KeyKind::Secret, Environment::Live);
        let right = key(number, usize::MAX);
        record.digest = *peppers.digest(right.as_bytes()).1.as_bytes();
        bench.index.insert(&record);
    }
    let method = bench.method(&[1]);
    let from = head("/", &[]);
    assert!(method.check(&key(7, usize::MAX), &from).is_ok());
    let kinds = SHARED.map(|shared| {
        let keys = (0..BATCH).map(|number| key(number, shared));
        keys.collect::<Vec<_>>()
    });
    let alike = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let in_common = kinds
        .each_ref()
        .map(|keys| alike(&keys[0], &key(0, usize::MAX)));
    assert!(
        in_common.is_sorted() && in_common[3] > in_common[0] + 20,
        "{in_common:?}"
    );

    let mut seen = Vec::new();
    for _ in 0..ATTEMPTS {
        let least = least(&method, &kinds, &from);
        if least
            .iter()
            .all(|kind| (0.8..1.25).contains(&(kind / least[0])))
        {
            return;
        }
        seen.push(least);
    }
    panic!("some kinds of wrong keys take longer than others, again and again: {seen:?}");
}

/// The shortest time of each kind in nanoseconds: what the machine does besides only ever adds
/// to a time, so the shortest of many is the one that tells of the code.
fn least(
    method: &ApiKeyAuthenticator,
    kinds: &[Vec<String>; 4],
    from: &RequestHead,
) -> [f64; SHARED.len()] {
    let mut least = [u64::MAX; SHARED.len()];
    for turn in 0..TURNS {
        for step in 0..SHARED.len() {
            let kind = (turn + step) % SHARED.len();
            least[kind] = least[kind].min(time(method, &kinds[kind], from));
        }
    }
    least.map(|time| time as f64)
}
