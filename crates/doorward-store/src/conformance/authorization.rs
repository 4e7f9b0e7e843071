//! What every store does with authorizations.

use super::Handles;
use super::sample::{approved, at, given, pending};
use crate::{ApprovedAuthorization, PendingAuthorization, Redemption};

/// What is stored comes back, every field of it, until it is over.
pub async fn every_field_is_kept(on: &Handles) {
    let requests = on.first.authorizations();
    let (asked, pushed) = (
        pending(1),
        PendingAuthorization {
            session: None,
            ..pending(2)
        },
    );
    for one in [&asked, &pushed] {
        assert!(requests.ask(one.clone()).await.unwrap());
        assert!(!requests.ask(one.clone()).await.unwrap());
        let found = on
            .second
            .authorizations()
            .lookup_pending(&one.digest, at(9))
            .await;
        assert_eq!(found.unwrap().as_ref(), Some(one));
    }
    let bare = ApprovedAuthorization {
        code_challenge: None,
        nonce: None,
        dpop_jkt: None,
        acr: None,
        resources: Vec::new(),
        ..approved(2)
    };
    for one in [approved(1), bare] {
        assert!(requests.approve(one.clone(), None).await.unwrap());
        let found = on
            .second
            .authorizations()
            .lookup_approved(&one.digest, at(9))
            .await;
        assert_eq!(found.unwrap(), Some(one));
    }
}

/// A request that waits is answered once, and not after its time.
pub async fn r040_a_request_is_answered_once(on: &Handles) {
    let requests = on.first.authorizations();
    requests.ask(pending(1)).await.unwrap();
    let digest = pending(1).digest;
    let answers = on
        .race(move |n, store| async move {
            let code = approved(u64::from(n));
            store
                .authorizations()
                .approve(code, Some(digest))
                .await
                .unwrap()
        })
        .await;
    assert_eq!(answers.iter().filter(|done| **done).count(), 1);
    let left = on
        .second
        .authorizations()
        .lookup_pending(&digest, at(0))
        .await;
    assert_eq!(left.unwrap(), None);
    requests.ask(pending(2)).await.unwrap();
    let digest = pending(2).digest;
    let taken = on
        .race(move |_, store| async move {
            store
                .authorizations()
                .take_pending(&digest, at(0))
                .await
                .unwrap()
        })
        .await;
    assert_eq!(taken.iter().flatten().count(), 1);
    requests.ask(pending(3)).await.unwrap();
    let late = requests.take_pending(&pending(3).digest, at(100)).await;
    assert_eq!(late.unwrap(), None);
}

/// A code that cannot be stored leaves the request waiting.
pub async fn approve_is_all_or_nothing(on: &Handles) {
    let requests = on.first.authorizations();
    requests.ask(pending(1)).await.unwrap();
    requests.approve(approved(1), None).await.unwrap();
    let digest = pending(1).digest;
    assert!(!requests.approve(approved(1), Some(digest)).await.unwrap());
    let waits = on
        .second
        .authorizations()
        .lookup_pending(&digest, at(0))
        .await;
    assert_eq!(waits.unwrap(), Some(pending(1)));
    let unknown = Some(pending(2).digest);
    assert!(!requests.approve(approved(2), unknown).await.unwrap());
    let found = requests.lookup_approved(&approved(2).digest, at(0)).await;
    assert_eq!(found.unwrap(), None);
}

/// Of many redemptions of one code exactly one wins; the others hear what that one gave.
pub async fn r041_of_parallel_redemptions_one_wins(on: &Handles) {
    on.first
        .authorizations()
        .approve(approved(1), None)
        .await
        .unwrap();
    let digest = approved(1).digest;
    let answers = on
        .race(move |n, store| async move {
            let gives = given(u64::from(n));
            let won = store
                .authorizations()
                .redeem(&digest, gives.clone(), at(5))
                .await;
            (gives, won.unwrap())
        })
        .await;
    let won = |answer: &Redemption| matches!(answer, Redemption::Redeemed(_));
    let winners = answers.iter().filter(|(_, answer)| won(answer));
    let gave: Vec<_> = winners.map(|(gives, _)| gives.clone()).collect();
    assert_eq!(gave.len(), 1);
    for (_, answer) in answers {
        let expected = gave.first().cloned().map(Redemption::Replayed);
        assert!(won(&answer) || Some(answer) == expected);
    }
}

/// A code is good until its end, and a replay is recognised as long as what it gave lives.
pub async fn r042_codes_end_and_replays_are_remembered(on: &Handles) {
    let codes = on.first.authorizations();
    codes.approve(approved(1), None).await.unwrap();
    codes.approve(approved(2), None).await.unwrap();
    let (one, two) = (approved(1).digest, approved(2).digest);
    let late = codes.redeem(&one, given(1), at(60)).await.unwrap();
    assert_eq!(late, Redemption::Unknown);
    let good = codes.redeem(&two, given(2), at(59)).await.unwrap();
    assert!(matches!(good, Redemption::Redeemed(_)));
    assert_eq!(codes.sweep(at(120), 10).await.unwrap(), 1);
    let other = on.second.authorizations();
    let again = other.redeem(&two, given(3), at(600)).await.unwrap();
    assert_eq!(again, Redemption::Replayed(given(2)));
    assert_eq!(codes.sweep(given(2).expires_at, 10).await.unwrap(), 1);
    let again = other.redeem(&two, given(3), at(600)).await.unwrap();
    assert_eq!(again, Redemption::Unknown);
}

/// Taking back forgets the codes of one user and client, and says what they gave.
pub async fn r086_revoke_returns_what_was_given(on: &Handles) {
    let codes = on.first.authorizations();
    for n in 1..=3 {
        codes.approve(approved(n), None).await.unwrap();
    }
    let foreign = ApprovedAuthorization {
        client_id: "other'; --".to_owned(),
        ..approved(4)
    };
    codes.approve(foreign.clone(), None).await.unwrap();
    let none = given(1);
    codes
        .redeem(&approved(1).digest, none.clone(), at(0))
        .await
        .unwrap();
    let user = approved(1).user;
    let taken = codes.revoke(&user, Some(&approved(1).client_id)).await;
    assert_eq!(taken.unwrap(), [none]);
    let other = on.second.authorizations();
    for n in 1..=3 {
        let gone = other.redeem(&approved(n).digest, given(9), at(0)).await;
        assert_eq!(gone.unwrap(), Redemption::Unknown);
    }
    let stays = other.lookup_approved(&foreign.digest, at(0)).await.unwrap();
    assert_eq!(stays, Some(foreign));
    assert!(codes.revoke(&user, None).await.unwrap().is_empty());
    let gone = other.lookup_approved(&approved(4).digest, at(0)).await;
    assert_eq!(gone.unwrap(), None);
}

/// The sweep takes what is over, in portions.
pub async fn sweep_takes_portions_of_what_is_over(on: &Handles) {
    let codes = on.first.authorizations();
    for n in 0..5 {
        codes.ask(pending(n)).await.unwrap();
        codes.approve(approved(n), None).await.unwrap();
    }
    let mut swept = Vec::new();
    for _ in 0..4 {
        swept.push(codes.sweep(at(120), 2).await.unwrap());
    }
    assert_eq!(swept, [4, 4, 2, 0]);
}
