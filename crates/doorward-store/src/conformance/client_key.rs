//! What every store does with the keys of clients.

use super::Handles;
use super::sample::{at, client_key};
use crate::change::Entity;
use crate::{ClientKeyMaterial, StoreError};

/// What is stored comes back, every field of it, for both kinds of material.
pub async fn add_keeps_every_field(on: &Handles) {
    let keys = on.first.client_keys();
    let mut shared = client_key(2);
    shared.material = ClientKeyMaterial::Sealed(vec![0, 1, 255]);
    shared.roles = Vec::new();
    shared.not_before = None;
    shared.expires_at = None;
    keys.add(shared.clone()).await.unwrap();
    keys.add(client_key(1)).await.unwrap();
    let other = on.second.client_keys();
    assert_eq!(other.list().await.unwrap(), [client_key(1), shared]);
    let id = client_key(1).id;
    assert_eq!(other.lookup(&id).await.unwrap(), Some(client_key(1)));
    assert_eq!(other.lookup(&client_key(3).id).await.unwrap(), None);
}

/// An identifier names one key for ever, so that a revoked one cannot come back as another's.
pub async fn add_refuses_a_taken_identifier(on: &Handles) {
    let keys = on.first.client_keys();
    keys.add(client_key(1)).await.unwrap();
    let id = client_key(1).id;
    keys.revoke(&id, at(5)).await.unwrap();
    let head = on.first.changes().head().await.unwrap();
    let again = keys.add(client_key(1)).await;
    let expected = StoreError::Conflict {
        entity: Entity::ClientKey,
        id: id.as_str().to_owned(),
    };
    assert_eq!(again, Err(expected));
    let stored = on.second.client_keys().lookup(&id).await.unwrap().unwrap();
    assert_eq!(stored.revoked_at, Some(at(5)));
    assert_eq!(on.second.changes().head().await.unwrap(), head);
}

/// Of many keys of one identifier at once one wins.
pub async fn parallel_adds_have_one_winner(on: &Handles) {
    let answers = on
        .race(|_, store| async move { store.client_keys().add(client_key(1)).await })
        .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(on.second.changes().head().await.unwrap(), 1);
}

/// A key stays revoked since the earliest moment that was said.
pub async fn r125_revoke_keeps_the_earliest_moment(on: &Handles) {
    let keys = on.first.client_keys();
    let id = client_key(1).id;
    assert_eq!(keys.revoke(&id, at(9)).await.unwrap(), None);
    keys.add(client_key(1)).await.unwrap();
    for (asked, kept) in [(9, 9), (20, 9), (4, 4), (4, 4)] {
        let since = keys.revoke(&id, at(asked)).await.unwrap();
        assert_eq!(since, Some(at(kept)));
    }
    let stored = on.second.client_keys().lookup(&id).await.unwrap().unwrap();
    assert_eq!(stored.revoked_at, Some(at(4)));
    // Once for the key, once for each moment that changed it.
    assert_eq!(on.second.changes().head().await.unwrap(), 3);
}
