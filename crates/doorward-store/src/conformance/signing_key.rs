//! What every store does with signing keys.

use super::Handles;
use super::sample::{self, at, signing_key};
use crate::change::Entity;
use crate::{SigningKeyRecord, SigningKeyRotation, Stage, StoreError};

fn kids(keys: &[SigningKeyRecord], stage: Stage) -> Vec<&str> {
    keys.iter()
        .filter(|key| key.stage == stage)
        .map(|key| key.kid.as_str())
        .collect()
}

fn rotation(expected_active: u64, new_next: u64) -> SigningKeyRotation {
    let mut new_next = signing_key(new_next, Stage::Next);
    new_next.created_at = at(10);
    SigningKeyRotation {
        expected_active: signing_key(expected_active, Stage::Active).kid,
        new_next,
        now: at(10),
        retired_expires_at: at(100),
    }
}

async fn ensure(on: &Handles) {
    let keys = on.first.signing_keys();
    keys.ensure(signing_key(1, Stage::Active), signing_key(2, Stage::Next))
        .await
        .unwrap();
}

/// Of many first starts at once all end with the same keys.
pub async fn r125_parallel_ensures_agree_on_one_key(on: &Handles) {
    let answers = on
        .race(|n, store| async move {
            let n = u64::from(n);
            let (initial, next) = (
                signing_key(n, Stage::Active),
                signing_key(1000 + n, Stage::Next),
            );
            store.signing_keys().ensure(initial, next).await.unwrap()
        })
        .await;
    let stored = on.second.signing_keys().list().await.unwrap();
    assert_eq!(kids(&stored, Stage::Active).len(), 1);
    assert_eq!(kids(&stored, Stage::Next).len(), 1);
    assert_eq!(stored.len(), 2);
    assert!(answers.iter().all(|answer| *answer == stored));
    assert_eq!(on.first.changes().head().await.unwrap(), 2);
}

/// A second start stores nothing, whatever stage its keys claim; a key is stored once.
pub async fn ensure_keeps_what_is_there(on: &Handles) {
    let keys = on.first.signing_keys();
    let same = keys
        .ensure(signing_key(1, Stage::Active), signing_key(1, Stage::Next))
        .await;
    assert!(matches!(
        same,
        Err(StoreError::Conflict {
            entity: Entity::SigningKey,
            ..
        })
    ));
    assert!(keys.list().await.unwrap().is_empty());
    let stored = keys
        .ensure(
            signing_key(1, Stage::Retired),
            signing_key(2, Stage::Active),
        )
        .await;
    let stored = stored.unwrap();
    assert_eq!(kids(&stored, Stage::Active), ["kid-000001"]);
    assert_eq!(kids(&stored, Stage::Next), ["kid-000002"]);
    let again = keys
        .ensure(signing_key(1, Stage::Active), signing_key(4, Stage::Next))
        .await;
    assert_eq!(again.unwrap(), stored);
    assert_eq!(on.second.signing_keys().list().await.unwrap(), stored);
}

/// Next becomes active, active becomes retired, and a new key is next.
pub async fn rotate_moves_every_stage(on: &Handles) {
    ensure(on).await;
    let stored = on
        .first
        .signing_keys()
        .rotate(rotation(1, 3))
        .await
        .unwrap();
    let mut retired = signing_key(1, Stage::Active);
    retired.stage = Stage::Retired;
    retired.retired_at = Some(at(10));
    retired.expires_at = Some(at(100));
    let mut active = signing_key(2, Stage::Next);
    active.stage = Stage::Active;
    active.activated_at = Some(at(10));
    assert_eq!(stored, [retired, active, rotation(1, 3).new_next]);
    assert_eq!(on.second.signing_keys().list().await.unwrap(), stored);
}

/// Of many rotations of one key at once one wins; the others hear of a conflict.
pub async fn r125_parallel_rotations_have_one_winner(on: &Handles) {
    ensure(on).await;
    let answers = on
        .race(|n, store| async move {
            store
                .signing_keys()
                .rotate(rotation(1, 100 + u64::from(n)))
                .await
        })
        .await;
    let lost = |answer: &&Result<_, StoreError>| {
        matches!(
            answer,
            Err(StoreError::Conflict {
                entity: Entity::SigningKey,
                ..
            })
        )
    };
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(answers.iter().filter(lost).count(), answers.len() - 1);
    let stored = on.second.signing_keys().list().await.unwrap();
    assert_eq!(kids(&stored, Stage::Active), ["kid-000002"]);
    assert_eq!((kids(&stored, Stage::Next).len(), stored.len()), (1, 3));
}

/// A taken `kid`, a wrong expectation and an empty store leave everything as it was.
pub async fn rotate_conflict_changes_nothing(on: &Handles) {
    let keys = on.first.signing_keys();
    assert!(keys.rotate(rotation(1, 3)).await.is_err());
    ensure(on).await;
    let before = keys.list().await.unwrap();
    for (expected, new_next) in [(1, 1), (1, 2), (2, 3), (9, 3)] {
        let answer = keys.rotate(rotation(expected, new_next)).await;
        assert!(matches!(
            answer,
            Err(StoreError::Conflict {
                entity: Entity::SigningKey,
                ..
            })
        ));
    }
    assert_eq!(on.second.signing_keys().list().await.unwrap(), before);
}

/// Keys that sign or will sign are never swept, nor are retired ones before their time.
pub async fn sweep_removes_expired_retired_keys_only(on: &Handles) {
    ensure(on).await;
    let keys = on.first.signing_keys();
    keys.rotate(rotation(1, 3)).await.unwrap();
    let head = on.first.changes().head().await.unwrap();
    assert_eq!(keys.sweep(at(99)).await.unwrap(), 0);
    assert_eq!(keys.sweep(at(100)).await.unwrap(), 1);
    assert_eq!(keys.sweep(sample::at(1_000_000_000)).await.unwrap(), 0);
    assert_eq!(on.second.signing_keys().list().await.unwrap().len(), 2);
    assert_eq!(on.first.changes().head().await.unwrap(), head + 1);
}
