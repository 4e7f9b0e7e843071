//! Bounds that are hard to reach from outside.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_core::rejection::Rejection;
use doorward_core::{RequestHead, ScopeSet, Secret, Timestamp, Verified};
use doorward_crypto::message_signature::{
    Component, Covered, PrivateKey, SignatureParams, signature_base,
};
use doorward_crypto::seal::SealingKey;
use doorward_store::{ClientKeyId, ClientKeyMaterial, ClientKeyRecord};

use super::{MessageSignatureAuthenticator, MessageSignatureParts, MessageSignatureSettings};
use crate::client_key::{ClientKeyError, ClientKeyIndex, seal};
use crate::testing::{Counting, START, StillClock, authenticate, head, outcome};

const SECRET: [u8; 32] = [7; 32];

fn sealing() -> SealingKey {
    SealingKey::new(&Secret::new([9; 32])).unwrap()
}

fn record(id: &str) -> ClientKeyRecord {
    let id = ClientKeyId::parse(id).unwrap();
    let secret = Secret::new(SECRET.to_vec());
    let sealed = seal(&sealing(), &id, &secret, &Counting::new()).unwrap();
    ClientKeyRecord {
        id,
        name: "billing".to_owned(),
        owner: "billing".to_owned(),
        algorithm: "hmac-sha256".to_owned(),
        material: ClientKeyMaterial::Sealed(sealed),
        scopes: ScopeSet::EMPTY,
        roles: Vec::new(),
        allowed_cidrs: Default::default(),
        not_before: None,
        expires_at: None,
        revoked_at: None,
        created_at: Timestamp::from_secs(START),
    }
}

struct World {
    method: MessageSignatureAuthenticator,
    index: Arc<ClientKeyIndex>,
    clock: Arc<StillClock>,
}

fn settings() -> MessageSignatureSettings {
    MessageSignatureSettings {
        tag: None,
        max_age: Duration::from_secs(300),
        skew: Duration::from_secs(30),
        nonce: true,
        content_digest: true,
        replays: 100,
    }
}

fn world(change: impl FnOnce(&mut MessageSignatureSettings)) -> World {
    let mut settings = settings();
    change(&mut settings);
    let index = Arc::new(ClientKeyIndex::new(Timestamp::from_secs(START - 1000)));
    index.insert(&record("ck_1"), &sealing()).unwrap();
    let clock = Arc::new(StillClock::default());
    let parts = MessageSignatureParts {
        index: Arc::clone(&index),
        settings,
        clock: Arc::clone(&clock) as _,
    };
    World {
        method: MessageSignatureAuthenticator::new(parts),
        index,
        clock,
    }
}

/// A request of this age in seconds, signed with the secret.
fn signed(age: i64, nonce: Option<&str>) -> RequestHead {
    let names = ["@method", "@authority", "@path"];
    let components = names.map(|name| Component::parse(name).unwrap()).to_vec();
    let params = SignatureParams {
        created: Some(START - age),
        nonce: nonce.map(str::to_owned),
        keyid: Some("ck_1".to_owned()),
        ..SignatureParams::default()
    };
    let covered = Covered::new(components, &params).unwrap();
    let base = signature_base(&head("/a", &[]), &covered).unwrap();
    let key = PrivateKey::shared(&Secret::new(SECRET.to_vec())).unwrap();
    let signature = STANDARD.encode(key.sign(base.as_bytes()).unwrap());
    let (input, signature) = (format!("s={}", covered.list()), format!("s=:{signature}:"));
    head(
        "/a",
        &[("signature-input", &input), ("signature", &signature)],
    )
}

async fn ask(world: &World, head: &RequestHead) -> Result<Option<Verified>, Rejection> {
    authenticate(&world.method, head, None).await
}

#[tokio::test]
async fn r030_the_edges_of_a_signature_are_exact() {
    for (age, refused) in [
        (299, None),
        (300, Some("expired")),
        (-30, None),
        (-31, Some("early")),
    ] {
        let world = world(|_| ());
        let verified = ask(&world, &signed(age, Some("n"))).await.unwrap().unwrap();
        let live = verified.live_at(Timestamp::from_secs(START));
        assert_eq!(live.is_err(), refused.is_some(), "{age} {live:?}");
    }
    let old = signed(1001, Some("n"));
    assert_eq!(
        outcome(ask(&world(|_| ()), &old).await),
        "signature_before_start"
    );
}

#[tokio::test]
async fn r030_without_a_nonce_the_whole_request_is_good_once() {
    let world = world(|settings| settings.nonce = false);
    for age in [0, 1, 2] {
        assert_eq!(outcome(ask(&world, &signed(age, None)).await), "billing");
        assert_eq!(
            outcome(ask(&world, &signed(age, None)).await),
            "signature_replayed"
        );
    }
    assert_eq!(outcome(ask(&world, &signed(0, Some("n"))).await), "billing");
    assert_eq!(
        outcome(ask(&world, &signed(1, Some("n"))).await),
        "signature_replayed"
    );
}

/// A nonce is remembered for as long as any signature with it can be good.
#[tokio::test]
async fn r030_a_nonce_outlives_every_signature_that_has_it() {
    let world = world(|_| ());
    assert_eq!(
        outcome(ask(&world, &signed(-30, Some("n"))).await),
        "billing"
    );
    for _ in 0..33 {
        let again = ask(&world, &signed(-30, Some("n"))).await;
        assert_eq!(outcome(again), "signature_replayed");
        world.clock.advance(Duration::from_secs(10));
    }
}

/// A reload that makes signatures good for longer makes none that was used good again.
#[tokio::test]
async fn r030_a_longer_age_brings_no_used_signature_back() {
    let world = world(|_| ());
    let used = signed(0, Some("n"));
    assert_eq!(outcome(ask(&world, &used).await), "billing");
    for second in [331, 662] {
        world.clock.advance(Duration::from_secs(331));
        let other = signed(-second, Some(&second.to_string()));
        assert_eq!(outcome(ask(&world, &other).await), "billing");
    }
    let longer = MessageSignatureAuthenticator::new(MessageSignatureParts {
        index: Arc::clone(&world.index),
        settings: MessageSignatureSettings {
            max_age: Duration::from_secs(3600),
            ..settings()
        },
        clock: Arc::clone(&world.clock) as _,
    });
    let again = authenticate(&longer, &used, None).await;
    assert_eq!(outcome(again), "signature_before_start");
    let other = authenticate(&longer, &signed(-1, Some("m")), None).await;
    assert_eq!(outcome(other), "billing");
}

#[tokio::test]
async fn r030_too_many_requests_within_the_window_are_throttled() {
    let world = world(|_| ());
    for n in 0..100 {
        assert_eq!(
            outcome(ask(&world, &signed(0, Some(&n.to_string()))).await),
            "billing"
        );
    }
    let refused = ask(&world, &signed(0, Some("more"))).await.unwrap_err();
    assert!(
        matches!(refused, Rejection::Throttled { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn r125_nothing_un_revokes_and_a_changed_key_forgets_no_nonce() {
    let world = world(|_| ());
    assert_eq!(outcome(ask(&world, &signed(0, Some("n"))).await), "billing");
    world.index.insert(&record("ck_1"), &sealing()).unwrap();
    assert_eq!(
        outcome(ask(&world, &signed(0, Some("n"))).await),
        "signature_replayed"
    );
    let mut revoked = record("ck_1");
    revoked.revoked_at = Some(Timestamp::from_secs(START + 999));
    world.index.insert(&revoked, &sealing()).unwrap();
    world.index.insert(&record("ck_1"), &sealing()).unwrap();
    let verified = ask(&world, &signed(0, Some("m"))).await.unwrap().unwrap();
    assert!(verified.live_at(Timestamp::from_secs(START)).is_err());
}

/// A record that was tampered with opens nothing, and takes the good one's place.
#[tokio::test]
async fn k08_a_secret_opens_only_under_its_own_id_and_key() {
    let world = world(|_| ());
    let mut moved = record("ck_2");
    moved.id = ClientKeyId::parse("ck_1").unwrap();
    let refused = world.index.insert(&moved, &sealing());
    assert!(matches!(refused, Err(ClientKeyError::Sealed(_))));
    assert_eq!(
        outcome(ask(&world, &signed(0, Some("n"))).await),
        "signature_key"
    );
    let other = SealingKey::new(&Secret::new([1; 32])).unwrap();
    assert!(world.index.insert(&record("ck_1"), &other).is_err());
    let mut swapped = record("ck_1");
    swapped.algorithm = "ed25519".to_owned();
    assert_eq!(
        world.index.insert(&swapped, &sealing()),
        Err(ClientKeyError::Kind)
    );
    assert!(world.index.is_empty());
}
