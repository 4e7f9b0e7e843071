//! Forms of others, sessions of others, names that nobody has.

use super::browser::{Browser, hidden};
use super::{ISSUER, PASSWORD, encoded, request, world};

#[test]
fn r079_i31_unknown_user_wrong_password_and_disabled_user_hear_the_same() {
    let world = world();
    let ran = world.door.run(&["user", "disable", "bob"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut bodies = Vec::new();
    for (user, password) in [("alice", "wrong"), ("nobody", PASSWORD), ("bob", PASSWORD)] {
        let mut browser = Browser::default();
        let page = browser.get(&world.door, "/oauth2/sign-in");
        let answer = browser.sign_in(&world.door, &page, user, password);
        assert_eq!(answer.status, 200, "{user}");
        assert_eq!(browser.cookie("session"), None, "{user}");
        let form = super::browser::field(&page, "form");
        let asked = super::browser::field(&page, "asked_at");
        let body = answer.text();
        let body = body.replace(user, "USER").replace(&asked, "AT");
        bodies.push(body.replace(&form, "FORM"));
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(bodies[0], bodies[2]);
}

#[test]
fn r078_guessing_at_the_page_is_slowed_like_guessing_at_the_api() {
    let world = world();
    let mut browser = Browser::default();
    let page = browser.get(&world.door, "/oauth2/sign-in");
    let statuses: Vec<u16> = (0..8)
        .map(|n| {
            browser
                .sign_in(&world.door, &page, "alice", &format!("wrong {n}"))
                .status
        })
        .collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    let basic = world.door.basic("/x", "alice", "another guess");
    assert_eq!(basic.status, 429, "one count for both: {basic:?}");
}

#[test]
fn r082_i19_a_form_of_another_site_or_browser_does_nothing() {
    let world = world();
    let mut victim = Browser::default();
    let page = victim.get(&world.door, "/oauth2/sign-in");
    let mut attacker = Browser::default();
    let planted = attacker.get(&world.door, "/oauth2/sign-in");
    let credentials = format!("&username=alice&password={}", encoded(PASSWORD));
    let foreign = hidden(&planted, &["form", "asked_at", "request"]) + &credentials;
    let own = hidden(&page, &["form", "asked_at", "request"]) + &credentials;
    let ours = format!("Origin: {ISSUER}");
    for (form, origin) in [
        (&foreign, ours.as_str()),
        (&own, "Origin: https://evil.example"),
        (&own, "Origin: null"),
        (&own, "Sec-Fetch-Site: cross-site"),
        (
            &own.replace("request=", "request=client_id%3Dapp"),
            ours.as_str(),
        ),
    ] {
        let answer = victim.send(
            &world.door,
            "/oauth2/sign-in",
            &["--data", form, "-H", origin],
        );
        assert_eq!(answer.status, 403, "{origin} {answer:?}");
        assert_eq!(victim.cookie("session"), None, "{origin}");
    }
    let json = [
        "--data",
        &own,
        "-H",
        &ours,
        "-H",
        "Content-Type: text/plain",
    ];
    assert_eq!(
        victim.send(&world.door, "/oauth2/sign-in", &json).status,
        403
    );
    let answer = victim.send(
        &world.door,
        "/oauth2/sign-in",
        &["--data", &own, "-H", &ours],
    );
    assert_eq!(answer.status, 303, "{answer:?}");
}

#[test]
fn i19_i24_a_consent_page_is_answered_in_its_own_browser_alone() {
    let world = world();
    let mut victim = Browser::default();
    let page = victim.get(&world.door, &format!("/oauth2/authorize?{}", request("")));
    let answer = victim.sign_in(&world.door, &page, "alice", PASSWORD);
    let consent = answer.one("location").to_owned();
    let page = victim.get(&world.door, &consent);
    let mut other = Browser::default();
    let shown = other.get(&world.door, "/oauth2/account");
    other.sign_in(&world.door, &shown, "bob", PASSWORD);
    let seen = other.get(&world.door, &consent);
    assert_eq!(seen.status, 400, "{seen:?}");
    let answer = other.allow(&world.door, &page, &[]);
    assert_eq!(answer.status, 403, "{answer:?}");
    let mut nobody = Browser::default();
    assert_eq!(nobody.get(&world.door, &consent).status, 400);
    let forged = victim.post(
        &world.door,
        "/oauth2/consent",
        "decision=allow&scope=openid",
    );
    assert_eq!(forged.status, 403, "{forged:?}");
    let good = victim.allow(&world.door, &page, &[]);
    assert_eq!(good.status, 303, "{good:?}");
}

#[test]
fn i04_nothing_in_a_request_leads_to_another_place() {
    let world = world();
    let mut browser = Browser::default();
    let evil = "return_to=https%3A%2F%2Fevil.example&next=//evil.example&redirect=//evil.example";
    let page = browser.get(&world.door, &format!("/oauth2/sign-in?{evil}"));
    assert!(!page.text().contains("evil"), "{page:?}");
    let answer = browser.sign_in(&world.door, &page, "alice", PASSWORD);
    assert_eq!(answer.one("location"), "/oauth2/account");
}

#[test]
fn r082_every_page_refuses_frames_and_scripts() {
    let world = world();
    let mut browser = Browser::default();
    world.code(&mut browser);
    for path in ["authorize", "sign-out", "account", "consent", "sign-in"] {
        let answer = browser.get(&world.door, &format!("/oauth2/{path}"));
        let policy = answer.one("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path} {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path} {policy}");
        assert!(!policy.contains("script-src"), "{path} {policy}");
        assert_eq!(answer.one("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.one("cache-control"), "no-store", "{path}");
        assert!(
            answer.all("access-control-allow-origin").is_empty(),
            "{path}"
        );
    }
}

#[test]
fn passwords_are_not_taken_over_plain_http() {
    let world = world();
    let mut curl = crate::curl::command(None);
    curl.args(["-X", "POST", "--data", "username=alice&password=x"]);
    curl.arg(world.door.plain("/oauth2/sign-in"));
    let answer = crate::curl::run(curl).unwrap();
    assert!(answer.status == 400 || answer.status == 403, "{answer:?}");
}
