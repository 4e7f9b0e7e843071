//! What every store does with refresh families.

use super::sample::{at, refresh_family, refresh_use};
use super::{CALLERS, Handles};
use crate::{RefreshFamilyRecord, RefreshRotation, RefreshUse};

/// What is stored comes back, every field of it; a name is taken once.
pub async fn start_keeps_every_field(on: &Handles) {
    let families = on.first.refresh_families();
    let bare = RefreshFamilyRecord {
        sid: None,
        dpop_jkt: None,
        auth_time: None,
        acr: None,
        audiences: Vec::new(),
        revoked_at: None,
        ..refresh_family(2)
    };
    assert!(families.start(refresh_family(1)).await.unwrap());
    assert!(families.start(bare.clone()).await.unwrap());
    assert!(!families.start(refresh_family(1)).await.unwrap());
    let other = on.second.refresh_families();
    let stored = other.lookup("family-001").await.unwrap();
    assert_eq!(stored, Some(refresh_family(1)));
    assert_eq!(other.lookup("family-002").await.unwrap(), Some(bare));
    assert_eq!(other.lookup("family-003").await.unwrap(), None);
}

/// The live token moves the family on; the one before it gets the same successor within the
/// grace; an older one ends the family and what it gave.
pub async fn r051_rotation_replay_and_reuse(on: &Handles) {
    let families = on.first.refresh_families();
    families.start(refresh_family(1)).await.unwrap();
    let rotated = families.rotate(refresh_use(1, 1, 10)).await.unwrap();
    let moved = RefreshFamilyRecord {
        generation: 2,
        rotated_at: at(10),
        idle_until: at(1010),
        ..refresh_family(1)
    };
    assert_eq!(rotated, RefreshRotation::Rotated(moved.clone()));
    let again = families.rotate(refresh_use(1, 1, 14)).await.unwrap();
    assert_eq!(again, RefreshRotation::Replayed(moved.clone()));
    let head = on.second.changes().head().await.unwrap();
    assert_eq!(head, 0, "a rotation is nobody else's business");
    let late = families.rotate(refresh_use(1, 1, 15)).await.unwrap();
    let revoked = RefreshFamilyRecord {
        revoked_at: Some(at(15)),
        ..moved
    };
    assert_eq!(late, RefreshRotation::Reused(revoked.clone()));
    let live = families.rotate(refresh_use(1, 2, 15)).await.unwrap();
    assert_eq!(live, RefreshRotation::Ended, "also the live token is dead");
    let other = &on.second;
    let stored = other.refresh_families().lookup("family-001").await.unwrap();
    assert_eq!(stored, Some(revoked));
    let ended = other.revoked_tokens();
    let ended = ended.lookup("https://door.example", "family-001").await;
    assert_eq!(ended.unwrap().map(|one| one.revoked_at), Some(at(15)));
    assert_eq!(other.changes().head().await.unwrap(), 1);
}

/// A token from two rotations ago is stolen, also within the grace.
pub async fn r051_the_grace_is_for_the_last_token_only(on: &Handles) {
    let families = on.first.refresh_families();
    families.start(refresh_family(1)).await.unwrap();
    families.rotate(refresh_use(1, 1, 10)).await.unwrap();
    families.rotate(refresh_use(1, 2, 11)).await.unwrap();
    let old = families.rotate(refresh_use(1, 1, 11)).await.unwrap();
    assert!(matches!(old, RefreshRotation::Reused(_)), "{old:?}");
}

/// What never was, has ended or was revoked gives nothing and changes nothing.
pub async fn r051_ended_families_give_nothing(on: &Handles) {
    let families = on.first.refresh_families();
    let unknown = families.rotate(refresh_use(1, 1, 10)).await.unwrap();
    assert_eq!(unknown, RefreshRotation::Ended);
    families.start(refresh_family(1)).await.unwrap();
    for (generation, secs) in [(2, 10), (0, 10), (-1, 10), (1, 1000), (1, 5000)] {
        let shown = refresh_use(1, generation, secs);
        let answer = families.rotate(shown).await.unwrap();
        assert_eq!(answer, RefreshRotation::Ended, "{generation} at {secs}");
    }
    let stored = families.lookup("family-001").await.unwrap();
    assert_eq!(stored, Some(refresh_family(1)));
    let ends = refresh_use(1, 1, 20).ends;
    assert!(families.revoke("family-001", ends.clone()).await.unwrap());
    assert!(!families.revoke("family-001", ends.clone()).await.unwrap());
    assert!(!families.revoke("family-009", ends).await.unwrap());
    let answer = families.rotate(refresh_use(1, 1, 21)).await.unwrap();
    assert_eq!(answer, RefreshRotation::Ended);
    assert_eq!(on.second.changes().head().await.unwrap(), 1);
}

/// Of many that show the live token at once one moves the family on, and all get one successor.
pub async fn i09_parallel_rotations_have_one_successor(on: &Handles) {
    let families = on.first.refresh_families();
    families.start(refresh_family(1)).await.unwrap();
    for round in 1..=5 {
        let answers = on
            .race(move |_, store| async move {
                let shown = refresh_use(1, round, 10 + round);
                store.refresh_families().rotate(shown).await.unwrap()
            })
            .await;
        let rotated = answers
            .iter()
            .filter(|a| matches!(a, RefreshRotation::Rotated(_)));
        assert_eq!(rotated.count(), 1, "{answers:?}");
        for answer in &answers {
            let successor = match answer {
                RefreshRotation::Rotated(family) | RefreshRotation::Replayed(family) => {
                    Some(family.generation)
                }
                RefreshRotation::Reused(_) | RefreshRotation::Ended => None,
            };
            assert_eq!(successor, Some(round + 1), "{answer:?}");
        }
    }
}

/// A revocation that races with rotations wins: nothing is given afterwards.
pub async fn i09_revoke_racing_rotate_leaves_the_family_revoked(on: &Handles) {
    let families = on.first.refresh_families();
    families.start(refresh_family(1)).await.unwrap();
    on.race(|n, store| async move {
        let RefreshUse { ends, .. } = refresh_use(1, 1, 10);
        let families = store.refresh_families();
        if n == CALLERS / 2 {
            families.revoke("family-001", ends).await.unwrap();
        } else {
            families.rotate(refresh_use(1, 1, 10)).await.unwrap();
        }
    })
    .await;
    let stored = families.lookup("family-001").await.unwrap().unwrap();
    assert_eq!(stored.revoked_at, Some(at(10)));
    for generation in 1..=2 {
        let answer = families.rotate(refresh_use(1, generation, 10)).await;
        assert_eq!(answer.unwrap(), RefreshRotation::Ended);
    }
}

/// Families are found by subject and client while they live, and swept when they do not.
pub async fn list_and_sweep_go_by_what_is_live(on: &Handles) {
    let families = on.first.refresh_families();
    for n in [1, 2] {
        families.start(refresh_family(n)).await.unwrap();
    }
    let of = async |client: Option<&str>, secs| {
        let found = on.second.refresh_families();
        found.list("alice", client, at(secs)).await.unwrap().len()
    };
    assert_eq!(of(None, 10).await, 2);
    assert_eq!(of(Some("client-001"), 10).await, 1);
    assert_eq!(of(Some("client-003"), 10).await, 0);
    assert_eq!(of(None, 1000).await, 0, "idle for too long");
    assert_eq!(families.sweep(at(999), 10).await.unwrap(), 0);
    assert_eq!(families.sweep(at(1000), 1).await.unwrap(), 1);
    assert_eq!(families.sweep(at(1000), 10).await.unwrap(), 1);
}
