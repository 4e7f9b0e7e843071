//! What every store does with clients.

use super::Handles;
use super::sample::{at, client, client_secret};
use crate::change::Entity;
use crate::{ClientAuthMethod, ClientRecord, StoreError};

/// What is stored comes back, every field of it.
pub async fn add_keeps_every_field(on: &Handles) {
    let clients = on.first.clients();
    let public = ClientRecord {
        auth_method: ClientAuthMethod::None,
        secret: None,
        old_secret: None,
        jwks: Some("{\"keys\":[]}".to_owned()),
        jwks_uri: Some("https://c.example/jwks".to_owned()),
        grant_types: Vec::new(),
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        audiences: Vec::new(),
        require_pkce: false,
        ..client(2)
    };
    clients.add(public.clone()).await.unwrap();
    clients.add(client(1)).await.unwrap();
    let other = on.second.clients();
    assert_eq!(other.list().await.unwrap(), [client(1), public]);
    let stored = other.lookup(&client(1).id).await.unwrap();
    assert_eq!(stored, Some(client(1)));
    assert_eq!(other.lookup(&client(3).id).await.unwrap(), None);
}

/// An identifier names one client.
pub async fn add_refuses_a_taken_identifier(on: &Handles) {
    let clients = on.first.clients();
    clients.add(client(1)).await.unwrap();
    let again = clients.add(client(1)).await;
    let expected = StoreError::Conflict {
        entity: Entity::Client,
        id: client(1).id.as_str().to_owned(),
    };
    assert_eq!(again, Err(expected));
    assert_eq!(on.second.changes().head().await.unwrap(), 1);
}

/// A rotation keeps the present secret for a while, and ends the one before at once.
pub async fn r026_rotate_keeps_one_old_secret(on: &Handles) {
    let clients = on.first.clients();
    let id = client(1).id;
    let rotate = |n, until| clients.rotate_secret(&id, client_secret(n), at(until));
    assert!(!rotate(9, 50).await.unwrap());
    clients.add(client(1)).await.unwrap();
    assert!(rotate(9, 50).await.unwrap());
    assert!(rotate(8, 60).await.unwrap());
    let stored = on.second.clients().lookup(&id).await.unwrap().unwrap();
    assert_eq!(stored.secret.map(|one| one.digest), Some([8; 32]));
    let old = stored.old_secret.unwrap();
    assert_eq!((old.digest, old.expires_at), ([9; 32], Some(at(60))));
    assert_eq!(on.second.changes().head().await.unwrap(), 3);
}

/// A client without a secret gets none by rotation.
pub async fn rotate_leaves_public_clients_alone(on: &Handles) {
    let clients = on.first.clients();
    let public = ClientRecord {
        secret: None,
        ..client(1)
    };
    clients.add(public.clone()).await.unwrap();
    let rotated = clients.rotate_secret(&public.id, client_secret(9), at(50));
    assert!(!rotated.await.unwrap());
    let stored = on.second.clients().lookup(&public.id).await.unwrap();
    assert_eq!(stored, Some(public));
    assert_eq!(on.second.changes().head().await.unwrap(), 1);
}

/// Of many clients of one identifier at once one wins.
pub async fn parallel_adds_have_one_winner(on: &Handles) {
    let answers = on
        .race(|_, store| async move { store.clients().add(client(1)).await })
        .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(on.second.changes().head().await.unwrap(), 1);
}

/// A removed client is gone, once.
pub async fn remove_forgets(on: &Handles) {
    let clients = on.first.clients();
    clients.add(client(1)).await.unwrap();
    assert!(clients.remove(&client(1).id).await.unwrap());
    assert!(!clients.remove(&client(1).id).await.unwrap());
    assert!(on.second.clients().list().await.unwrap().is_empty());
    assert_eq!(on.second.changes().head().await.unwrap(), 2);
}
