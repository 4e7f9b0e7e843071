use std::sync::Arc;
use std::time::Duration;

use doorward_core::credential::{Method, Place, Presented};
use doorward_core::gate::Authenticator;
use doorward_core::net::Cidrs;
use doorward_core::rejection::{Misplaced, Rejection};
use doorward_core::{Clock, ScopeSet, Secret, Timestamp};
use doorward_crypto::api_key::{ApiKeyText, Environment, KeyKind, KeyPrefix};
use doorward_crypto::hash::{Pepper, PepperId, Peppers};
use doorward_store::{ApiKeyId, ApiKeyRecord};
use http::HeaderName;

use super::{ApiKeyAuthenticator, ApiKeyParts, KeyIndex};
use crate::testing::{Counting, StillClock, authenticate, head, head_from, outcome};

mod load;

pub(super) struct Bench {
    pub(super) index: Arc<KeyIndex>,
    clock: Arc<StillClock>,
    entropy: Counting,
}

pub(super) fn pepper(n: u8) -> Pepper {
    let id = PepperId::parse(&format!("p{n}")).unwrap();
    Pepper::new(id, &Secret::new([n; 32]))
}

pub(super) fn prefix() -> KeyPrefix {
    KeyPrefix::parse("dw").unwrap()
}

impl Bench {
    pub(super) fn new() -> Self {
        Self {
            index: Arc::default(),
            clock: Arc::default(),
            entropy: Counting::new(),
        }
    }

    pub(super) fn method(&self, peppers: &[u8]) -> ApiKeyAuthenticator {
        let (current, retired) = peppers.split_first().unwrap();
        let retired = retired.iter().copied().map(pepper).collect();
        ApiKeyAuthenticator::new(ApiKeyParts {
            index: self.index.clone(),
            peppers: Arc::new(Peppers::new(pepper(*current), retired).unwrap()),
            prefix: prefix(),
            headers: vec![HeaderName::from_static("x-api-key")],
            environments: vec![Environment::Live],
            clock: self.clock.clone(),
        })
    }

    pub(super) fn key(&self, kind: KeyKind, env: Environment) -> (String, ApiKeyRecord) {
        let text = ApiKeyText::generate(&prefix(), kind, env, &self.entropy);
        let text = text.secret().expose().clone();
        let peppers = Peppers::new(pepper(1), Vec::new()).unwrap();
        let record = ApiKeyRecord {
            id: ApiKeyId::generate(&self.entropy),
            name: "n".to_owned(),
            owner: "alice".to_owned(),
            kind,
            environment: Environment::parse(env.as_str()).unwrap(),
            digest: *peppers.digest(text.as_bytes()).1.as_bytes(),
            pepper_id: "p1".to_owned(),
            hint: "h".to_owned(),
            scopes: ScopeSet::parse("orders:read").unwrap(),
            roles: vec!["clerk".to_owned()],
            allowed_cidrs: Cidrs::default(),
            not_before: None,
            expires_at: None,
            revoked_at: None,
            created_at: Timestamp::from_secs(0),
            last_used_at: None,
            exposed_at: None,
            replaced_by: None,
        };
        (text, record)
    }

    fn stored(&self) -> (String, ApiKeyRecord) {
        let (text, record) = self.key(KeyKind::Secret, Environment::Live);
        self.index.insert(&record);
        (text, record)
    }
}

async fn send(method: &ApiKeyAuthenticator, headers: &[(&str, &str)]) -> String {
    outcome(authenticate(method, &head("/", headers), None).await)
}

async fn try_key(method: &ApiKeyAuthenticator, key: &str) -> String {
    send(method, &[("x-api-key", key)]).await
}

#[tokio::test]
async fn a_key_is_found_wherever_it_may_be() {
    let bench = Bench::new();
    let (key, _) = bench.stored();
    let method = bench.method(&[1]);
    for value in [format!("Bearer {key}"), format!("bEARER  {key}")] {
        assert_eq!(send(&method, &[("authorization", &value)]).await, "alice");
    }
    assert_eq!(try_key(&method, &key).await, "alice");
    let there = head(&format!("/?api_key={key}&a=b"), &[]);
    let found = authenticate(&method, &there, Some("api_key")).await;
    assert_eq!(outcome(found), "alice");
    for value in [
        "Bearer",
        "Bearer x.y.z",
        "Basic eDp5",
        &format!("Bearer {key} x"),
    ] {
        assert_eq!(
            send(&method, &[("authorization", value)]).await,
            "absent",
            "{value}"
        );
    }
}

#[tokio::test]
async fn r020_two_keys_or_a_key_in_the_query_are_refused() {
    let bench = Bench::new();
    let (key, _) = bench.stored();
    let method = bench.method(&[1]);
    let bearer = format!("Bearer {key}");
    let ambiguous = "credentials_ambiguous";
    let two = [
        ("authorization", bearer.as_str()),
        ("x-api-key", key.as_str()),
    ];
    assert_eq!(send(&method, &two).await, ambiguous);
    let two = [("x-api-key", key.as_str()), ("x-api-key", key.as_str())];
    assert_eq!(send(&method, &two).await, ambiguous);
    let two = head(&format!("/?k={key}"), &[("x-api-key", &key)]);
    let found = authenticate(&method, &two, Some("k")).await;
    assert_eq!(found.unwrap_err(), crate::testing::AMBIGUOUS);
    let there = head(&format!("/?x={key}"), &[]);
    assert_eq!(method.find(&there, None).err(), Some(Misplaced::InQuery));
}

#[tokio::test]
async fn r020_any_value_of_a_key_header_is_a_claim() {
    let bench = Bench::new();
    let method = bench.method(&[1]);
    for value in ["", "null", "Bearer x", "é"] {
        assert_eq!(try_key(&method, value).await, "key_prefix", "{value:?}");
    }
}

#[tokio::test]
async fn k01_k08_malformed_and_edited_keys_are_refused_by_their_text() {
    let bench = Bench::new();
    let (key, _) = bench.stored();
    let (test_key, test_record) = bench.key(KeyKind::Secret, Environment::Test);
    bench.index.insert(&test_record);
    let (publishable, record) = bench.key(KeyKind::Publishable, Environment::Live);
    bench.index.insert(&record);
    let method = bench.method(&[1]);
    let cases = [
        ("dw_sk_live_' OR 1=1 --".to_owned(), "key_malformed"),
        (key.replace("_live_", "_test_"), "key_checksum"),
        (test_key.replace("_test_", "_live_"), "key_checksum"),
        (key.replace("_sk_", "_ak_"), "key_checksum"),
        (format!("{key}0"), "key_checksum"),
        (format!("{key}{key}"), "key_malformed"),
        (
            "dw_sk_live_".to_owned() + &"x".repeat(100_000),
            "key_malformed",
        ),
        (test_key, "key_environment"),
        (publishable, "key_kind"),
        (
            bench.key(KeyKind::Secret, Environment::Live).0,
            "key_unknown",
        ),
    ];
    for (text, code) in cases {
        assert_eq!(try_key(&method, &text).await, code, "{text:.60}");
    }
}

#[tokio::test]
async fn k05_every_wrong_key_gets_the_same_answer() {
    let bench = Bench::new();
    let (key, mut record) = bench.key(KeyKind::Secret, Environment::Live);
    record.allowed_cidrs = Cidrs::parse(["10.0.0.0/8"]).unwrap();
    bench.index.insert(&record);
    let method = bench.method(&[1]);
    for text in [key, bench.key(KeyKind::Secret, Environment::Live).0] {
        let refused = authenticate(&method, &head("/", &[("x-api-key", &text)]), None).await;
        assert!(matches!(
            refused,
            Err(Rejection::Invalid { detail: None, .. })
        ));
    }
}

#[tokio::test]
async fn k10_addresses_are_blocks_and_mapped_ones_count() {
    let bench = Bench::new();
    let (key, mut record) = bench.key(KeyKind::Secret, Environment::Live);
    record.allowed_cidrs = Cidrs::parse(["10.1.0.0/16", "2001:db8::/32"]).unwrap();
    bench.index.insert(&record);
    let method = bench.method(&[1]);
    for (client, expected) in [
        ("10.1.2.3", "alice"),
        ("::ffff:10.1.2.3", "alice"),
        ("2001:db8::1", "alice"),
        ("10.2.0.1", "key_address"),
        ("::ffff:10.2.0.1", "key_address"),
    ] {
        let head = head_from(
            "/",
            &[("x-api-key", &key), ("x-forwarded-for", "10.1.2.3")],
            client,
        );
        assert_eq!(
            outcome(authenticate(&method, &head, None).await),
            expected,
            "{client}"
        );
    }
}

#[tokio::test]
async fn r024_k06_a_revoked_key_is_dead_on_the_next_request_and_stays_dead() {
    let bench = Bench::new();
    let (key, record) = bench.stored();
    let method = bench.method(&[1]);
    assert_eq!(try_key(&method, &key).await, "alice");
    // The revocation was written by a machine whose clock is ahead.
    let at = bench.clock.now().plus(Duration::from_hours(1));
    bench.index.insert(&ApiKeyRecord {
        revoked_at: Some(at),
        ..record.clone()
    });
    let live = |verified: doorward_core::Verified| verified.live_at(bench.clock.now()).is_ok();
    let request = head("/", &[("x-api-key", &key)]);
    let verified = authenticate(&method, &request, None)
        .await
        .unwrap()
        .unwrap();
    assert!(!live(verified));
    // A loader that read the record before it was revoked comes too late.
    bench.index.insert(&record);
    let verified = authenticate(&method, &request, None)
        .await
        .unwrap()
        .unwrap();
    assert!(!live(verified));
}

#[tokio::test]
async fn r026_lifetimes_come_from_the_record() {
    let bench = Bench::new();
    let (key, mut record) = bench.key(KeyKind::Restricted, Environment::Live);
    let now = bench.clock.now();
    record.not_before = Some(now);
    record.expires_at = Some(now.plus(Duration::from_secs(10)));
    bench.index.insert(&record);
    let method = bench.method(&[1]);
    let request = head("/", &[("x-api-key", &key)]);
    let verified = authenticate(&method, &request, None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(verified.validity().not_before, now);
    assert_eq!(
        verified.validity().not_after,
        now.plus(Duration::from_secs(10))
    );
}

#[tokio::test]
async fn k07_a_new_key_works_at_once_although_it_was_tried_before() {
    let bench = Bench::new();
    let (key, record) = bench.key(KeyKind::Agent, Environment::Live);
    let method = bench.method(&[1]);
    assert_eq!(try_key(&method, &key).await, "key_unknown");
    bench.index.insert(&record);
    assert_eq!(try_key(&method, &key).await, "alice");
    bench.index.remove(&record.id);
    assert_eq!(try_key(&method, &key).await, "key_unknown");
    assert!(bench.index.is_empty());
}

#[tokio::test]
async fn a_reload_keeps_keys_in_force_and_drops_what_is_gone() {
    let bench = Bench::new();
    let (kept, kept_record) = bench.stored();
    let (gone, _) = bench.stored();
    let method = bench.method(&[1]);
    let mut reload = bench.index.reload();
    let (created_meanwhile, _) = bench.stored();
    reload.insert(&kept_record);
    assert_eq!(try_key(&method, &gone).await, "alice");
    assert_eq!(reload.finish(), 1);
    assert_eq!(try_key(&method, &kept).await, "alice");
    assert_eq!(try_key(&method, &created_meanwhile).await, "alice");
    assert_eq!(try_key(&method, &gone).await, "key_unknown");
    assert_eq!(bench.index.len(), 2);
}

#[tokio::test]
async fn uses_are_handed_out_once_a_minute_and_not_for_dead_keys() {
    let bench = Bench::new();
    let (key, record) = bench.stored();
    let (dead, mut dead_record) = bench.key(KeyKind::Secret, Environment::Live);
    dead_record.expires_at = Some(bench.clock.now());
    bench.index.insert(&dead_record);
    let method = bench.method(&[1]);
    for _ in 0..3 {
        try_key(&method, &key).await;
        try_key(&method, &dead).await;
    }
    let first = vec![(record.id.clone(), bench.clock.now())];
    assert_eq!(bench.index.take_used(), first);
    bench.clock.advance(Duration::from_secs(59));
    // A record from the store does not make the index forget the use.
    bench.index.insert(&record);
    try_key(&method, &key).await;
    assert_eq!(bench.index.take_used(), []);
    bench.clock.advance(Duration::from_secs(1));
    try_key(&method, &key).await;
    assert_eq!(bench.index.take_used(), [(record.id, bench.clock.now())]);
}

#[tokio::test]
async fn a_retired_pepper_still_opens_and_asks_for_a_new_digest() {
    let bench = Bench::new();
    let (key, record) = bench.stored();
    assert_eq!(try_key(&bench.method(&[2]), &key).await, "key_unknown");
    let method = bench.method(&[2, 1]);
    assert_eq!(try_key(&method, &key).await, "alice");
    let rehashes = bench.index.take_rehash();
    let [rehash] = rehashes.as_slice() else {
        panic!("{rehashes:?}")
    };
    assert_eq!(rehash.id, record.id);
    assert_eq!(rehash.old_digest.as_bytes(), &record.digest);
    assert_eq!(rehash.pepper.as_str(), "p2");
    let renewed = ApiKeyRecord {
        digest: *rehash.new_digest.as_bytes(),
        ..record
    };
    bench.index.insert(&renewed);
    assert_eq!(try_key(&bench.method(&[2]), &key).await, "alice");
    assert_eq!(try_key(&bench.method(&[1]), &key).await, "key_unknown");
    bench.clock.advance(Duration::from_mins(2));
    assert_eq!(try_key(&method, &key).await, "alice");
    assert_eq!(bench.index.take_rehash(), []);
}

#[test]
fn only_our_keys_are_recorded_as_exposed_and_once() {
    let bench = Bench::new();
    let (key, record) = bench.stored();
    let (unknown, _) = bench.key(KeyKind::Secret, Environment::Live);
    let method = bench.method(&[1]);
    for text in [&key, &unknown, "junk", &key] {
        method.exposed(&Presented::new(Method::ApiKey, Place::Header, text));
    }
    assert_eq!(bench.index.take_exposed(), [(record.id, bench.clock.now())]);
}

#[test]
fn r021_an_entry_holds_no_key_and_stays_small() {
    assert!(size_of::<Option<super::index::Entry>>() <= 120);
}

#[test]
fn equal_grants_are_shared() {
    let bench = Bench::new();
    let method = bench.method(&[1]);
    let grants = [bench.stored(), bench.stored()].map(|(key, _)| {
        let found = method.find_digest(&key, |entry| entry.identity().grants);
        found.unwrap().1
    });
    assert!(Arc::ptr_eq(&grants[0], &grants[1]));
}
