//! JSON bodies under a rule with an owner and members.

use std::sync::{Arc, OnceLock};

use doorward_core::Timestamp;
use doorward_core::credential::{CredentialId, Method};
use doorward_core::json::{Object, Value};
use doorward_core::policy::{
    Accept, Access, Binding, BodyRule, Forwarding, Guarded, Owner, Pointer, Policy,
};
use doorward_core::scope::ScopeSet;
use doorward_core::verified::{Grants, Identity, Principal, Validity, Verified};
use doorward_policy::{Methods, PathTemplate, Roles, Route, RouteTable};

/// What passes names its caller, has only known members, and none that needs a scope.
pub(super) fn run(data: &[u8]) {
    static STAND: OnceLock<Option<(RouteTable, Principal)>> = OnceLock::new();
    let Some((table, alice)) = STAND.get_or_init(stand) else {
        return;
    };
    let Some(rule) = table.rules().first() else {
        return;
    };
    if table.decide_body(rule, Some(alice), data).is_err() {
        return;
    }
    let body = Object::parse(data, BodyRule::MAX_BYTES).unwrap_or_default();
    assert_eq!(body.get("user_id").and_then(Value::as_str), Some("alice"));
    assert!(
        body.iter()
            .all(|(name, _)| ["user_id", "items"].contains(&name))
    );
    let items = body.array("items").ok().flatten().unwrap_or_default();
    assert!(items.iter().all(|item| match item {
        Value::Object(item) => item.get("price").is_none(),
        _ => false,
    }));
}

fn stand() -> Option<(RouteTable, Principal)> {
    let pointer = |text| Pointer::parse(text).ok();
    let scopes = ScopeSet::parse("prices").ok()?;
    let body = BodyRule {
        members: Some(vec![pointer("/user_id")?, pointer("/items")?]),
        needs: vec![(pointer("/items/*/price")?, scopes)],
        ..BodyRule::default()
    };
    let owner = Owner {
        path: None,
        query: None,
        body: pointer("/user_id"),
        unless: None,
    };
    let accept = Accept {
        method: Method::ApiKey,
        issuer: None,
    };
    let route = Route {
        label: String::new(),
        hosts: Vec::new(),
        path: PathTemplate::parse("/").ok()?,
        methods: Methods::Any,
        access: Access::Guarded(Guarded {
            accepts: vec![accept],
            scopes: ScopeSet::EMPTY,
            query_key: None,
            signing: doorward_core::policy::Signing::NOTHING,
        }),
        binding: Binding {
            owner: Some(owner),
            body: Some(body),
        },
        forwarding: Forwarding {
            upstream: "u".into(),
            pass_credential: false,
            max_body: None,
            websocket: doorward_core::policy::WebSocketBounds::NONE,
            timeout: std::time::Duration::from_secs(1),
        },
        cors: None,
        limits: Vec::new(),
    };
    let identity = Identity {
        method: Method::ApiKey,
        credential_id: CredentialId::new("key_1"),
        subject: "alice".into(),
        grants: Arc::new(Grants::default()),
    };
    let alice = Verified::assertion(identity, Validity::ALWAYS).live_at(Timestamp::from_secs(1));
    let table = RouteTable::build(vec![route], Roles::default());
    Some((table.ok()?, alice.ok()?))
}
