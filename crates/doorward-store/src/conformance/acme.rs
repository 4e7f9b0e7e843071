//! What every store does with what ACME authorities gave.

use super::Handles;
use super::sample::{acme_account, acme_certificate, at};

/// An account comes back as it was, for its authority only; a new one takes its place.
pub async fn an_account_is_of_one_authority(on: &Handles) {
    let records = on.first.acme();
    records.keep_account(acme_account(1)).await.unwrap();
    records.keep_account(acme_account(2)).await.unwrap();
    let mut newer = acme_account(1);
    newer.sealed = vec![9, 0];
    records.keep_account(newer.clone()).await.unwrap();
    let other = on.second.acme();
    for expected in [newer, acme_account(2)] {
        let found = other.account(&expected.directory).await.unwrap();
        assert_eq!(found, Some(expected));
    }
    let unknown = acme_account(3).directory;
    assert_eq!(other.account(&unknown).await.unwrap(), None);
}

/// Certificates come back as they were, in order, and not for another authority.
pub async fn certificates_keep_every_field(on: &Handles) {
    let records = on.first.acme();
    let (a, b) = (
        acme_certificate(1, "a.example"),
        acme_certificate(1, "b.example"),
    );
    for one in [&b, &a, &acme_certificate(2, "a.example")] {
        assert!(records.keep_certificate(one.clone()).await.unwrap());
    }
    let of = |n| acme_account(n).directory;
    let other = on.second.acme();
    assert_eq!(other.certificates(&of(1)).await.unwrap(), [a, b]);
    assert_eq!(other.certificates(&of(2)).await.unwrap().len(), 1);
    assert!(other.certificates(&of(3)).await.unwrap().is_empty());
}

/// Of two processes that ordered at once, the later certificate stays.
pub async fn r129_an_older_certificate_does_not_replace_a_newer_one(on: &Handles) {
    let obtained = |second| {
        let mut certificate = acme_certificate(1, "a.example");
        certificate.obtained_at = at(second);
        certificate
    };
    let records = on.first.acme();
    assert!(records.keep_certificate(obtained(5)).await.unwrap());
    assert!(
        !on.second
            .acme()
            .keep_certificate(obtained(4))
            .await
            .unwrap()
    );
    assert!(records.keep_certificate(obtained(6)).await.unwrap());
    let kept = records
        .certificates(&acme_account(1).directory)
        .await
        .unwrap();
    assert_eq!(kept, [obtained(6)]);
}

/// What has ended is forgotten, the rest is not.
pub async fn sweep_forgets_what_has_ended(on: &Handles) {
    let records = on.first.acme();
    let ending = |host: &str, second| {
        let mut certificate = acme_certificate(1, host);
        certificate.not_after = at(second);
        certificate
    };
    for (host, second) in [("a.example", 10), ("b.example", 11)] {
        records
            .keep_certificate(ending(host, second))
            .await
            .unwrap();
    }
    assert_eq!(records.sweep(at(9)).await.unwrap(), 0);
    assert_eq!(records.sweep(at(10)).await.unwrap(), 1);
    let left = records
        .certificates(&acme_account(1).directory)
        .await
        .unwrap();
    assert_eq!(left, [ending("b.example", 11)]);
}
