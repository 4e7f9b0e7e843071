//! From the app's request to a token, and what a code is good for.

use std::thread;

use super::browser::Browser;
use super::{CALLBACK, ISSUER, PASSWORD, VERIFIER, claims, encoded, parameter, request, world};
use crate::door::text;

#[test]
fn r043_r045_an_app_acts_for_a_user_who_allowed_it_and_no_further() {
    let world = world();
    let mut browser = Browser::default();
    let location = world.allowed(&mut browser, &request(""));
    assert!(
        location.starts_with(&format!("{CALLBACK}&code=")),
        "{location}"
    );
    assert_eq!(
        parameter(&location, "state").as_deref(),
        Some("s%26t"),
        "r047"
    );
    assert_eq!(parameter(&location, "iss"), Some(encoded(ISSUER)), "r045");
    let code = parameter(&location, "code").unwrap();
    let got = world.redeem(&code, "");
    assert_eq!(got.status, 200, "{got:?}");
    assert_eq!(got.one("cache-control"), "no-store", "r056");
    let got = got.json();
    assert_eq!(got["scope"], "openid orders:read orders:write");
    let token = text(&got, "access_token");
    let access = claims(&token);
    assert_eq!(
        (&access["sub"], &access["client_id"]),
        (&"alice".into(), &"shop".into())
    );
    assert!(
        access.get("roles").is_none(),
        "a role would grant more than was allowed"
    );
    let id = claims(&text(&got, "id_token"));
    assert_eq!((&id["iss"], &id["aud"]), (&ISSUER.into(), &"shop".into()));
    assert_eq!(
        (&id["sub"], &id["nonce"]),
        (&"alice".into(), &"n1".into()),
        "r071"
    );
    assert!(
        id["auth_time"].is_i64() && id["sid"].is_string(),
        "r071 {id}"
    );
    assert_eq!(id["amr"], serde_json::json!(["pwd"]));
    assert_eq!(world.door.bearer("/x", &token).status, 200);
    let header = format!("Authorization: Bearer {token}");
    let deleted = world.door.curl("/x", &["-X", "DELETE", "-H", &header]);
    assert_eq!(deleted.status, 200, "{deleted:?}");
    let log = world.door.read("decisions.jsonl");
    for endpoint in ["sign-in", "authorize", "token"] {
        let mark = format!("\"endpoint\":\"{endpoint}\",\"outcome\":\"allowed\"");
        assert!(log.contains(&mark), "{endpoint} in {log}");
    }
    assert!(!log.contains(&code) && !log.contains(PASSWORD), "{log}");
    let as_access = world.door.bearer("/x", &text(&got, "id_token"));
    assert_eq!(as_access.status, 401, "an ID token is no access token");
}

#[test]
fn r061_what_the_user_left_out_is_not_in_the_token() {
    let world = world();
    let mut browser = Browser::default();
    let page = browser.get(&world.door, &format!("/oauth2/authorize?{}", request("")));
    let page = browser.sign_in(&world.door, &page, "alice", PASSWORD);
    let page = browser.follow(&world.door, &page);
    let answer = browser.allow(&world.door, &page, &["orders:read", "admin"]);
    let code = parameter(answer.one("location"), "code").unwrap();
    let got = world.redeem(&code, "").json();
    assert_eq!(got["scope"], "openid orders:read");
    let header = format!("Authorization: Bearer {}", text(&got, "access_token"));
    let deleted = world.door.curl("/x", &["-X", "DELETE", "-H", &header]);
    assert_eq!(deleted.status, 403, "{deleted:?}");
}

#[test]
fn r099_a_token_has_no_more_than_its_user() {
    let world = world();
    let mut browser = Browser::default();
    let page = browser.get(&world.door, &format!("/oauth2/authorize?{}", request("")));
    let page = browser.sign_in(&world.door, &page, "bob", PASSWORD);
    let page = browser.follow(&world.door, &page);
    assert!(!page.text().contains("orders:write"), "{page:?}");
    let answer = browser.allow(
        &world.door,
        &page,
        &["openid", "orders:read", "orders:write"],
    );
    let code = parameter(answer.one("location"), "code").unwrap();
    assert_eq!(
        world.redeem(&code, "").json()["scope"],
        "openid orders:read"
    );
}

#[test]
fn r040_a_replayed_code_takes_back_what_it_gave() {
    let world = world();
    let code = world.code(&mut Browser::default());
    let got = world.redeem(&code, "").json();
    let token = text(&got, "access_token");
    assert_eq!(world.door.bearer("/x", &token).status, 200);
    let again = world.redeem(&code, "");
    assert_eq!(
        (again.status, &again.json()["error"]),
        (400, &"invalid_grant".into())
    );
    assert_eq!(world.door.bearer("/x", &token).status, 401);
}

#[test]
fn r041_of_parallel_redemptions_one_at_most_keeps_a_token() {
    let world = world();
    let code = world.code(&mut Browser::default());
    let answers: Vec<_> = thread::scope(|scope| {
        let redeem = || world.redeem(&code, "");
        let running: Vec<_> = (0..12).map(|_| scope.spawn(redeem)).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let good: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 200)
        .collect();
    assert_eq!(good.len(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (400, &"invalid_grant".into())
        );
    }
    let token = text(&good[0].json(), "access_token");
    assert_eq!(
        world.door.bearer("/x", &token).status,
        401,
        "the others were replays"
    );
}

#[test]
fn r039_i07_a_code_is_good_for_its_client_address_and_verifier_alone() {
    let world = world();
    let code = world.code(&mut Browser::default());
    let shop = format!("shop:{}", world.secret);
    let form = |verifier: &str, uri: &str| {
        format!("grant_type=authorization_code&code={code}{uri}{verifier}")
    };
    let uri = format!("&redirect_uri={}", encoded(CALLBACK));
    let verifier = format!("&code_verifier={VERIFIER}");
    for (what, form, args) in [
        ("no verifier", form("", &uri), vec!["-u", &shop]),
        (
            "short verifier",
            form("&code_verifier=abc", &uri),
            vec!["-u", &shop],
        ),
        (
            "challenge as verifier",
            form(&format!("&code_verifier={}", super::CHALLENGE), &uri),
            vec!["-u", &shop],
        ),
        ("no address", form(&verifier, ""), vec!["-u", &shop]),
        (
            "another address",
            form(&verifier, "&redirect_uri=https%3A%2F%2Fshop.example%2F"),
            vec!["-u", &shop],
        ),
        (
            "another client",
            form(&verifier, &uri) + "&client_id=app",
            vec![],
        ),
        (
            "another code",
            form(&verifier, &uri).replace(&code, &code.to_lowercase()),
            vec!["-u", &shop],
        ),
    ] {
        let answer = world
            .door
            .curl("/oauth2/token", &[&args[..], &["--data", &form]].concat());
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (400, &"invalid_grant".into()),
            "{what}"
        );
    }
    assert_eq!(
        world.redeem(&code, "").status,
        200,
        "none of these used it up"
    );
}

#[test]
fn i13_a_user_who_was_shut_out_meanwhile_gets_nothing() {
    let world = world();
    let code = world.code(&mut Browser::default());
    let ran = world.door.run(&["user", "disable", "alice"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let answer = world.redeem(&code, "");
    assert_eq!(
        (answer.status, &answer.json()["error"]),
        (400, &"invalid_grant".into())
    );
}
