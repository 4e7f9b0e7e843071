//! What every store does with consents.

use doorward_core::scope::ScopeSet;

use super::Handles;
use super::sample::{at, consent, user_name};
use crate::ConsentRecord;

fn with_scopes(n: u64, scopes: &str) -> ConsentRecord {
    ConsentRecord {
        scopes: ScopeSet::parse(scopes).unwrap(),
        ..consent(n)
    }
}

/// A second consent adds to the first as long as that one stands.
pub async fn remember_adds_to_what_stands(on: &Handles) {
    let consents = on.first.consents();
    consents.remember(with_scopes(1, "a b")).await.unwrap();
    let again = ConsentRecord {
        granted_at: at(50),
        expires_at: at(300),
        ..with_scopes(1, "b c")
    };
    consents.remember(again.clone()).await.unwrap();
    let (user, client) = (again.user.clone(), again.client_id.clone());
    let stored = on
        .second
        .consents()
        .lookup(&user, &client, "", at(60))
        .await;
    let expected = ConsentRecord {
        scopes: ScopeSet::parse("a b c").unwrap(),
        ..again
    };
    assert_eq!(stored.unwrap(), Some(expected));
    let late = ConsentRecord {
        granted_at: at(300),
        expires_at: at(900),
        ..with_scopes(1, "d")
    };
    consents.remember(late.clone()).await.unwrap();
    let stored = on
        .second
        .consents()
        .lookup(&user, &client, "", at(300))
        .await;
    assert_eq!(stored.unwrap(), Some(late));
}

/// What was allowed for one user, client or resource is not allowed for another.
pub async fn r086_consents_do_not_run_together(on: &Handles) {
    let consents = on.first.consents();
    let one = ConsentRecord {
        resource: "https://a.example".to_owned(),
        ..consent(1)
    };
    consents.remember(one.clone()).await.unwrap();
    let other = on.second.consents();
    let found = other
        .lookup(&one.user, &one.client_id, &one.resource, at(10))
        .await;
    assert_eq!(found.unwrap(), Some(one.clone()));
    for (user, client, resource, moment) in [
        (
            user_name(9),
            one.client_id.as_str(),
            one.resource.as_str(),
            10,
        ),
        (one.user.clone(), "client-2", one.resource.as_str(), 10),
        (one.user.clone(), one.client_id.as_str(), "", 10),
        (
            one.user.clone(),
            one.client_id.as_str(),
            one.resource.as_str(),
            100,
        ),
    ] {
        let found = other.lookup(&user, client, resource, at(moment)).await;
        assert_eq!(found.unwrap(), None, "{client} {resource} {moment}");
    }
}

/// Taking back forgets all that one client was allowed by one user.
pub async fn r086_withdraw_forgets_one_client(on: &Handles) {
    let consents = on.first.consents();
    for resource in ["", "https://a.example"] {
        let resource = resource.to_owned();
        let one = consent(1);
        consents
            .remember(ConsentRecord { resource, ..one })
            .await
            .unwrap();
    }
    consents.remember(consent(2)).await.unwrap();
    let foreign = ConsentRecord {
        user: user_name(9),
        ..consent(1)
    };
    consents.remember(foreign.clone()).await.unwrap();
    let (user, client) = (consent(1).user, consent(1).client_id);
    assert_eq!(consents.withdraw(&user, &client).await.unwrap(), 2);
    let other = on.second.consents();
    assert_eq!(other.list(&user, at(10)).await.unwrap(), [consent(2)]);
    assert_eq!(other.list(&user_name(9), at(10)).await.unwrap(), [foreign]);
    assert_eq!(other.sweep(at(99), 10).await.unwrap(), 0);
    assert_eq!(other.sweep(at(100), 1).await.unwrap(), 1);
    assert_eq!(other.sweep(at(100), 10).await.unwrap(), 1);
}

/// Of many consents at once none is lost.
pub async fn r129_parallel_consents_are_all_kept(on: &Handles) {
    on.race(|n, store| async move {
        let one = with_scopes(1, &format!("s{n}"));
        store.consents().remember(one).await.unwrap();
    })
    .await;
    let (user, client) = (consent(1).user, consent(1).client_id);
    let stored = on
        .second
        .consents()
        .lookup(&user, &client, "", at(10))
        .await;
    assert_eq!(
        stored.unwrap().unwrap().scopes.len(),
        usize::from(super::CALLERS)
    );
}
