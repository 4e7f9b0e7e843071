//! What an attempt costs must not tell who exists (R027, G26).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use doorward_crypto::hash::Argon2Params;
use doorward_store::UserName;

use super::{Counted, Fixture, SHA1_OF_SECRET, argon2id, fixture_with, header, record, user_index};
use crate::basic::check::Hasher;
use crate::basic::{BasicAuthenticator, BasicCost, BasicParts, BasicState};
use crate::testing::{Counting, StillClock, authenticate, head_from, outcome};

/// "secret", as htpasswd and openssl write it.
const BCRYPT_4: &str = "$2y$04$9kTthveLk6IWcHM0EqD56.H2yYsw.LEABkwd4Gzi1Ap/rRMgy6t0.";
const BCRYPT_10: &str = "$2y$10$f8mezupU.29vbWe72EWlQeaWJMzq3j3Ia68HSzzhXx0OS51hhcube";
const APR1: &str = "$apr1$dMtjndFV$JVvWXvQ/Z2z8DFmBUQahf.";
const SHA256: &str = "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA";

/// Notes which hashes are compared with and answers like the real one, without the work.
struct Noting(Counted);

impl Hasher for Noting {
    fn verify(&self, hash: &super::PasswordHash, password: &[u8]) -> bool {
        self.0.formats.lock().push(format!("{hash:?}"));
        password == b"secret"
    }

    fn hash(&self, password: &[u8]) -> Result<String, super::PasswordHashError> {
        self.0.hash(password)
    }
}

struct Bench {
    fixture: Fixture,
    formats: Arc<super::Mutex<Vec<String>>>,
    callers: u32,
}

impl Bench {
    /// Forty users with hashes of each of these kinds.
    fn new(kinds: &[&str]) -> Self {
        let counted = Counted::default();
        let formats = counted.formats.clone();
        let fixture = super::fixture_of(Box::new(Noting(counted)), 32, 100);
        fixture.index.clear();
        for (k, hash) in kinds.iter().enumerate() {
            for n in 0..40 {
                fixture.index.insert(&record(&format!("user{k}-{n}"), hash));
            }
        }
        Self {
            fixture,
            formats,
            callers: 0,
        }
    }

    /// The outcome of an attempt from an address of its own, and the work it caused.
    async fn attempt(&mut self, name: &str, password: &str) -> (String, Vec<String>) {
        self.callers += 1;
        let [_, a, b, c] = self.callers.to_be_bytes();
        let from = format!("10.{a}.{b}.{c}");
        self.formats.lock().clear();
        let result = self.fixture.call_from(&from, name, password).await;
        (outcome(result), std::mem::take(&mut *self.formats.lock()))
    }

    async fn shares(&mut self, names: &[String]) -> HashMap<Vec<String>, f64> {
        let mut shares = HashMap::new();
        for name in names {
            let (_, work) = self.attempt(name, "wrong").await;
            *shares.entry(work).or_insert(0.0) += 1.0 / names.len() as f64;
        }
        shares
    }
}

#[tokio::test]
async fn r027_g26_names_that_nobody_has_cost_what_the_users_cost_whatever_was_imported() {
    let own = argon2id("secret");
    let kinds = [own.as_str(), BCRYPT_4, APR1, SHA256, SHA1_OF_SECRET];
    let mut bench = Bench::new(&kinds);
    let users: Vec<_> = (0..kinds.len())
        .flat_map(|k| (0..40).map(move |n| format!("user{k}-{n}")))
        .collect();
    let nobody: Vec<_> = (0..1000).map(|n| format!("nobody{n}")).collect();
    let of_users = bench.shares(&users).await;
    let of_nobody = bench.shares(&nobody).await;
    assert_eq!(of_users.len(), kinds.len());
    assert_eq!(of_nobody.len(), kinds.len(), "{of_nobody:?}");
    for (work, share) in &of_users {
        let other = of_nobody[work];
        assert!(
            other > share * 0.6 && other < share * 1.6,
            "{work:?}: {share} of the users, {other} of the others"
        );
    }
}

#[tokio::test]
async fn r027_g26_a_name_that_nobody_has_always_costs_the_same() {
    let own = argon2id("secret");
    let mut bench = Bench::new(&[&own, BCRYPT_4, APR1]);
    for n in 0..100 {
        let name = format!("nobody{n}");
        let first = bench.attempt(&name, "wrong").await;
        // The password of whoever stands in opens nothing and costs the same; so does one that
        // is longer than bcrypt looks at.
        for password in ["secret", "other", &"x".repeat(100)] {
            assert_eq!(bench.attempt(&name, password).await, first, "{name}");
        }
        assert_eq!(first.0, "basic_user_unknown");
        assert_eq!(first.1.last().unwrap(), "PasswordHash(\"argon2id\")");
    }
}

#[tokio::test]
async fn r027_g26_a_better_hash_of_a_user_changes_those_who_cost_the_same_with_it() {
    let own = argon2id("secret");
    let mut bench = Bench::new(&[BCRYPT_4]);
    let follows = |bench: &Bench, n: u32| {
        let entry = bench.fixture.index.stand_in(&format!("nobody{n}")).unwrap();
        entry.name.as_str() == "user0-7"
    };
    let followers: Vec<_> = (0..2000).filter(|n| follows(&bench, *n)).collect();
    assert!(!followers.is_empty());
    bench.fixture.index.insert(&record("user0-7", &own));
    for n in 0..200 {
        let (_, work) = bench.attempt(&format!("nobody{n}"), "wrong").await;
        let expected = if followers.contains(&n) { 1 } else { 2 };
        assert_eq!(work.len(), expected, "nobody{n}");
    }
    let name = format!("nobody{}", followers[0]);
    assert_eq!(bench.attempt(&name, "wrong").await.1.len(), 1);
    assert_eq!(bench.attempt("user0-7", "wrong").await.1.len(), 1);
}

#[tokio::test]
async fn r027_g26_a_disabled_user_costs_what_the_user_cost_before() {
    let mut bench = Bench::new(&[&argon2id("secret")]);
    let mut imported = record("imported", BCRYPT_4);
    bench.fixture.index.insert(&imported);
    let (_, before) = bench.attempt("imported", "wrong").await;
    imported.disabled_at = Some(super::Timestamp::from_secs(0));
    bench.fixture.index.insert(&imported);
    for password in ["wrong", "secret"] {
        let (code, work) = bench.attempt("imported", password).await;
        assert_eq!((code.as_str(), &work), ("basic_user_disabled", &before));
    }
    bench
        .fixture
        .index
        .remove(&UserName::parse("imported").unwrap());
}

/// The real work, in time: interleaved, and the least of several, since what other programs on
/// the machine take away is never negative.
#[tokio::test]
async fn r027_g26_the_time_for_a_name_that_nobody_has_is_that_of_a_user() {
    let index = user_index();
    for n in 0..3 {
        index.insert(&record(&format!("imported{n}"), BCRYPT_10));
    }
    let clock = Arc::new(StillClock::default());
    let parts = BasicParts {
        index,
        clock: clock.clone(),
        entropy: Arc::new(Counting::new()),
        cost: BasicCost {
            params: Argon2Params::default(),
            workers: 1,
            queue: 4,
            cache: 4,
        },
    };
    let method = BasicAuthenticator::new(Arc::new(BasicState::new(parts).unwrap()));
    let mut least = [Duration::MAX; 2];
    for n in 0..12 {
        for (slot, name) in ["imported", "nobody"].iter().enumerate() {
            clock.advance(Duration::from_secs(600));
            let value = header(&format!("{name}{}", n % 3), "wrong");
            let request = head_from("/", &[("authorization", &value)], "192.0.2.1");
            let start = Instant::now();
            let result = authenticate(&method, &request, None).await;
            least[slot] = least[slot].min(start.elapsed());
            assert!(outcome(result).starts_with("basic_"));
        }
    }
    let [known, unknown] = least.map(|least| least.as_secs_f64());
    let ratio = unknown / known;
    assert!((0.75..1.33).contains(&ratio), "{least:?}");
}

#[tokio::test]
async fn r027_without_users_a_name_costs_a_hash_all_the_same() {
    let f = fixture_with(Counted::default(), 32, 100);
    f.index.clear();
    assert_eq!(f.cost("nobody", "wrong").await, 1);
}
