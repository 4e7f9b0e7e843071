//! What every store does with trusted issuers.

use super::{Handles, sample};
use crate::StoreError;
use crate::change::Entity;

/// A second issuer of the same name takes the first one's place.
pub async fn put_replaces_by_name(on: &Handles) {
    let issuers = on.first.issuers();
    issuers.put(sample::issuer(2)).await.unwrap();
    issuers.put(sample::issuer(1)).await.unwrap();
    let mut changed = sample::issuer(1);
    changed.issuer = "https://moved.example".to_owned();
    changed.leeway_secs = 0;
    issuers.put(changed.clone()).await.unwrap();
    let other = on.second.issuers();
    assert_eq!(
        other.lookup("issuer-1").await.unwrap(),
        Some(changed.clone())
    );
    assert_eq!(other.list().await.unwrap(), [changed, sample::issuer(2)]);
}

/// One `iss` has one set of rules.
pub async fn put_refuses_a_second_name_for_one_issuer(on: &Handles) {
    let issuers = on.first.issuers();
    issuers.put(sample::issuer(1)).await.unwrap();
    let mut twin = sample::issuer(2);
    twin.issuer = sample::issuer(1).issuer;
    let answer = issuers.put(twin).await;
    let id = "issuer-2".to_owned();
    assert_eq!(
        answer,
        Err(StoreError::Conflict {
            entity: Entity::Issuer,
            id
        })
    );
    assert_eq!(issuers.list().await.unwrap(), [sample::issuer(1)]);
}

/// Of many names for one `iss` at once one wins.
pub async fn parallel_puts_of_one_issuer_have_one_winner(on: &Handles) {
    let answers = on
        .race(|n, store| async move {
            let mut issuer = sample::issuer(u64::from(n));
            issuer.issuer = "https://a.example".to_owned();
            store.issuers().put(issuer).await
        })
        .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(on.first.issuers().list().await.unwrap().len(), 1);
}

/// A removed issuer is gone.
pub async fn remove_forgets(on: &Handles) {
    let issuers = on.first.issuers();
    assert!(!issuers.remove("issuer-1").await.unwrap());
    issuers.put(sample::issuer(1)).await.unwrap();
    assert!(issuers.remove("issuer-1").await.unwrap());
    assert_eq!(on.second.issuers().lookup("issuer-1").await.unwrap(), None);
}
