use doorward_core::policy::{BodyRule, PathPlace, Pointer};
use doorward_core::rejection::{Denied, OwnerFault, Rejection};
use doorward_core::scope::ScopeSet;
use proptest::prelude::*;

use super::{Sender, check_body, owner};

fn pointer(text: &str) -> Pointer {
    Pointer::parse(text).unwrap()
}

fn pointers(texts: &[&str]) -> Vec<Pointer> {
    texts.iter().map(|text| pointer(text)).collect()
}

/// The code of the refusal of a body, or `passed`.
fn judged(rule: &BodyRule, owns: Option<(&str, &str)>, scopes: &str, body: &str) -> &'static str {
    let held = ScopeSet::parse(scopes).unwrap();
    let owns = owns.map(|(text, subject)| (pointer(text), subject));
    let who = Sender {
        owns: owns.as_ref().map(|(pointer, subject)| (pointer, *subject)),
        holds: &|needed| needed.is_subset_of(&held),
    };
    match check_body(rule, &who, body.as_bytes()) {
        Ok(()) => "passed",
        Err(rejection) => rejection.code(),
    }
}

#[test]
fn r096_the_body_names_its_caller_once_or_is_refused() {
    let rule = BodyRule::default();
    let owned = |place, body| judged(&rule, Some((place, "alice")), "", body);
    for (body, expected) in [
        (r#"{"user_id":"alice"}"#, "passed"),
        (r#"{"us\u0065r_id":"\u0061lice","x":[1]}"#, "passed"),
        (r#"{"user_id":"bob"}"#, "owner_mismatch"),
        (r#"{"user_id":"Alice"}"#, "owner_mismatch"),
        (r#"{"user_id":"alice "}"#, "owner_mismatch"),
        (r#"{"user_id":["alice"]}"#, "owner_mismatch"),
        (r#"{"user_id":{"a":"alice"}}"#, "owner_mismatch"),
        (r#"{"user_id":null}"#, "owner_mismatch"),
        (r#"{"user_id":true}"#, "owner_mismatch"),
        (r#"{"user_id":""}"#, "owner_mismatch"),
        ("{}", "owner_mismatch"),
        ("", "owner_mismatch"),
        (
            r#"{"user_id":"alice","user_id":"bob"}"#,
            "body_duplicate_member",
        ),
        (
            r#"{"user_id":"bob","us\u0065r_id":"alice"}"#,
            "body_duplicate_member",
        ),
        (
            r#"{"user_id":"alice","x":{"a":1,"a":2}}"#,
            "body_duplicate_member",
        ),
        (r#"{"user_id":"alice","USER_ID":"bob"}"#, "body_shape"),
        (r#"{"user_id":"alice","userId":"bob"}"#, "body_shape"),
        (r#"{"user_id":"alice","user_id\u0000":"bob"}"#, "body_shape"),
        (r#"[{"user_id":"alice"}]"#, "body_shape"),
        (r#""alice""#, "body_shape"),
        ("null", "body_shape"),
        (r#"{"user_id":"alice"} {"user_id":"bob"}"#, "body_not_json"),
        ("\u{feff}{\"user_id\":\"alice\"}", "body_not_json"),
        (r#"{"user_id":"alice",}"#, "body_not_json"),
        (r"{'user_id':'alice'}", "body_not_json"),
        (r#"{"user_id":"alice"}//"#, "body_not_json"),
        (r#"{"user_id":"\ud800"}"#, "body_not_json"),
        ("user_id=alice", "body_not_json"),
    ] {
        assert_eq!(owned("/user_id", body), expected, "{body}");
    }
    for (body, expected) in [
        (r#"{"items":[{"by":"alice"},{"by":"alice"}]}"#, "passed"),
        (
            r#"{"items":[{"by":"alice"},{"by":"bob"}]}"#,
            "owner_mismatch",
        ),
        (r#"{"items":[{"by":"alice"},{}]}"#, "owner_mismatch"),
        (r#"{"items":[]}"#, "owner_mismatch"),
        (r#"{"items":{"by":"alice"}}"#, "body_shape"),
        (r#"{"items":[[{"by":"alice"}]]}"#, "body_shape"),
        (r#"{"items":null}"#, "body_shape"),
    ] {
        assert_eq!(owned("/items/*/by", body), expected, "{body}");
    }
}

#[test]
fn r096_a_number_is_the_caller_only_where_every_reader_reads_the_same() {
    let rule = BodyRule::default();
    for (subject, body, expected) in [
        ("42", "42", "passed"),
        ("-7", "-7", "passed"),
        ("42", "42.0", "owner_mismatch"),
        ("42", "4.2e1", "owner_mismatch"),
        ("0", "-0", "owner_mismatch"),
        ("042", "42", "owner_mismatch"),
        ("9007199254740991", "9007199254740991", "passed"),
        ("9007199254740993", "9007199254740993", "owner_mismatch"),
        (
            "18446744073709551616",
            "18446744073709551616",
            "owner_mismatch",
        ),
    ] {
        let body = format!("{{\"id\":{body}}}");
        let found = judged(&rule, Some(("/id", subject)), "", &body);
        assert_eq!(found, expected, "{subject} {body}");
    }
    assert_eq!(
        judged(&rule, Some(("/id", "")), "", r#"{"id":""}"#),
        "owner_mismatch"
    );
}

#[test]
fn r102_members_that_need_a_scope_are_refused_without_it() {
    let admin = ScopeSet::parse("users:admin").unwrap();
    let needs = pointers(&["/role", "/address/verified", "/items/*/price"]);
    let rule = BodyRule {
        needs: needs.into_iter().map(|p| (p, admin.clone())).collect(),
        ..BodyRule::default()
    };
    for (body, expected) in [
        ("", "passed"),
        (r#"{"name":"x"}"#, "passed"),
        (r#"{"name":"x","items":[],"address":{}}"#, "passed"),
        (r#"{"items":[{"sku":1}],"address":{"city":"B"}}"#, "passed"),
        (r#"{"role":"admin"}"#, "body_field_denied"),
        (r#"{"role":null}"#, "body_field_denied"),
        (r#"{"r\u006fle":"admin"}"#, "body_field_denied"),
        (r#"{"Role":"admin"}"#, "body_shape"),
        (r#"{"role\u0000":"admin"}"#, "body_shape"),
        (r#"{"items":[{"sku":1},{"price":1}]}"#, "body_field_denied"),
        (r#"{"items":{"price":1}}"#, "body_shape"),
        (r#"{"items":[[{"price":1}]]}"#, "body_shape"),
        (r#"{"address":"x"}"#, "body_shape"),
        (r#"{"address":null}"#, "body_shape"),
        (r#"[{"role":"admin"}]"#, "body_shape"),
        (r#"{"role":"a","role":"b"}"#, "body_duplicate_member"),
    ] {
        assert_eq!(judged(&rule, None, "", body), expected, "{body}");
        let staff = judged(&rule, None, "users:admin", body);
        let twice = expected == "body_duplicate_member";
        assert_eq!(staff, if twice { expected } else { "passed" }, "{body}");
    }
}

#[test]
fn r102_only_listed_members_pass() {
    let rule = |texts: &[&str]| BodyRule {
        members: Some(pointers(texts)),
        ..BodyRule::default()
    };
    let some = rule(&["/name", "/address/city", "/tags/*", "/items/*/sku"]);
    for (body, expected) in [
        ("{}", "passed"),
        (
            r#"{"name":{"any":["thing"]},"address":{"city":1}}"#,
            "passed",
        ),
        (r#"{"tags":["a",{"b":1}],"items":[{"sku":1},{}]}"#, "passed"),
        (r#"{"role":1}"#, "body_field_denied"),
        (r#"{"Name":1}"#, "body_field_denied"),
        (r#"{"address":{"verified":true}}"#, "body_field_denied"),
        (r#"{"items":[{"sku":1,"price":2}]}"#, "body_field_denied"),
        (r#"{"address":[]}"#, "body_shape"),
        (r#"{"items":{"sku":1}}"#, "body_shape"),
        ("[]", "body_shape"),
        ("1", "body_shape"),
    ] {
        assert_eq!(judged(&some, None, "users:admin", body), expected, "{body}");
    }
    assert_eq!(judged(&rule(&[]), None, "", "{}"), "passed");
    assert_eq!(
        judged(&rule(&[]), None, "", r#"{"a":1}"#),
        "body_field_denied"
    );
    let list = rule(&["/*/name"]);
    assert_eq!(judged(&list, None, "", r#"[{"name":1}]"#), "passed");
    assert_eq!(
        judged(&list, None, "", r#"[{"role":1}]"#),
        "body_field_denied"
    );
    assert_eq!(judged(&list, None, "", r#"{"name":1}"#), "body_shape");
}

/// Names and texts that callers may choose, near the ones that rules know.
fn spelled() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("alice".to_owned()),
        Just("bob".to_owned()),
        Just("user".to_owned()),
        "[a-zA-Z%_\\[\\]. +]{0,8}",
        any::<String>(),
    ]
}

/// Encodes some of the bytes of a text.
fn encoded(text: &str, which: &[bool]) -> String {
    let mut flags = which.iter().copied().cycle();
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' if !flags.next().unwrap_or(true) => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

proptest! {
    /// R096: whatever a query says, it passes only when every reader finds the caller in it.
    #[test]
    fn r096_a_query_passes_only_with_the_caller_in_it(
        pairs in prop::collection::vec((spelled(), spelled()), 0..5),
        which in prop::collection::vec(any::<bool>(), 1..8),
    ) {
        let query = pairs
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name, &which), encoded(value, &which)))
            .collect::<Vec<_>>()
            .join("&");
        let of_user: Vec<_> = pairs.iter().filter(|(name, _)| name == "user").collect();
        let passed = owner::check_query("user", "alice", Some(&query)).is_ok();
        if passed {
            prop_assert!(matches!(of_user[..], [(_, value)] if value == "alice"), "{query}");
        }
        let plain = pairs.iter().all(|(name, _)| name == "user" || name == "bob");
        if plain && matches!(of_user[..], [(_, value)] if value == "alice") {
            prop_assert!(passed, "{query}");
        }
    }

    /// R096: a segment passes only when it decodes to the caller.
    #[test]
    fn r096_a_segment_passes_only_as_the_caller(
        segment in spelled(),
        which in prop::collection::vec(any::<bool>(), 1..8),
    ) {
        let place = PathPlace { name: "user".into(), segment: 1 };
        let path = format!("/users/{}/orders", encoded(&segment, &which));
        let found = owner::check_path(&place, "alice", &path);
        prop_assert_eq!(found.is_ok(), segment == "alice", "{}", path);
    }

    /// R096, R102: any bytes as a body: what passes names the caller, and sets nothing else.
    #[test]
    fn r096_a_body_passes_only_with_the_caller_in_it(
        members in prop::collection::vec((spelled(), spelled()), 0..5),
    ) {
        let text = |text: &String| serde_json::to_string(text).unwrap();
        let inner = members.iter().map(|(name, value)| format!("{}:{}", text(name), text(value)));
        let body = format!("{{{}}}", inner.collect::<Vec<_>>().join(","));
        let rule = BodyRule { members: Some(pointers(&["/user", "/bob"])), ..BodyRule::default() };
        if judged(&rule, Some(("/user", "alice")), "", &body) == "passed" {
            let of_user: Vec<_> = members.iter().filter(|(name, _)| name == "user").collect();
            prop_assert!(matches!(of_user[..], [(_, value)] if value == "alice"), "{body}");
            prop_assert!(members.iter().all(|(name, _)| name == "user" || name == "bob"));
        }
    }
}

#[test]
fn r096_records_say_where_and_never_what() {
    let denied = owner::check_query("user", "alice", Some("user=bobs-secret")).unwrap_err();
    let expected = Denied::Owner {
        place: "query user".into(),
        found: OwnerFault::Other,
    };
    assert_eq!(denied, expected);
    let detail = Rejection::Denied(denied).detail().unwrap();
    assert_eq!(detail, "query user is not the caller");
}
