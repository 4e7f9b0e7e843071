//! What every store does with users.

use doorward_core::scope::ScopeSet;
use doorward_core::secret::Secret;

use super::Handles;
use super::sample::{self, at, user_name};
use crate::change::Entity;
use crate::{StoreError, UserName, Users};

fn hash(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

async fn hash_of(users: &dyn Users, name: &UserName) -> String {
    users
        .lookup(name)
        .await
        .unwrap()
        .unwrap()
        .password_hash
        .expose()
        .clone()
}

fn conflict(n: u64) -> Result<(), StoreError> {
    Err(StoreError::Conflict {
        entity: Entity::User,
        id: user_name(n).to_string(),
    })
}

/// A name is stored once, with all its fields.
pub async fn create_refuses_a_taken_name(on: &Handles) {
    let users = on.first.users();
    users.create(sample::user(1)).await.unwrap();
    assert_eq!(users.create(sample::user(1)).await, conflict(1));
    let found = on
        .second
        .users()
        .lookup(&user_name(1))
        .await
        .unwrap()
        .unwrap();
    let given = sample::user(1);
    assert_eq!(found.name, given.name);
    assert_eq!(found.password_hash.expose(), given.password_hash.expose());
    assert_eq!((found.scopes, found.roles), (given.scopes, given.roles));
    assert_eq!((found.disabled_at, found.created_at), (None, at(0)));
    assert!(users.lookup(&user_name(2)).await.unwrap().is_none());
}

/// One taken name refuses the whole import.
pub async fn import_is_all_or_nothing(on: &Handles) {
    let users = on.first.users();
    users
        .import((1..=3).map(sample::user).collect())
        .await
        .unwrap();
    assert_eq!(
        users
            .import((3..=5).rev().map(sample::user).collect())
            .await,
        conflict(3)
    );
    assert_eq!(
        users.import([7, 8, 7].map(sample::user).into()).await,
        conflict(7)
    );
    assert_eq!(users.list(None, 10).await.unwrap().len(), 3);
    assert_eq!(on.first.changes().head().await.unwrap(), 3);
}

/// Pages follow each other without gap or overlap.
pub async fn list_pages_in_order(on: &Handles) {
    let users = on.first.users();
    users
        .import([3, 1, 2].map(sample::user).into())
        .await
        .unwrap();
    let page = users.list(None, 2).await.unwrap();
    let names: Vec<_> = page.into_iter().map(|user| user.name).collect();
    assert_eq!(names, [user_name(1), user_name(2)]);
    let rest = users.list(names.last(), 2).await.unwrap();
    assert_eq!(
        rest.into_iter().map(|user| user.name).collect::<Vec<_>>(),
        [user_name(3)]
    );
}

/// A new password moves the date; a better hash of the same password does not.
pub async fn set_password_and_upgrade(on: &Handles) {
    let users = on.first.users();
    let name = user_name(1);
    assert!(!users.set_password(&name, hash("new"), at(5)).await.unwrap());
    users.create(sample::user(1)).await.unwrap();
    assert!(users.set_password(&name, hash("new"), at(5)).await.unwrap());
    assert!(
        users
            .upgrade_password(&name, hash("new"), hash("better"))
            .await
            .unwrap()
    );
    let found = on.second.users().lookup(&name).await.unwrap().unwrap();
    assert_eq!(found.password_hash.expose(), "better");
    assert_eq!(found.password_changed_at, at(5));
}

/// An upgrade that began before a change of password does not bring the old password back.
pub async fn upgrade_never_undoes_a_new_password(on: &Handles) {
    let users = on.first.users();
    let name = user_name(1);
    let before = sample::user(1).password_hash;
    assert!(
        !users
            .upgrade_password(&name, before.clone(), hash("x"))
            .await
            .unwrap()
    );
    users.create(sample::user(1)).await.unwrap();
    users.set_password(&name, hash("new"), at(5)).await.unwrap();
    assert!(
        !users
            .upgrade_password(&name, before, hash("old but better"))
            .await
            .unwrap()
    );
    assert_eq!(hash_of(on.second.users(), &name).await, "new");
}

/// Of many upgrades at once one wins.
pub async fn parallel_upgrades_have_one_winner(on: &Handles) {
    on.first.users().create(sample::user(1)).await.unwrap();
    let answers = on
        .race(|n, store| async move {
            let expected = sample::user(1).password_hash;
            let better = hash(&format!("better {n}"));
            store
                .users()
                .upgrade_password(&user_name(1), expected, better)
                .await
                .unwrap()
        })
        .await;
    assert_eq!(answers.into_iter().filter(|won| *won).count(), 1);
}

/// The first moment stays until the user is let in again.
pub async fn disable_keeps_the_earliest_moment(on: &Handles) {
    let users = on.first.users();
    let name = user_name(1);
    assert_eq!(users.disable(&name, at(5)).await.unwrap(), None);
    assert!(!users.enable(&name).await.unwrap());
    users.create(sample::user(1)).await.unwrap();
    assert_eq!(users.disable(&name, at(5)).await.unwrap(), Some(at(5)));
    assert_eq!(users.disable(&name, at(9)).await.unwrap(), Some(at(5)));
    assert!(users.set_password(&name, hash("new"), at(6)).await.unwrap());
    let shut_out = on.second.users().lookup(&name).await.unwrap().unwrap();
    assert_eq!(shut_out.disabled_at, Some(at(5)));
    assert!(users.enable(&name).await.unwrap());
    assert_eq!(
        users.lookup(&name).await.unwrap().unwrap().disabled_at,
        None
    );
}

/// Grants are replaced, not added to.
pub async fn set_grants_replaces(on: &Handles) {
    let users = on.first.users();
    let name = user_name(1);
    let scopes = ScopeSet::parse("b a").unwrap();
    assert!(
        !users
            .set_grants(&name, Some(scopes.clone()), None)
            .await
            .unwrap()
    );
    users.create(sample::user(1)).await.unwrap();
    assert!(
        users
            .set_grants(&name, Some(scopes.clone()), Some(vec!["r".to_owned()]))
            .await
            .unwrap()
    );
    let found = on.second.users().lookup(&name).await.unwrap().unwrap();
    assert_eq!((found.scopes, found.roles), (scopes, vec!["r".to_owned()]));
    let grants = [(Some(ScopeSet::default()), None), (None, Some(vec![]))];
    for (scopes, roles) in grants {
        assert!(users.set_grants(&name, scopes, roles).await.unwrap());
        let found = on.second.users().lookup(&name).await.unwrap().unwrap();
        assert!(found.scopes.is_empty(), "what is not given stays");
    }
    let found = on.second.users().lookup(&name).await.unwrap().unwrap();
    assert!(found.roles.is_empty());
}

/// A removed user is gone.
pub async fn remove_makes_the_name_free(on: &Handles) {
    let users = on.first.users();
    assert!(!users.remove(&user_name(1)).await.unwrap());
    users.create(sample::user(1)).await.unwrap();
    assert!(users.remove(&user_name(1)).await.unwrap());
    assert!(
        on.second
            .users()
            .lookup(&user_name(1))
            .await
            .unwrap()
            .is_none()
    );
    users.create(sample::user(1)).await.unwrap();
}

/// Names that would be SQL elsewhere are told apart byte by byte.
pub async fn k01_hostile_names_are_only_names(on: &Handles) {
    let texts = [
        "x' OR '1'='1",
        "x",
        "X",
        "x ",
        "%",
        "_",
        "é",
        "e\u{301}",
        "\"; --",
    ];
    for (text, n) in texts.iter().zip(0..) {
        let mut user = sample::user(n);
        user.name = UserName::parse(text).unwrap();
        on.first.users().create(user).await.unwrap();
    }
    for (text, n) in texts.iter().zip(0..) {
        let name = UserName::parse(text).unwrap();
        let expected = sample::user(n).password_hash;
        assert_eq!(
            &hash_of(on.second.users(), &name).await,
            expected.expose(),
            "{text}"
        );
    }
}
