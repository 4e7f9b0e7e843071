use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_core::rejection::Rejection;
use doorward_core::scope::ScopeSet;
use doorward_core::{Authenticator, Secret, Timestamp, Verdict, Verified};
use doorward_crypto::digest::ProcessKey;
use doorward_crypto::hash::{Argon2Params, PasswordHash, PasswordHashError, hash_argon2id};
use doorward_store::{UserName, UserRecord};
use parking_lot::Mutex;
use proptest::prelude::*;

use super::check::Hasher;
use super::{BasicAuthenticator, BasicCost, BasicParts, BasicState, UserIndex};
use crate::testing::{Counting, START, StillClock, authenticate, head, head_from, outcome};

/// `{SHA}` of "secret": an imported hash that costs nothing to check.
pub(super) const SHA1_OF_SECRET: &str = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";
/// Where the owners call from.
const HOME: &str = "203.0.113.5";

pub(super) fn record(name: &str, hash: &str) -> UserRecord {
    let at = Timestamp::from_secs(START);
    UserRecord {
        name: UserName::parse(name).unwrap(),
        password_hash: Secret::new(hash.to_owned()),
        scopes: ScopeSet::parse("read").unwrap(),
        roles: vec!["clerk".to_owned()],
        disabled_at: None,
        created_at: at,
        password_changed_at: at,
    }
}

fn argon2id(password: &str) -> String {
    let params = Argon2Params::default();
    hash_argon2id(password.as_bytes(), params, &Counting::new()).unwrap()
}

/// Counts, and waits at each verification for as long as the gate's sender is kept.
#[derive(Default)]
struct Counted {
    verified: Arc<AtomicUsize>,
    hashed: Arc<AtomicUsize>,
    /// The formats of the hashes that were compared with, in order.
    formats: Arc<Mutex<Vec<String>>>,
    gate: Option<Mutex<mpsc::Receiver<()>>>,
}

impl Hasher for Counted {
    fn verify(&self, hash: &PasswordHash, password: &[u8]) -> bool {
        self.verified.fetch_add(1, Ordering::SeqCst);
        self.formats.lock().push(format!("{hash:?}"));
        if let Some(gate) = &self.gate {
            let _open = gate.lock().recv();
        }
        hash.verify(password)
    }

    fn hash(&self, password: &[u8]) -> Result<String, PasswordHashError> {
        self.hashed.fetch_add(1, Ordering::SeqCst);
        Ok(argon2id(str::from_utf8(password).unwrap()))
    }
}

mod cost;

struct Fixture {
    clock: Arc<StillClock>,
    index: Arc<UserIndex>,
    verified: Arc<AtomicUsize>,
    state: Arc<BasicState>,
    method: BasicAuthenticator,
}

fn user_index() -> Arc<UserIndex> {
    Arc::new(UserIndex::new(ProcessKey::generate(&Counting::new())))
}

fn fixture_with(hasher: Counted, queue: usize, cache: usize) -> Fixture {
    let verified = hasher.verified.clone();
    Fixture {
        verified,
        ..fixture_of(Box::new(hasher), queue, cache)
    }
}

fn fixture_of(hasher: Box<dyn Hasher>, queue: usize, cache: usize) -> Fixture {
    let clock = Arc::new(StillClock::default());
    let index = user_index();
    index.insert(&record("alice", &argon2id("secret")));
    index.insert(&record("imported", SHA1_OF_SECRET));
    index.insert(&record("broken", "$argon2id$nonsense"));
    let mut disabled = record("disabled", &argon2id("secret"));
    disabled.disabled_at = Some(Timestamp::MAX);
    index.insert(&disabled);
    let parts = BasicParts {
        index: index.clone(),
        clock: clock.clone(),
        entropy: Arc::new(Counting::new()),
        cost: BasicCost {
            params: Argon2Params::default(),
            workers: 1,
            queue,
            cache,
        },
    };
    let state = Arc::new(BasicState::with_hasher(parts, hasher).unwrap());
    let method = BasicAuthenticator::new(state.clone());
    Fixture {
        clock,
        index,
        verified: Arc::default(),
        state,
        method,
    }
}

fn fixture() -> Fixture {
    fixture_with(Counted::default(), 32, 100)
}

fn header(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

impl Fixture {
    async fn call_from(
        &self,
        client: &str,
        name: &str,
        password: &str,
    ) -> Result<Option<Verified>, Rejection> {
        let value = header(name, password);
        let head = head_from("/", &[("authorization", &value)], client);
        authenticate(&self.method, &head, None).await
    }

    async fn call(&self, name: &str, password: &str) -> String {
        outcome(self.call_from(HOME, name, password).await)
    }

    async fn raw(&self, value: &str) -> String {
        outcome(authenticate(&self.method, &head("/", &[("authorization", value)]), None).await)
    }

    /// How many hashes an attempt costs.
    async fn cost(&self, name: &str, password: &str) -> usize {
        let before = self.verified.load(Ordering::SeqCst);
        self.call(name, password).await;
        self.verified.load(Ordering::SeqCst) - before
    }
}

#[tokio::test]
async fn r027_the_right_password_enters_with_what_the_user_was_given() {
    let f = fixture();
    let verified = f.call_from(HOME, "alice", "secret").await.unwrap().unwrap();
    let identity = verified.identity();
    assert_eq!(identity.credential_id.as_str(), "alice");
    assert_eq!(&*identity.subject, "alice");
    assert_eq!(identity.grants.scopes, ScopeSet::parse("read").unwrap());
    assert_eq!(&*identity.grants.roles[0], "clerk");
    assert_eq!(f.call("alice", "Secret").await, "basic_password_wrong");
    assert_eq!(f.call("Alice", "secret").await, "basic_user_unknown");
}

#[tokio::test]
async fn r027_what_is_no_credential_is_invalid() {
    let f = fixture();
    for (value, code) in [
        ("Basic", "basic_token"),
        ("basic YWxpY2U6c2VjcmV0 x", "basic_token"),
        ("Basic YWxpY2U6c2VjcmV0 ", "alice"),
        ("bAsIc YWxpY2U6c2VjcmV0", "alice"),
        ("Basic  YWxpY2U6c2VjcmV0", "alice"),
        ("Basic YWxpY2U6c2VjcmV0=", "basic_encoding"),
        ("Basic YWxpY2U", "basic_encoding"),
        ("Basic YWxpY2U=", "basic_no_colon"),
        ("Basic \"YWxpY2U6c2VjcmV0\"", "basic_encoding"),
        ("Basicx YWxpY2U6c2VjcmV0", "absent"),
        ("Bearer YWxpY2U6c2VjcmV0", "absent"),
    ] {
        let value = value.trim_end();
        assert_eq!(f.raw(value).await, code, "{value:?}");
    }
    let long = format!("Basic {}", "QUFB".repeat(2560));
    assert_eq!(f.raw(&long).await, "basic_too_long");
    assert_eq!(f.raw(&header("alice", "sec\0ret")).await, "basic_control");
}

#[tokio::test]
async fn k05_g25_unknown_disabled_and_wrong_are_the_same_to_the_caller() {
    let f = fixture();
    for (name, password, code) in [
        ("nobody", "secret", "basic_user_unknown"),
        ("alice", "wrong", "basic_password_wrong"),
        ("disabled", "secret", "basic_user_disabled"),
        ("disabled", "wrong", "basic_user_disabled"),
        ("broken", "secret", "basic_record"),
        ("imported", "wrong", "basic_password_wrong"),
        ("nobody", "", "basic_empty"),
        ("alice", "", "basic_empty"),
    ] {
        let rejection = f.call_from(HOME, name, password).await.err().unwrap();
        assert_eq!(rejection.code(), code);
        // The front answers every `Invalid` alike; the operator reads the rest.
        assert!(matches!(rejection, Rejection::Invalid { .. }), "{name}");
        assert!(
            !rejection
                .detail()
                .is_some_and(|text| text.contains("secret"))
        );
        assert!(name != "nobody" || rejection.detail().is_none());
    }
}

#[tokio::test]
async fn g26_unknown_and_disabled_users_cost_what_a_wrong_password_costs() {
    let f = fixture();
    // A cheap imported hash costs the hash of a new one on top.
    assert_eq!(f.cost("imported", "wrong").await, 2);
    f.index.remove(&UserName::parse("imported").unwrap());
    for name in ["alice", "nobody", "disabled", "broken"] {
        assert_eq!(f.cost(name, "wrong").await, 1, "{name}");
        assert_eq!(f.cost(name, &"x".repeat(1024)).await, 1, "{name}");
        assert_eq!(f.cost(name, &"x".repeat(1025)).await, 0, "{name}");
    }
    assert_eq!(f.cost("disabled", "secret").await, 1);
    // Repeating a failure is never answered from memory.
    assert_eq!(f.cost("nobody", "wrong").await, 1);
    assert_eq!(f.cost("alice", "wrong").await, 1);
}

#[tokio::test]
async fn a_success_is_remembered_for_ten_minutes() {
    let f = fixture();
    assert_eq!(f.cost("alice", "secret").await, 1);
    assert_eq!(f.cost("alice", "secret").await, 0);
    let value = header("alice", "secret");
    let request = head("/", &[("authorization", &value)]);
    let presented = f.method.find(&request, None).unwrap().unwrap();
    assert!(matches!(
        f.method.verify(presented, &request),
        Verdict::Now(Ok(_))
    ));
    f.clock.advance(Duration::from_secs(600));
    assert_eq!(f.cost("alice", "secret").await, 1);
    assert_eq!(f.state.cache_len(), 1);
}

#[tokio::test]
async fn without_a_cache_every_call_costs_a_hash() {
    let f = fixture_with(Counted::default(), 32, 0);
    assert_eq!(f.cost("alice", "secret").await, 1);
    assert_eq!(f.cost("alice", "secret").await, 1);
    assert_eq!(f.call("alice", "secret").await, "alice");
}

#[tokio::test]
async fn g27_k06_a_remembered_success_ends_with_the_password_and_the_user() {
    let f = fixture();
    assert_eq!(f.call("alice", "secret").await, "alice");
    assert_eq!(f.call("alice", "other").await, "basic_password_wrong");

    let mut shut = record("alice", &argon2id("secret"));
    shut.disabled_at = Some(Timestamp::from_secs(START));
    f.index.insert(&shut);
    assert_eq!(f.call("alice", "secret").await, "basic_user_disabled");
    shut.disabled_at = None;
    shut.scopes = ScopeSet::parse("write").unwrap();
    f.index.insert(&shut);
    let again = f.call_from(HOME, "alice", "secret").await.unwrap().unwrap();
    let scopes = &again.identity().grants.scopes;
    assert_eq!(*scopes, ScopeSet::parse("write").unwrap(), "read anew");

    f.index.insert(&record("alice", &argon2id("changed")));
    assert_eq!(f.call("alice", "secret").await, "basic_password_wrong");
    assert_eq!(f.call("alice", "changed").await, "alice");
    f.index.remove(&UserName::parse("alice").unwrap());
    assert_eq!(f.call("alice", "changed").await, "basic_user_unknown");
    f.index.insert(&record("bob", &argon2id("changed")));
    assert_eq!(f.cost("bob", "changed").await, 1, "another's success");
}

/// Begins a call and changes the user while the password is being checked.
async fn change_meanwhile(change: impl FnOnce(&UserIndex)) -> String {
    let (open, gate) = mpsc::channel();
    let hasher = Counted {
        gate: Some(Mutex::new(gate)),
        ..Counted::default()
    };
    let f = fixture_with(hasher, 32, 100);
    let value = header("alice", "secret");
    let request = head("/", &[("authorization", &value)]);
    let presented = f.method.find(&request, None).unwrap().unwrap();
    let Verdict::Later(answer) = f.method.verify(presented, &request) else {
        panic!("no hash was needed");
    };
    change(&f.index);
    drop(open);
    outcome(answer.await.map(Some))
}

#[tokio::test]
async fn k06_a_change_during_the_check_counts() {
    let disabled = change_meanwhile(|index| {
        let mut shut = record("alice", &argon2id("secret"));
        shut.disabled_at = Some(Timestamp::from_secs(START));
        index.insert(&shut);
    });
    assert_eq!(disabled.await, "basic_user_disabled");
    let removed = change_meanwhile(UserIndex::clear);
    assert_eq!(removed.await, "basic_user_unknown");
    let changed = change_meanwhile(|index| {
        index.insert(&record("alice", &argon2id("changed")));
    });
    assert_eq!(changed.await, "basic_user_changed");
    let granted = change_meanwhile(|index| {
        let mut user = record("alice", &argon2id("secret"));
        user.scopes = ScopeSet::EMPTY;
        index.insert(&user);
    });
    assert_eq!(granted.await, "alice");
}

#[tokio::test]
async fn a_full_queue_is_our_fault_and_says_when_to_come_back() {
    let (open, gate) = mpsc::channel();
    let hasher = Counted {
        gate: Some(Mutex::new(gate)),
        ..Counted::default()
    };
    let f = fixture_with(hasher, 16, 100);
    let values: Vec<_> = (0..4)
        .map(|n| header(&format!("user{n}"), "guess"))
        .collect();
    let heads: Vec<_> = values
        .iter()
        .map(|value| head_from("/", &[("authorization", value)], HOME))
        .collect();
    let mut later = Vec::new();
    let mut refused = None;
    for head in &heads {
        let presented = f.method.find(head, None).unwrap().unwrap();
        match f.method.verify(presented, head) {
            Verdict::Later(answer) => later.push(answer),
            Verdict::Now(answer) => refused = answer.err(),
        }
        // The first leaves the queue for the thread.
        while f.verified.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
    }
    assert_eq!((later.len(), f.state.queue_len()), (3, 2));
    let Some(Rejection::Unavailable {
        reason,
        retry_after,
    }) = refused
    else {
        panic!("not refused as our fault");
    };
    assert_eq!((reason.code, retry_after), ("basic_busy", super::SOON));
    drop(open);
    for answer in later {
        assert_eq!(answer.await.err().unwrap().code(), "basic_user_unknown");
    }
    // The refusal was paid for like a failure: 4 of 20 tokens are gone.
    for n in 0..16 {
        assert_eq!(
            f.call(&format!("other{n}"), "guess").await,
            "basic_user_unknown"
        );
    }
    assert_eq!(f.call("last", "guess").await, "basic_throttled");
}

#[tokio::test]
async fn failures_are_throttled_alike_for_users_and_for_nobody() {
    for name in ["alice", "nobody", "disabled", "broken", "imported"] {
        let f = fixture();
        for n in 0..10 {
            let from = format!("198.51.{n}.1");
            let rejection = f.call_from(&from, name, "wrong").await.err().unwrap();
            assert!(matches!(rejection, Rejection::Invalid { .. }));
        }
        let before = f.verified.load(Ordering::SeqCst);
        let eleventh = f.call_from(HOME, name, "secret").await.err().unwrap();
        let Rejection::Throttled { retry_after, .. } = eleventh else {
            panic!("{name} is not throttled");
        };
        assert_eq!(retry_after, Duration::from_secs(10), "{name}");
        assert_eq!(f.verified.load(Ordering::SeqCst), before, "no hash");
    }
}

#[tokio::test]
async fn r078_one_stranger_does_not_keep_an_owner_out_who_was_never_here() {
    let f = fixture();
    for n in 0..30 {
        f.clock.advance(Duration::from_secs(10));
        let password = format!("wrong{n}");
        let _wrong = f.call_from("198.51.100.7", "alice", &password).await;
    }
    let stranger = f.call_from("198.51.100.7", "alice", "secret").await;
    assert_eq!(outcome(stranger), "basic_throttled");
    assert_eq!(f.call("alice", "secret").await, "alice");
}

#[tokio::test]
async fn a_throttle_cannot_be_aimed_at_an_owner_who_was_here() {
    let f = fixture();
    assert_eq!(f.call("alice", "secret").await, "alice");
    f.clock.advance(Duration::from_secs(3600));
    for n in 0..30 {
        let from = format!("198.51.{n}.1");
        let _wrong = f.call_from(&from, "alice", "wrong").await;
    }
    assert_eq!(f.cost("alice", "secret").await, 1, "no longer remembered");
    assert_eq!(f.call("alice", "secret").await, "alice");
    // Remembered successes pass even where the address has spent its tokens.
    for _ in 0..25 {
        let _wrong = f.call("alice", "wrong").await;
    }
    assert_eq!(f.call("alice", "wrong").await, "basic_throttled");
    assert_eq!(f.call("alice", "secret").await, "alice");
}

#[tokio::test]
async fn a_caller_who_hangs_up_pays_for_the_guess() {
    let f = fixture();
    // So that every guess is one comparison.
    f.index.remove(&UserName::parse("imported").unwrap());
    for n in 0..20 {
        let value = header(&format!("user{n}"), "guess");
        let request = head_from("/", &[("authorization", &value)], HOME);
        let presented = f.method.find(&request, None).unwrap().unwrap();
        let Verdict::Later(answer) = f.method.verify(presented, &request) else {
            panic!("no hash was needed");
        };
        while f.verified.load(Ordering::SeqCst) <= n {
            std::thread::yield_now();
        }
        drop(answer);
    }
    // One thread: the last guess has been counted when another address hears its answer.
    let _wrong = f.call_from("192.0.2.77", "x", "y").await;
    assert_eq!(f.call("another", "guess").await, "basic_throttled");
}

#[tokio::test]
async fn an_imported_hash_is_made_anew_after_the_first_success() {
    let hasher = Counted::default();
    let hashed = hasher.hashed.clone();
    let f = fixture_with(hasher, 32, 100);
    assert_eq!(f.call("imported", "wrong").await, "basic_password_wrong");
    assert_eq!(f.call("alice", "secret").await, "alice");
    assert_eq!(f.call("imported", "secret").await, "imported");
    let upgrade = loop {
        match f.state.take_upgrades().pop() {
            Some(upgrade) => break upgrade,
            None => std::thread::yield_now(),
        }
    };
    assert_eq!(hashed.load(Ordering::SeqCst), 1, "only the imported one");
    assert_eq!(upgrade.name.as_str(), "imported");
    assert_eq!(upgrade.old.expose(), SHA1_OF_SECRET);
    let new = PasswordHash::parse(upgrade.new.expose()).unwrap();
    assert!(new.verify(b"secret") && !new.needs_upgrade(Argon2Params::default()));
    // The success is remembered for the new hash as well.
    f.index.insert(&record("imported", upgrade.new.expose()));
    assert_eq!(f.cost("imported", "secret").await, 0);
    assert_eq!(f.cost("imported", "wrong").await, 1);
    assert!(f.state.take_upgrades().is_empty());
}

#[tokio::test]
async fn a_state_of_its_own_makes_real_hashes() {
    let index = user_index();
    index.insert(&record("imported", SHA1_OF_SECRET));
    let parts = BasicParts {
        index,
        clock: Arc::new(StillClock::default()),
        entropy: Arc::new(Counting::new()),
        cost: BasicCost {
            params: Argon2Params::default(),
            workers: 2,
            queue: 4,
            cache: 4,
        },
    };
    let state = Arc::new(BasicState::new(parts).unwrap());
    let method = BasicAuthenticator::new(state.clone());
    let value = header("imported", "secret");
    let request = head("/", &[("authorization", &value)]);
    let result = authenticate(&method, &request, None).await;
    assert_eq!(outcome(result), "imported");
    let upgrade = loop {
        match state.take_upgrades().pop() {
            Some(upgrade) => break upgrade,
            None => std::thread::yield_now(),
        }
    };
    let new = PasswordHash::parse(upgrade.new.expose()).unwrap();
    assert!(new.verify(b"secret"));
}

#[test]
fn the_challenge_names_realm_and_charset() {
    let challenge = fixture().method.challenge("api");
    let expected = r#"Basic realm="api", charset="UTF-8""#;
    assert_eq!(challenge.to_string(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn r027_no_header_panics(rest in prop::collection::vec(1_u8.., 0..3000)) {
        let rest: Vec<u8> = rest.into_iter().filter(|b| *b >= 0x20 && *b != 0x7f).collect();
        let value = [b"Basic ".as_slice(), &rest].concat();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let f = FIXTURE.get_or_init(fixture);
        let text = String::from_utf8_lossy(&value);
        let code = runtime.block_on(f.raw(&text));
        prop_assert!(code.starts_with("basic_") || code == "absent", "{}", code);
    }
}

static FIXTURE: std::sync::OnceLock<Fixture> = std::sync::OnceLock::new();
