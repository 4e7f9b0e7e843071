//! What every store does with our authority and its certificates.

use super::sample::{at, authority, issued_certificate};
use super::{CALLERS, Handles};
use crate::StoreError;

/// All who ask at once for an authority get the same one.
pub async fn r125_parallel_ensures_agree_on_one_authority(on: &Handles) {
    assert!(
        on.first
            .issued_certificates()
            .authority()
            .await
            .unwrap()
            .is_none()
    );
    let answers = on
        .race(|n, store| async move {
            let candidate = authority(u8::try_from(n).unwrap());
            store
                .issued_certificates()
                .ensure_authority(candidate)
                .await
                .unwrap()
        })
        .await;
    let stored = on.second.issued_certificates().authority().await.unwrap();
    assert!(answers.iter().all(|answer| Some(answer) == stored.as_ref()));
    let changes = on.second.changes().since(0, 10).await.unwrap();
    assert_eq!(changes.entries.len(), 1);
}

/// A record comes back as it was, and its names are its own.
pub async fn add_keeps_every_field_and_refuses_taken_names(on: &Handles) {
    let certificates = on.first.issued_certificates();
    let one = issued_certificate(1);
    certificates.add(one.clone()).await.unwrap();
    let other = on.second.issued_certificates();
    assert_eq!(other.lookup(&one.id).await.unwrap(), Some(one.clone()));
    assert_eq!(other.lookup("crt_'; --").await.unwrap(), None);
    let mut same_id = issued_certificate(2);
    same_id.id.clone_from(&one.id);
    let mut same_thumbprint = issued_certificate(3);
    same_thumbprint.thumbprint = one.thumbprint;
    for taken in [same_id, same_thumbprint] {
        let refused = other.add(taken).await;
        assert!(
            matches!(refused, Err(StoreError::Conflict { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(other.list().await.unwrap(), [one]);
}

/// Repeating a revocation never loosens it.
pub async fn r125_revoke_keeps_the_earliest_moment(on: &Handles) {
    let certificates = on.first.issued_certificates();
    let one = issued_certificate(1);
    certificates.add(one.clone()).await.unwrap();
    for (moment, kept) in [(5, 5), (9, 5), (3, 3)] {
        let revoked = certificates.revoke(&one.id, at(moment)).await.unwrap();
        assert_eq!(revoked.unwrap().revoked_at, Some(at(kept)));
    }
    assert_eq!(certificates.revoke("crt_none", at(1)).await.unwrap(), None);
    let seen = on
        .second
        .issued_certificates()
        .lookup(&one.id)
        .await
        .unwrap();
    assert_eq!(seen.unwrap().revoked_at, Some(at(3)));
    let changes = on.second.changes().since(0, 10).await.unwrap();
    assert_eq!(changes.entries.len(), 3);
}

/// Many certificates and revocations at once are all kept.
pub async fn r129_parallel_revokes_are_all_kept(on: &Handles) {
    on.race(|n, store| async move {
        let certificate = issued_certificate(n.into());
        let id = certificate.id.clone();
        store.issued_certificates().add(certificate).await.unwrap();
        store
            .issued_certificates()
            .revoke(&id, at(1))
            .await
            .unwrap();
    })
    .await;
    let stored = on.second.issued_certificates().list().await.unwrap();
    assert_eq!(stored.len(), usize::from(CALLERS));
    assert!(stored.iter().all(|one| one.revoked_at == Some(at(1))));
    assert!(stored.is_sorted_by(|a, b| a.id < b.id));
}

/// What ended is removed a day later.
pub async fn r127_sweep_keeps_what_a_clock_could_revive(on: &Handles) {
    const DAY: i64 = 86_400;
    let certificates = on.first.issued_certificates();
    // They end at second 1000 and one.
    certificates.add(issued_certificate(0)).await.unwrap();
    certificates.add(issued_certificate(1)).await.unwrap();
    assert_eq!(certificates.sweep(at(5000)).await.unwrap(), 0);
    assert_eq!(certificates.sweep(at(1000 + DAY)).await.unwrap(), 1);
    let left = on.second.issued_certificates().list().await.unwrap();
    assert_eq!(left, [issued_certificate(1)]);
}
