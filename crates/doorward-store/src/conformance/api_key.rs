//! What every store does with API keys.

use std::sync::Arc;

use doorward_core::clock::Timestamp;
use doorward_core::net::Cidrs;
use doorward_core::scope::ScopeSet;

use super::{CALLERS, Handles, sample};
use crate::change::Entity;
use crate::{
    ApiKeyAmended, ApiKeyAmendment, ApiKeyId, ApiKeyRecord, ApiKeyRotation, Environment, KeyKind,
    KeyView, KeyVisitor, StoreError,
};
use sample::at;

fn is_conflict<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(
        answer,
        Err(StoreError::Conflict {
            entity: Entity::ApiKey,
            ..
        })
    )
}

/// Neither an identifier nor a digest is stored twice.
pub async fn create_refuses_a_taken_identifier_or_digest(on: &Handles) {
    let keys = on.first.api_keys();
    keys.create(sample::api_key(1)).await.unwrap();
    let mut same_id = sample::api_key(2);
    same_id.id = sample::api_key_id(1);
    assert!(is_conflict(&keys.create(same_id).await));
    let mut same_digest = sample::api_key(3);
    same_digest.digest = sample::digest(1);
    assert!(is_conflict(&keys.create(same_digest).await));
    assert_eq!(keys.list(None, 10).await.unwrap(), [sample::api_key(1)]);
}

/// Every field comes back as it went in, by identifier and by digest, on both handles.
pub async fn create_keeps_every_field(on: &Handles) {
    let mut full = sample::api_key(1);
    full.kind = KeyKind::Restricted;
    full.environment = Environment::Test;
    full.revoked_at = Some(at(5));
    full.last_used_at = Some(at(6));
    full.exposed_at = Some(at(7));
    full.replaced_by = Some(sample::api_key_id(9));
    let mut bare = sample::api_key(2);
    bare.scopes = ScopeSet::default();
    bare.roles.clear();
    bare.allowed_cidrs = Default::default();
    bare.not_before = None;
    bare.expires_at = None;
    for key in [full, bare] {
        on.first.api_keys().create(key.clone()).await.unwrap();
        let other = on.second.api_keys();
        assert_eq!(other.lookup(&key.id).await.unwrap().as_ref(), Some(&key));
        assert_eq!(other.lookup_digest(&key.digest).await.unwrap(), Some(key));
    }
    assert_eq!(
        on.first
            .api_keys()
            .lookup(&sample::api_key_id(3))
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        on.first
            .api_keys()
            .lookup_digest(&sample::digest(3))
            .await
            .unwrap(),
        None
    );
}

/// Pages follow each other without gap or overlap.
pub async fn list_pages_in_order(on: &Handles) {
    let keys = on.first.api_keys();
    for n in [3, 1, 5, 2, 4] {
        keys.create(sample::api_key(n)).await.unwrap();
    }
    let mut seen = Vec::new();
    while let Ok(page) = keys.list(seen.last(), 2).await
        && !page.is_empty()
    {
        assert!(page.len() <= 2);
        seen.extend(page.into_iter().map(|key| key.id));
    }
    assert_eq!(seen, (1..=5).map(sample::api_key_id).collect::<Vec<_>>());
    assert!(keys.list(None, 0).await.unwrap().is_empty());
}

/// Streaming hands out every key once.
pub async fn for_each_visits_all(on: &Handles) {
    for n in 0..300 {
        on.first
            .api_keys()
            .create(sample::api_key(n))
            .await
            .unwrap();
    }
    let mut seen = Vec::new();
    on.second
        .api_keys()
        .for_each(&mut |key| seen.push(key))
        .await
        .unwrap();
    seen.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(seen, (0..300).map(sample::api_key).collect::<Vec<_>>());
}

/// What is lent to a visitor is what single look-ups say, key by key.
pub async fn visit_all_lends_what_lookup_finds(on: &Handles) {
    for n in 0..300 {
        let key = visited_key(n);
        on.first.api_keys().create(key).await.unwrap();
    }
    let mut seen = Visited::default();
    on.second.api_keys().visit_all(&mut seen).await.unwrap();
    assert!(seen.expected.is_some(), "the hint comes, and first");
    seen.keys.sort_by(|a, b| a.id.cmp(&b.id));
    let mut expected: Vec<_> = (0..300).map(visited_key).map(|key| plain(&key)).collect();
    expected.sort_by(|a, b| a.id.cmp(&b.id));
    assert!(seen.keys == expected);
}

/// Some keys alike and some not, owners and moments of every kind.
fn visited_key(n: u64) -> ApiKeyRecord {
    let mut key = sample::api_key(n);
    let owner = match n % 4 {
        0 => "",
        1 => "Zoë",
        2 => "a\0b",
        _ => "owner",
    };
    key.owner = owner.to_owned();
    if n.is_multiple_of(3) {
        key.scopes = ScopeSet::parse(&format!("scope-{}", n % 9)).unwrap();
        key.roles.clear();
        key.allowed_cidrs = Cidrs::default();
    }
    if n.is_multiple_of(5) {
        (key.not_before, key.expires_at) = (None, None);
        key.revoked_at = Some(at(-5));
        key.last_used_at = Some(Timestamp::from_millis(-1));
    }
    if n.is_multiple_of(7) {
        key.exposed_at = Some(at(7));
        key.kind = KeyKind::Agent;
        key.environment = Environment::Test;
    }
    key
}

/// A record with nothing but what a visitor sees.
fn plain(key: &ApiKeyRecord) -> ApiKeyRecord {
    let terms = Arc::new(key.terms());
    record_of(&key.view(&terms))
}

fn record_of(view: &KeyView<'_>) -> ApiKeyRecord {
    ApiKeyRecord {
        id: ApiKeyId::parse(view.id.as_str()).unwrap(),
        owner: view.owner.to_owned(),
        digest: *view.digest,
        kind: view.terms.kind,
        environment: view.terms.environment,
        scopes: view.terms.scopes.clone(),
        roles: view.terms.roles.clone(),
        allowed_cidrs: view.terms.allowed_cidrs.clone(),
        not_before: view.not_before,
        expires_at: view.expires_at,
        revoked_at: view.revoked_at,
        last_used_at: view.last_used_at,
        exposed_at: view.exposed_at,
        ..sample::api_key(0)
    }
}

#[derive(Default)]
struct Visited {
    expected: Option<usize>,
    keys: Vec<ApiKeyRecord>,
}

impl KeyVisitor for Visited {
    fn expect(&mut self, keys: usize) {
        assert!(self.keys.is_empty());
        self.expected = Some(keys);
    }

    fn visit(&mut self, key: &KeyView<'_>) {
        self.keys.push(record_of(key));
    }
}

/// Repeating a revocation changes nothing; an earlier moment wins over a later one.
pub async fn r125_revoke_keeps_the_earliest_moment(on: &Handles) {
    let keys = on.first.api_keys();
    let id = sample::api_key_id(1);
    assert_eq!(keys.revoke(&id, at(5)).await.unwrap(), None);
    keys.create(sample::api_key(1)).await.unwrap();
    assert_eq!(keys.revoke(&id, at(5)).await.unwrap(), Some(at(5)));
    assert_eq!(keys.revoke(&id, at(9)).await.unwrap(), Some(at(5)));
    assert_eq!(keys.revoke(&id, at(2)).await.unwrap(), Some(at(2)));
    let other = on.second.api_keys().lookup(&id).await.unwrap().unwrap();
    assert_eq!(other.revoked_at, Some(at(2)));
}

/// Of many revocations at once the earliest stands, and nobody is told of a later one than asked.
pub async fn r125_parallel_revokes_agree(on: &Handles) {
    on.first
        .api_keys()
        .create(sample::api_key(1))
        .await
        .unwrap();
    let answers = on
        .race(|n, store| async move {
            let asked = at(100 + i64::from(n));
            (
                asked,
                store
                    .api_keys()
                    .revoke(&sample::api_key_id(1), asked)
                    .await
                    .unwrap(),
            )
        })
        .await;
    for (asked, told) in answers {
        assert!(told.is_some_and(|told| told <= asked));
    }
    let key = on
        .second
        .api_keys()
        .lookup(&sample::api_key_id(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(key.revoked_at, Some(at(100)));
}

/// No later write takes a revocation back.
pub async fn r125_no_write_revives_a_revoked_key(on: &Handles) {
    let keys = on.first.api_keys();
    let id = sample::api_key_id(1);
    keys.create(sample::api_key(1)).await.unwrap();
    keys.revoke(&id, at(5)).await.unwrap();
    assert!(is_conflict(&keys.create(sample::api_key(1)).await));
    let _ = keys.rotate(&id, sample::api_key(2), at(50)).await.unwrap();
    assert!(
        keys.rehash(&id, &sample::digest(1), &sample::digest(7), "p2")
            .await
            .unwrap()
    );
    keys.touch(&[(id.clone(), at(60))]).await.unwrap();
    keys.mark_exposed(&id, at(61)).await.unwrap();
    keys.revoke(&id, at(62)).await.unwrap();
    assert_eq!(
        keys.lookup(&id).await.unwrap().unwrap().revoked_at,
        Some(at(5))
    );
}

/// The old key ends at the earlier of its own expiry and the one asked for.
pub async fn r026_rotate_ends_the_old_key_no_later_than_asked(on: &Handles) {
    let keys = on.first.api_keys();
    for (n, own, asked, expected) in [
        (1, None, at(50), at(50)),
        (2, Some(at(40)), at(50), at(40)),
        (3, Some(at(60)), at(50), at(50)),
    ] {
        let mut key = sample::api_key(n);
        key.expires_at = own;
        let id = key.id.clone();
        keys.create(key).await.unwrap();
        let successor = sample::api_key(n + 10);
        let rotated = keys.rotate(&id, successor.clone(), asked).await.unwrap();
        assert_eq!(
            rotated,
            ApiKeyRotation::Rotated {
                old_expires_at: expected
            }
        );
        let old = on.second.api_keys().lookup(&id).await.unwrap().unwrap();
        assert_eq!(old.expires_at, Some(expected));
        assert_eq!(old.replaced_by, Some(successor.id.clone()));
        let stored = on.second.api_keys().lookup(&successor.id).await.unwrap();
        assert_eq!(stored, Some(successor));
    }
}

/// A key that is revoked, replaced or unknown is not rotated, and no successor is stored.
pub async fn rotate_refuses_revoked_replaced_and_unknown(on: &Handles) {
    let keys = on.first.api_keys();
    let id = sample::api_key_id(1);
    let answer = keys.rotate(&id, sample::api_key(2), at(50)).await;
    assert!(matches!(
        answer,
        Err(StoreError::NotFound {
            entity: Entity::ApiKey,
            ..
        })
    ));
    keys.create(sample::api_key(1)).await.unwrap();
    let _ = keys.rotate(&id, sample::api_key(2), at(50)).await.unwrap();
    let again = keys.rotate(&id, sample::api_key(3), at(90)).await.unwrap();
    assert_eq!(
        again,
        ApiKeyRotation::Replaced {
            by: sample::api_key_id(2)
        }
    );
    keys.revoke(&id, at(7)).await.unwrap();
    let revoked = keys.rotate(&id, sample::api_key(3), at(90)).await.unwrap();
    assert_eq!(revoked, ApiKeyRotation::Revoked { at: at(7) });
    assert_eq!(keys.list(None, 10).await.unwrap().len(), 2);
}

/// Of many rotations at once one wins, and one successor exists.
pub async fn r129_parallel_rotations_have_one_winner(on: &Handles) {
    on.first
        .api_keys()
        .create(sample::api_key(1))
        .await
        .unwrap();
    let answers = on
        .race(|n, store| async move {
            let successor = sample::api_key(100 + u64::from(n));
            store
                .api_keys()
                .rotate(&sample::api_key_id(1), successor, at(50))
                .await
                .unwrap()
        })
        .await;
    let won = |answer: &&ApiKeyRotation| matches!(answer, ApiKeyRotation::Rotated { .. });
    assert_eq!(answers.iter().filter(won).count(), 1);
    let old = on
        .second
        .api_keys()
        .lookup(&sample::api_key_id(1))
        .await
        .unwrap()
        .unwrap();
    let by = old.replaced_by.unwrap();
    for answer in answers {
        if let ApiKeyRotation::Replaced { by: told } = answer {
            assert_eq!(told, by);
        }
    }
    assert_eq!(on.first.api_keys().list(None, 100).await.unwrap().len(), 2);
}

/// Whatever comes first, the old key ends up revoked; a refused rotation leaves no successor.
pub async fn r129_revoke_racing_rotate_leaves_the_old_key_revoked(on: &Handles) {
    for n in 0..u64::from(CALLERS) / 5 {
        let key = sample::api_key(n);
        let id = key.id.clone();
        on.first.api_keys().create(key).await.unwrap();
        let (first, revoked) = (on.first.clone(), id.clone());
        let revoke =
            tokio::spawn(async move { first.api_keys().revoke(&revoked, at(5)).await.unwrap() });
        let successor = sample::api_key(1000 + n);
        let rotated = on
            .second
            .api_keys()
            .rotate(&id, successor.clone(), at(50))
            .await
            .unwrap();
        assert_eq!(revoke.await.unwrap(), Some(at(5)));
        let old = on.second.api_keys().lookup(&id).await.unwrap().unwrap();
        assert_eq!(old.revoked_at, Some(at(5)));
        let stored = on
            .first
            .api_keys()
            .lookup(&successor.id)
            .await
            .unwrap()
            .is_some();
        assert_eq!(stored, matches!(rotated, ApiKeyRotation::Rotated { .. }));
    }
}

/// A successor whose identifier or digest is taken leaves the old key as it was.
pub async fn rotate_conflict_changes_nothing(on: &Handles) {
    let keys = on.first.api_keys();
    keys.create(sample::api_key(1)).await.unwrap();
    keys.create(sample::api_key(2)).await.unwrap();
    let mut same_digest = sample::api_key(3);
    same_digest.digest = sample::digest(2);
    for successor in [sample::api_key(2), sample::api_key(1), same_digest] {
        assert!(is_conflict(
            &keys.rotate(&sample::api_key_id(1), successor, at(50)).await
        ));
    }
    let stored = keys.list(None, 10).await.unwrap();
    assert_eq!(stored, [sample::api_key(1), sample::api_key(2)]);
}

/// Each field changes alone; an end can be set and taken away.
pub async fn amend_changes_what_is_given_and_nothing_else(on: &Handles) {
    type Change = fn(&mut crate::ApiKeyRecord);
    let keys = on.first.api_keys();
    let mut expected = sample::api_key(1);
    let id = expected.id.clone();
    keys.create(expected.clone()).await.unwrap();
    let none = ApiKeyAmendment::default();
    let steps: [(ApiKeyAmendment, Change); 6] = [
        (none.clone(), |_| ()),
        (
            ApiKeyAmendment {
                name: Some("it's; --".to_owned()),
                ..none.clone()
            },
            |key| "it's; --".clone_into(&mut key.name),
        ),
        (
            ApiKeyAmendment {
                scopes: Some(ScopeSet::default()),
                roles: Some(vec!["r".to_owned()]),
                ..none.clone()
            },
            |key| {
                key.scopes = ScopeSet::default();
                key.roles = vec!["r".to_owned()];
            },
        ),
        (
            ApiKeyAmendment {
                allowed_cidrs: Some(Default::default()),
                ..none.clone()
            },
            |key| key.allowed_cidrs = Default::default(),
        ),
        (
            ApiKeyAmendment {
                expires_at: Some(Some(at(77))),
                ..none.clone()
            },
            |key| key.expires_at = Some(at(77)),
        ),
        (
            ApiKeyAmendment {
                expires_at: Some(None),
                ..none
            },
            |key| key.expires_at = None,
        ),
    ];
    for (amendment, change) in steps {
        let before = on.first.changes().head().await.unwrap();
        change(&mut expected);
        let answer = keys.amend(&id, amendment).await.unwrap();
        assert_eq!(answer, ApiKeyAmended::Amended(Box::new(expected.clone())));
        let stored = on.second.api_keys().lookup(&id).await.unwrap();
        assert_eq!(stored.as_ref(), Some(&expected));
        assert_eq!(on.first.changes().head().await.unwrap(), before + 1);
    }
}

/// What has ended is not brought back by a change.
pub async fn amend_refuses_revoked_replaced_and_unknown(on: &Handles) {
    let keys = on.first.api_keys();
    let id = sample::api_key_id(1);
    let forever = ApiKeyAmendment {
        expires_at: Some(None),
        ..ApiKeyAmendment::default()
    };
    let answer = keys.amend(&id, forever.clone()).await;
    assert!(matches!(answer, Err(StoreError::NotFound { .. })));
    keys.create(sample::api_key(1)).await.unwrap();
    let _ = keys.rotate(&id, sample::api_key(2), at(5)).await.unwrap();
    let answer = keys.amend(&id, forever.clone()).await.unwrap();
    let by = sample::api_key_id(2);
    assert_eq!(answer, ApiKeyAmended::Replaced { by });
    keys.revoke(&id, at(7)).await.unwrap();
    let before = keys.lookup(&id).await.unwrap();
    let answer = keys.amend(&id, forever).await.unwrap();
    assert_eq!(answer, ApiKeyAmended::Revoked { at: at(7) });
    assert_eq!(on.second.api_keys().lookup(&id).await.unwrap(), before);
}

/// A digest is replaced only by somebody who knew the present one.
pub async fn rehash_compares_and_swaps(on: &Handles) {
    let keys = on.first.api_keys();
    let id = sample::api_key_id(1);
    let (old, new) = (sample::digest(1), sample::digest(11));
    assert!(!keys.rehash(&id, &old, &new, "p2").await.unwrap());
    keys.create(sample::api_key(1)).await.unwrap();
    keys.create(sample::api_key(2)).await.unwrap();
    assert!(
        !keys
            .rehash(&id, &sample::digest(9), &new, "p2")
            .await
            .unwrap()
    );
    assert!(is_conflict(
        &keys.rehash(&id, &old, &sample::digest(2), "p2").await
    ));
    assert!(keys.rehash(&id, &old, &new, "p2").await.unwrap());
    let other = on.second.api_keys();
    assert_eq!(other.lookup_digest(&old).await.unwrap(), None);
    let found = other.lookup_digest(&new).await.unwrap().unwrap();
    assert_eq!((found.id, found.pepper_id.as_str()), (id, "p2"));
}

/// Of many replacements of one digest at once one wins.
pub async fn parallel_rehashes_have_one_winner(on: &Handles) {
    on.first
        .api_keys()
        .create(sample::api_key(1))
        .await
        .unwrap();
    let answers = on
        .race(|n, store| async move {
            let new = sample::digest(100 + u64::from(n));
            let id = sample::api_key_id(1);
            store
                .api_keys()
                .rehash(&id, &sample::digest(1), &new, "p2")
                .await
                .unwrap()
        })
        .await;
    assert_eq!(answers.into_iter().filter(|won| *won).count(), 1);
}

/// Of many keys with one digest at once one is stored.
pub async fn parallel_creates_have_one_winner(on: &Handles) {
    let answers = on
        .race(|n, store| async move {
            let mut key = sample::api_key(u64::from(n));
            key.digest = sample::digest(1);
            store.api_keys().create(key).await
        })
        .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(
        answers.iter().filter(|answer| is_conflict(answer)).count(),
        answers.len() - 1
    );
    assert_eq!(on.first.api_keys().list(None, 100).await.unwrap().len(), 1);
}

/// The last use never moves back, and keys that are gone do not matter.
pub async fn touch_moves_forward_only(on: &Handles) {
    let keys = on.first.api_keys();
    let id = sample::api_key_id(1);
    keys.create(sample::api_key(1)).await.unwrap();
    keys.touch(&[]).await.unwrap();
    keys.touch(&[
        (id.clone(), at(9)),
        (sample::api_key_id(7), at(9)),
        (id.clone(), at(8)),
    ])
    .await
    .unwrap();
    keys.touch(&[(id.clone(), at(3))]).await.unwrap();
    assert_eq!(
        on.second
            .api_keys()
            .lookup(&id)
            .await
            .unwrap()
            .unwrap()
            .last_used_at,
        Some(at(9))
    );
    assert_eq!(on.first.changes().head().await.unwrap(), 1);
}

/// The first sighting stays.
pub async fn mark_exposed_keeps_the_earliest_moment(on: &Handles) {
    let keys = on.first.api_keys();
    let id = sample::api_key_id(1);
    assert_eq!(keys.mark_exposed(&id, at(5)).await.unwrap(), None);
    keys.create(sample::api_key(1)).await.unwrap();
    assert_eq!(keys.mark_exposed(&id, at(5)).await.unwrap(), Some(at(5)));
    assert_eq!(keys.mark_exposed(&id, at(9)).await.unwrap(), Some(at(5)));
    assert_eq!(
        keys.lookup(&id).await.unwrap().unwrap().exposed_at,
        Some(at(5))
    );
}

/// Text that would be SQL, JSON or the end of a string elsewhere comes back as it went in.
pub async fn k01_hostile_text_is_only_text(on: &Handles) {
    let hostile = "'; DROP TABLE api_key; -- \" \\ $1 ?1 \0 \u{1b} \u{10ffff}";
    let mut key = sample::api_key(1);
    for field in [
        &mut key.name,
        &mut key.owner,
        &mut key.pepper_id,
        &mut key.hint,
    ] {
        hostile.clone_into(field);
    }
    key.roles = vec![hostile.to_owned(), String::new(), "a b".to_owned()];
    on.first.api_keys().create(key.clone()).await.unwrap();
    assert_eq!(
        on.second.api_keys().lookup(&key.id).await.unwrap(),
        Some(key)
    );
}
