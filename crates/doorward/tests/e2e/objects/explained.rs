//! What the operator is told: `explain` and `check`.

use super::Stand;
use crate::door::{BASE, Home, text};
use crate::peer::Recorder;

#[test]
fn r096_r102_explain_judges_a_body_and_says_what_is_wrong() {
    let upstream = Recorder::start();
    let stand = Stand::before(upstream.port, "");
    let explain = |path: &str, more: &[&str]| {
        let url = stand.door.url(path);
        let args = [&["explain", &url, "-H", &stand.alice, "--json"], more].concat();
        let ran = stand.door.run(&args);
        let said: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        (ran.code, said)
    };
    let (code, said) = explain("/anything/orders", &["-d", r#"{"user_id":"alice"}"#]);
    assert_eq!((code, said["status"].as_u64()), (0, Some(200)), "{said}");
    let needs = text(&said, "rule_needs");
    assert!(
        needs.contains("body /user_id unless it has staff"),
        "{needs}"
    );
    let (code, said) = explain("/anything/orders", &["-d", r#"{"user_id":"bob"}"#]);
    assert_eq!((code, said["status"].as_u64()), (1, Some(403)), "{said}");
    assert_eq!(said["reason"], "owner_mismatch");
    assert_eq!(said["failed_check"], "allowed");
    assert_eq!(said["detail"], "body /user_id is not the caller");
    let (_, said) = explain("/anything/users/bob/orders", &[]);
    assert_eq!(said["detail"], "path user is not the caller");
    stand.door.write("body.json", r#"{"role":"admin"}"#);
    let (_, said) = explain("/anything/profile", &["-X", "PATCH", "-d", "@body.json"]);
    assert_eq!(said["reason"], "body_field_denied", "{said}");
    assert_eq!(said["detail"], "/role needs admin");
    assert!(text(&said, "fix").contains("body.needs"));
    assert!(upstream.heads().is_empty());
}

/// What `check` says of routes.
fn checked(routes: &str) -> (i32, String) {
    let home = Home::new(&format!("{}{routes}", BASE.replace("{upstream}", "3000")));
    let ran = home.run(&["check"]);
    (ran.code, format!("{}{}", ran.out, ran.err))
}

#[test]
fn r096_r102_check_finds_rules_that_cannot_be_meant() {
    let route = |more: &str| {
        checked(&format!(
            "[[route]]\npath = \"/users/{{user}}/{{*rest}}\"\nmethods = [\"POST\"]\n\
             scopes = [\"s\"]\n{more}\n"
        ))
    };
    let (code, said) = route("owner = { path = \"user\", body = \"/user_id\" }");
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("warning"), "{said}");
    for (wrong, named) in [
        ("owner = {}", "no place names the owner"),
        ("owner = { path = \"users\" }", "there is no {users}"),
        ("owner = { path = \"rest\" }", "there is no {rest}"),
        ("owner = { body = \"user_id\" }", "starts with a slash"),
        (
            "owner = { query = \"u\", unless_scope = [] }",
            "names no scope",
        ),
        (
            "owner = { query = \"u\", unless_scope = \"a b\" }",
            "names no scope",
        ),
        ("owner = { querry = \"u\" }", "Did you mean `query`?"),
        ("owner = \"user\"", "not a table"),
        ("body = { needs = { \"/role\" = [] } }", "names no scope"),
        ("body = { needs = { role = \"a\" } }", "starts with a slash"),
        ("body = { members = [\"/\"] }", "a step is empty"),
        (
            "body = { members = [\"/a\", \"/*/b\"] }",
            "no body can have both",
        ),
        (
            "body = { types = [\"application/json-patch+json\"] }",
            "cannot be judged",
        ),
        ("body = { types = [\"text/plain\"] }", "cannot be judged"),
        ("body = {}\nmax_body = 2000000", "cannot be judged"),
    ] {
        let (code, said) = route(wrong);
        assert_eq!(code, 1, "{wrong} {said}");
        assert!(said.contains(named), "{wrong}: {said}");
        assert!(said.contains("doorward.toml:"), "{wrong}: {said}");
    }
    let (code, said) =
        checked("[[route]]\npath = \"/{user}\"\npublic = true\nowner = { path = \"user\" }\n");
    assert_eq!(code, 1);
    assert!(said.contains("there is no caller"), "{said}");
}

#[test]
fn r096_check_warns_of_owners_that_are_seldom_meant() {
    let (code, said) =
        checked("[[route]]\npath = \"/x\"\nscopes = [\"s\"]\nowner = { body = \"/id\" }\n");
    assert!(code == 0 && said.contains("without a body"), "{said}");
    let issuer = "[trusted_issuer.idp]\nissuer = \"https://idp.example\"\naudience = [\"a\"]\n";
    let owned = "[[route]]\npath = \"/{u}\"\nscopes = [\"s\"]\nowner = { path = \"u\" }\n";
    let (code, said) = checked(&format!("{issuer}{owned}"));
    assert!(
        code == 0 && said.contains("of one is `alice` of the other"),
        "{said}"
    );
    let (_, said) = checked(&format!("{issuer}{owned}accept = [\"jwt:idp\"]\n"));
    assert!(!said.contains("warning"), "{said}");
}
