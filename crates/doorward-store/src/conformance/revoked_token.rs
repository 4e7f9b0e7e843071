//! What every store does with revoked tokens.

use super::sample::{at, revoked_token};
use super::{CALLERS, Handles};
use crate::RevokedToken;

/// Repeating a revocation never loosens it.
pub async fn revoke_keeps_the_stricter_moments(on: &Handles) {
    let tokens = on.first.revoked_tokens();
    let first = RevokedToken {
        revoked_at: at(5),
        ..revoked_token(1, 50)
    };
    tokens.revoke(first.clone()).await.unwrap();
    tokens
        .revoke(RevokedToken {
            revoked_at: at(9),
            ..revoked_token(1, 40)
        })
        .await
        .unwrap();
    let other = on.second.revoked_tokens();
    assert_eq!(other.list().await.unwrap(), [first]);
    tokens
        .revoke(RevokedToken {
            revoked_at: at(3),
            ..revoked_token(1, 60)
        })
        .await
        .unwrap();
    let found = other
        .lookup("https://a.example", "jti-000001")
        .await
        .unwrap();
    assert_eq!(
        found,
        Some(RevokedToken {
            revoked_at: at(3),
            ..revoked_token(1, 60)
        })
    );
    assert_eq!(
        other
            .lookup("https://b.example", "jti-000001")
            .await
            .unwrap(),
        None
    );
}

/// Issuer and `jti` are two names, not one text.
pub async fn names_do_not_run_together(on: &Handles) {
    let tokens = on.first.revoked_tokens();
    let named = |issuer: &str, jti: &str| RevokedToken {
        issuer: issuer.to_owned(),
        jti: jti.to_owned(),
        ..revoked_token(1, 50)
    };
    tokens.revoke(named("ab", "c'\0")).await.unwrap();
    assert_eq!(tokens.lookup("a", "bc'\0").await.unwrap(), None);
    assert!(
        on.second
            .revoked_tokens()
            .lookup("ab", "c'\0")
            .await
            .unwrap()
            .is_some()
    );
    let noted = on.second.changes().since(0, 10).await.unwrap().entries;
    assert_eq!(
        noted
            .first()
            .and_then(|change| RevokedToken::parse_change_id(&change.id)),
        Some(("ab", "c'\0"))
    );
}

/// A revocation outlives its token by a day, so that leeway or a clock set back revives nothing.
pub async fn r127_sweep_keeps_what_a_clock_could_revive(on: &Handles) {
    const DAY: i64 = 86_400;
    let tokens = on.first.revoked_tokens();
    tokens.revoke(revoked_token(1, 50)).await.unwrap();
    tokens.revoke(revoked_token(2, 51)).await.unwrap();
    assert_eq!(tokens.sweep(at(51)).await.unwrap(), 0);
    assert_eq!(tokens.sweep(at(51 + 3600)).await.unwrap(), 0);
    assert_eq!(tokens.sweep(at(50 + DAY)).await.unwrap(), 1);
    assert_eq!(
        on.second.revoked_tokens().list().await.unwrap(),
        [revoked_token(2, 51)]
    );
}

/// Many revocations at once are all kept.
pub async fn r129_parallel_revokes_are_all_kept(on: &Handles) {
    on.race(|n, store| async move {
        store
            .revoked_tokens()
            .revoke(revoked_token(u64::from(n / 2), 50))
            .await
            .unwrap();
    })
    .await;
    let stored = on.second.revoked_tokens().list().await.unwrap();
    assert_eq!(stored.len(), usize::from(CALLERS / 2));
}
