//! Pages: what they say, remember and forget.

use super::browser::{Browser, field, hidden};
use super::{PASSWORD, parameter, request, world};
use crate::door::text;

#[test]
fn r086_the_consent_page_names_the_app_its_host_and_each_scope() {
    let world = world();
    let mut browser = Browser::default();
    let page = browser.get(&world.door, &format!("/oauth2/authorize?{}", request("")));
    assert!(
        page.text().contains("Example Bank") && page.text().contains("shop"),
        "{page:?}"
    );
    let page = browser.sign_in(&world.door, &page, "alice", PASSWORD);
    let page = browser.follow(&world.door, &page);
    let html = page.text();
    for part in [
        "shop.example",
        "See your orders",
        "Change your orders",
        "alice",
        "lang=\"en\"",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
    browser.language = Some("de-AT,en;q=0.5");
    let id = field(&page, "id");
    let page = browser.get(&world.door, &format!("/oauth2/consent?id={id}"));
    assert!(
        page.text().contains("Erlauben") && page.text().contains("lang=\"de\""),
        "{page:?}"
    );
    let answer = browser.decide(&world.door, &page, &[], "deny");
    let error = parameter(answer.one("location"), "error");
    assert_eq!(error.as_deref(), Some("access_denied"));
    let again = browser.decide(&world.door, &page, &[], "allow");
    assert_eq!(
        again.status, 400,
        "an answered request waits no more: {again:?}"
    );
}

#[test]
fn r086_what_was_allowed_is_remembered_until_it_is_taken_back() {
    let world = world();
    let mut browser = Browser::default();
    let code = world.code(&mut browser);
    let token = text(&world.redeem(&code, "").json(), "access_token");
    let again = browser.get(&world.door, &format!("/oauth2/authorize?{}", request("")));
    assert!(
        parameter(again.one("location"), "code").is_some(),
        "{again:?}"
    );
    let page = browser.get(&world.door, "/oauth2/account");
    assert!(page.text().contains("See your orders"), "{page:?}");
    let form = hidden(&page, &["form"]);
    let form = format!("{form}&action=withdraw&client=shop");
    let answer = browser.post(&world.door, "/oauth2/account", &form);
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(
        world.door.bearer("/x", &token).status,
        401,
        "the token went with it"
    );
    let page = browser.follow(&world.door, &answer);
    assert!(!page.text().contains("See your orders"), "{page:?}");
    let asked = browser.get(&world.door, &format!("/oauth2/authorize?{}", request("")));
    assert!(
        asked.one("location").starts_with("/oauth2/consent?id="),
        "{asked:?}"
    );
}

#[test]
fn r086_a_native_app_is_asked_about_each_time() {
    let world = world();
    let mut browser = Browser::default();
    let query = request("")
        .replace("client_id=shop", "client_id=app")
        .replace(
            "redirect_uri=https%3A%2F%2Fshop.example%2Fcallback%3Ffrom%3Ddoor",
            "redirect_uri=http%3A%2F%2F127.0.0.1%3A5000%2Fcb",
        );
    let location = world.allowed(&mut browser, &query);
    assert!(
        location.starts_with("http://127.0.0.1:5000/cb?code="),
        "{location}"
    );
    let again = browser.get(&world.door, &format!("/oauth2/authorize?{query}"));
    assert!(
        again.one("location").starts_with("/oauth2/consent?id="),
        "{again:?}"
    );
}

#[test]
fn r081_signing_out_ends_the_session_here_or_everywhere() {
    let world = world();
    let mut one = Browser::default();
    world.code(&mut one);
    let mut other = Browser::default();
    let page = other.get(&world.door, "/oauth2/account");
    other.sign_in(&world.door, &page, "alice", PASSWORD);
    let copy = one.clone();
    let signed_in = |browser: &Browser| {
        let page = browser.clone().get(&world.door, "/oauth2/account");
        !page.text().contains("type=\"password\"")
    };
    assert!(signed_in(&one) && signed_in(&other));
    let page = one.get(&world.door, "/oauth2/sign-out");
    let form = hidden(&page, &["form"]);
    one.post(
        &world.door,
        "/oauth2/sign-out",
        &format!("{form}&scope=here"),
    );
    assert!(!signed_in(&copy) && signed_in(&other));
    let page = other.get(&world.door, "/oauth2/sign-out");
    let form = hidden(&page, &["form"]);
    let copy = other.clone();
    other.post(
        &world.door,
        "/oauth2/sign-out",
        &format!("{form}&scope=everywhere"),
    );
    assert!(!signed_in(&copy));
    assert_eq!(other.cookie("session"), None);
}

#[test]
fn r081_a_new_password_ends_every_session() {
    let world = world();
    let mut browser = Browser::default();
    world.code(&mut browser);
    let ran = world
        .door
        .run_with(&["user", "passwd", "alice"], "another long password");
    assert_eq!(ran.code, 0, "{ran:?}");
    let page = browser.get(&world.door, "/oauth2/account");
    assert!(page.text().contains("type=\"password\""), "{page:?}");
}
