//! What every store does with its change log.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::sample::{self, at};
use super::{CALLERS, Handles};
use crate::{Change, Entity, SigningKeyRotation, Stage, Store};

const EACH: u64 = 8;

async fn all(store: &Arc<dyn Store>) -> Vec<(Entity, String)> {
    let changes = store.changes().since(0, 1000).await.unwrap();
    assert!(changes.complete_from_seq);
    let seqs: Vec<_> = changes.entries.iter().map(|change| change.seq).collect();
    assert_eq!(seqs, (1..).take(seqs.len()).collect::<Vec<i64>>());
    changes
        .entries
        .into_iter()
        .map(|Change { entity, id, .. }| (entity, id))
        .collect()
}

/// Every verb that changes a row notes it, and `touch` does not.
pub async fn every_change_is_noted_once(on: &Handles) {
    let (keys, users, signing) = (
        on.first.api_keys(),
        on.first.users(),
        on.first.signing_keys(),
    );
    let (id, name) = (sample::api_key_id(1), sample::user_name(1));
    let mut expected = Vec::new();
    let mut expect = |entity, id: &str| expected.push((entity, id.to_owned()));

    keys.create(sample::api_key(1)).await.unwrap();
    keys.touch(&[(id.clone(), at(1))]).await.unwrap();
    keys.rehash(&id, &sample::digest(1), &sample::digest(9), "p2")
        .await
        .unwrap();
    keys.mark_exposed(&id, at(1)).await.unwrap();
    (0..3).for_each(|_| expect(Entity::ApiKey, id.as_str()));
    let _ = keys.rotate(&id, sample::api_key(2), at(50)).await.unwrap();
    expect(Entity::ApiKey, id.as_str());
    expect(Entity::ApiKey, sample::api_key_id(2).as_str());
    keys.revoke(&id, at(2)).await.unwrap();
    expect(Entity::ApiKey, id.as_str());

    users.create(sample::user(1)).await.unwrap();
    users
        .set_password(&name, sample::user(2).password_hash, at(1))
        .await
        .unwrap();
    let (old, new) = (sample::user(2).password_hash, sample::user(3).password_hash);
    users.upgrade_password(&name, old, new).await.unwrap();
    users.disable(&name, at(1)).await.unwrap();
    users.enable(&name).await.unwrap();
    users
        .set_grants(&name, Some(Default::default()), None)
        .await
        .unwrap();
    users.remove(&name).await.unwrap();
    (0..7).for_each(|_| expect(Entity::User, name.as_str()));

    on.first.issuers().put(sample::issuer(1)).await.unwrap();
    on.first.issuers().remove("issuer-1").await.unwrap();
    (0..2).for_each(|_| expect(Entity::Issuer, "issuer-1"));

    let next = sample::signing_key(2, Stage::Next);
    signing
        .ensure(sample::signing_key(1, Stage::Active), next)
        .await
        .unwrap();
    let rotation = SigningKeyRotation {
        expected_active: "kid-000001".to_owned(),
        new_next: sample::signing_key(3, Stage::Next),
        now: at(1),
        retired_expires_at: at(2),
    };
    signing.rotate(rotation).await.unwrap();
    signing.sweep(at(2)).await.unwrap();
    for n in [1, 2, 1, 2, 3, 1] {
        expect(Entity::SigningKey, &format!("kid-{n:06}"));
    }
    on.first
        .revoked_tokens()
        .revoke(sample::revoked_token(1, 50))
        .await
        .unwrap();
    expect(Entity::RevokedToken, "17:https://a.examplejti-000001");
    let certificates = on.first.issued_certificates();
    certificates
        .ensure_authority(sample::authority(1))
        .await
        .unwrap();
    certificates
        .ensure_authority(sample::authority(2))
        .await
        .unwrap();
    expect(Entity::IssuedCertificate, "authority");
    let certificate = sample::issued_certificate(1);
    let id = certificate.id.clone();
    certificates.add(certificate).await.unwrap();
    certificates.revoke(&id, at(1)).await.unwrap();
    certificates.revoke(&id, at(2)).await.unwrap();
    (0..2).for_each(|_| expect(Entity::IssuedCertificate, &id));
    assert_eq!(all(&on.second).await, expected);
}

/// What was refused or changed nothing is not noted.
pub async fn refused_writes_note_nothing(on: &Handles) {
    let keys = on.first.api_keys();
    keys.create(sample::api_key(1)).await.unwrap();
    let id = sample::api_key_id(1);
    keys.revoke(&id, at(1)).await.unwrap();
    assert!(keys.create(sample::api_key(1)).await.is_err());
    keys.revoke(&id, at(9)).await.unwrap();
    keys.revoke(&sample::api_key_id(7), at(9)).await.unwrap();
    let _ = keys.rotate(&id, sample::api_key(2), at(9)).await.unwrap();
    keys.rehash(&id, &sample::digest(5), &sample::digest(6), "p2")
        .await
        .unwrap();
    on.first
        .users()
        .remove(&sample::user_name(1))
        .await
        .unwrap();
    on.first.issuers().remove("issuer-1").await.unwrap();
    assert_eq!(all(&on.second).await.len(), 2);
}

/// Pages follow each other without gap or overlap.
pub async fn since_pages(on: &Handles) {
    for n in 0..5 {
        on.first
            .api_keys()
            .create(sample::api_key(n))
            .await
            .unwrap();
    }
    let feed = on.second.changes();
    assert_eq!(feed.head().await.unwrap(), 5);
    let page = feed.since(1, 2).await.unwrap();
    assert_eq!(
        page.entries
            .iter()
            .map(|change| change.seq)
            .collect::<Vec<_>>(),
        [2, 3]
    );
    assert!(feed.since(5, 2).await.unwrap().entries.is_empty());
    assert!(feed.since(5, 2).await.unwrap().complete_from_seq);
}

/// A reader that was away for longer than the log is kept must load everything again.
pub async fn sweep_makes_old_readers_reload(on: &Handles) {
    for n in 0..5 {
        on.first
            .api_keys()
            .create(sample::api_key(n))
            .await
            .unwrap();
    }
    let feed = on.first.changes();
    assert_eq!(feed.sweep(4).await.unwrap(), 3);
    assert_eq!(feed.sweep(4).await.unwrap(), 0);
    let feed = on.second.changes();
    assert_eq!(feed.head().await.unwrap(), 5);
    for (seq, complete) in [(0, false), (2, false), (3, true), (4, true), (5, true)] {
        let changes = feed.since(seq, 10).await.unwrap();
        assert_eq!(changes.complete_from_seq, complete, "{seq}");
    }
    assert_eq!(feed.sweep(1000).await.unwrap(), 2);
    assert_eq!(feed.head().await.unwrap(), 5);
    assert!(!feed.since(4, 10).await.unwrap().complete_from_seq);
    on.first
        .api_keys()
        .create(sample::api_key(9))
        .await
        .unwrap();
    let changes = feed.since(5, 10).await.unwrap();
    assert!(changes.complete_from_seq);
    assert_eq!(
        changes
            .entries
            .iter()
            .map(|change| change.seq)
            .collect::<Vec<_>>(),
        [6]
    );
}

/// A reader that knows more than the log met a restored backup.
pub async fn a_reader_ahead_of_the_log_reloads(on: &Handles) {
    assert!(
        on.first
            .changes()
            .since(0, 10)
            .await
            .unwrap()
            .complete_from_seq
    );
    assert!(
        !on.first
            .changes()
            .since(1, 10)
            .await
            .unwrap()
            .complete_from_seq
    );
    assert!(
        !on.first
            .changes()
            .since(-1, 10)
            .await
            .unwrap()
            .complete_from_seq
    );
}

/// A reader that follows many writers sees every change once and in order, and finds the row.
pub async fn r129_nothing_is_missed_under_concurrent_writers(on: &Handles) {
    let total = usize::from(CALLERS) * usize::try_from(EACH).unwrap();
    let reader = on.second.clone();
    let follow = tokio::spawn(async move {
        let (mut seq, mut seen) = (0, BTreeSet::new());
        while seen.len() < total {
            let changes = reader.changes().since(seq, 7).await.unwrap();
            assert!(changes.complete_from_seq);
            for change in changes.entries {
                assert_eq!(change.seq, seq + 1);
                seq = change.seq;
                let id = crate::ApiKeyId::parse(&change.id).unwrap();
                assert!(reader.api_keys().lookup(&id).await.unwrap().is_some());
                assert!(seen.insert(id));
            }
            tokio::task::yield_now().await;
        }
        seen
    });
    on.race(|n, store| async move {
        for k in 0..EACH {
            let key = sample::api_key(u64::from(n) * EACH + k);
            store.api_keys().create(key).await.unwrap();
        }
    })
    .await;
    let seen = follow.await.unwrap();
    assert_eq!(
        seen.into_iter().next_back(),
        Some(sample::api_key_id(u64::try_from(total).unwrap() - 1))
    );
}

/// A store that works says so.
pub async fn ping_answers(on: &Handles) {
    on.first.health().ping().await.unwrap();
    on.second.health().ping().await.unwrap();
}
