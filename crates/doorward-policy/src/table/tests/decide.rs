use doorward_core::Timestamp;
use doorward_core::credential::{CredentialId, Method as Credential};
use doorward_core::policy::Policy;
use doorward_core::rejection::Denied;
use doorward_core::verified::{Grants, Identity, Principal, Validity, Verified};

use super::{guarded, head, route, set};
use crate::role::Roles;
use crate::route::Route;
use crate::table::RouteTable;

fn principal(scopes: &str, roles: &[&str]) -> Principal {
    let identity = Identity {
        method: Credential::ApiKey,
        credential_id: CredentialId::new("key_1"),
        subject: "alice".into(),
        grants: Grants {
            issuer: None,
            scopes: set(scopes),
            roles: roles.iter().map(|role| (*role).into()).collect(),
        }
        .into(),
    };
    Verified::assertion(identity, Validity::ALWAYS)
        .live_at(Timestamp::from_secs(1))
        .unwrap()
}

/// K04: every operation, with every set of scopes, both answers.
#[test]
fn k04_every_operation_answers_every_set_of_scopes() {
    let scopes = ["orders:read", "orders:write", "staff", "orders"];
    let subset = |bits: usize| {
        let named = scopes
            .iter()
            .enumerate()
            .filter(|(n, _)| bits >> n & 1 == 1);
        named.map(|(_, scope)| *scope).collect::<Vec<_>>().join(" ")
    };
    let routes: Vec<Route> = (0..1_usize << scopes.len())
        .map(|bits| Route {
            access: guarded(&subset(bits)),
            ..route(&format!("GET /op-{bits}"))
        })
        .collect();
    let roles = Roles::new([("clerk".to_owned(), set("orders:read staff"))]).unwrap();
    let table = RouteTable::build(routes, roles).unwrap();
    let clerk = 0b101;
    let mut answers = [0, 0];
    for needed in 0..1_usize << scopes.len() {
        let head = head("GET", &format!("/op-{needed}"), &[]).unwrap();
        let rule = table.rule_for(&head).unwrap().unwrap();
        for held in 0..1_usize << scopes.len() {
            for is_clerk in [false, true] {
                let roles: &[&str] = if is_clerk {
                    &["clerk", "Staff"]
                } else {
                    &["Clerk"]
                };
                let holds = if is_clerk { held | clerk } else { held };
                let expected = if needed & !holds == 0 {
                    Ok(())
                } else {
                    let required = set(&subset(needed));
                    Err(Denied::Scope { required })
                };
                answers[usize::from(expected.is_ok())] += 1;
                let who = principal(&subset(held), roles);
                assert_eq!(
                    table.decide(&rule, &who, &head),
                    expected,
                    "{needed} {held}"
                );
            }
        }
    }
    assert!(answers[0] > 100 && answers[1] > 100, "{answers:?}");
}
