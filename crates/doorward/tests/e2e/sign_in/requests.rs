//! Requests for authorization: what is refused, and who hears it.

use super::browser::Browser;
use super::{CALLBACK, CHALLENGE, ISSUER, PASSWORD, World, encoded, parameter, request, world};
use crate::curl::Answer;

fn ask(world: &World, query: &str) -> Answer {
    Browser::default().get(&world.door, &format!("/oauth2/authorize?{query}"))
}

fn replaced(name: &str, with: &str) -> String {
    let query = request("");
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((key, _)) if key == name => with.to_owned(),
        _ => pair.to_owned(),
    });
    pairs
        .filter(|pair| !pair.is_empty())
        .collect::<Vec<_>>()
        .join("&")
}

#[test]
fn r038_i01_an_address_that_is_not_registered_gets_a_page_and_no_redirect() {
    let world = world();
    for uri in [
        "https://shop.example/callback",
        "https://shop.example/callback?from=door&x=1",
        "https://shop.example/callback?from=door#x",
        "https://shop.example/Callback?from=door",
        "https://SHOP.example/callback?from=door",
        "https://shop.example:443/callback?from=door",
        "https://shop.example/callback/..;/?from=door",
        "https://shop.example/a/../callback?from=door",
        "https://shop.example@evil.example/callback?from=door",
        "https://a@shop.example/callback?from=door",
        "https://shop.example.evil.example/callback?from=door",
        "http://shop.example/callback?from=door",
        "//shop.example/callback?from=door",
        "javascript:alert(1)//shop.example/callback?from=door",
        "data:text/html,x",
        "http://localhost/callback?from=door",
        "http://127.0.0.1/cb",
    ] {
        let query = replaced("redirect_uri", &format!("redirect_uri={}", encoded(uri)));
        let answer = ask(&world, &query);
        assert_eq!(answer.status, 400, "{uri}");
        assert!(answer.all("location").is_empty(), "r048 {uri}");
        assert!(answer.text().contains("invalid_request"), "{uri}");
        assert!(!answer.text().contains("evil"), "i26 {uri}");
    }
    for (query, code) in [
        (replaced("client_id", ""), "unauthorized_client"),
        (
            replaced("client_id", "client_id=unknown"),
            "unauthorized_client",
        ),
        (
            replaced("client_id", "client_id=%3Cscript%3E"),
            "unauthorized_client",
        ),
        (request("&client_id=app"), "invalid_request"),
        (request("&state=2"), "invalid_request"),
        (request("&x=%ff"), "invalid_request"),
    ] {
        let answer = ask(&world, &query);
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.all("location").is_empty(), "{query}");
        assert!(answer.text().contains(code), "{query} {answer:?}");
    }
}

#[test]
fn r038_the_port_of_a_native_app_may_differ_and_nothing_else() {
    let world = world();
    let at = |uri: &str| {
        let query = format!(
            "response_type=code&client_id=app&redirect_uri={}&scope=orders:read\
             &code_challenge={CHALLENGE}&code_challenge_method=S256",
            encoded(uri)
        );
        ask(&world, &query).status
    };
    for good in ["http://127.0.0.1/cb", "http://127.0.0.1:50123/cb"] {
        assert_eq!(at(good), 200, "{good}");
    }
    for bad in [
        "http://127.0.0.1:50123/cb2",
        "http://127.0.0.1:50123/cb?x",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:1@evil.example/cb",
        "http://localhost:50123/cb",
        "http://127.0.0.2/cb",
        "https://127.0.0.1:50123/cb",
    ] {
        assert_eq!(at(bad), 400, "{bad}");
    }
}

#[test]
fn r044_r045_what_the_client_did_wrong_it_hears_with_state_and_iss() {
    let world = world();
    for (query, error) in [
        (replaced("response_type", ""), "invalid_request"),
        (
            replaced("response_type", "response_type=token"),
            "unsupported_response_type",
        ),
        (
            replaced("response_type", "response_type=id_token%20token"),
            "unsupported_response_type",
        ),
        (
            replaced("response_type", "response_type=code%20id_token"),
            "unsupported_response_type",
        ),
        (replaced("code_challenge", ""), "invalid_request"),
        (
            replaced("code_challenge", "code_challenge=abc"),
            "invalid_request",
        ),
        (replaced("code_challenge_method", ""), "invalid_request"),
        (
            replaced("code_challenge_method", "code_challenge_method=plain"),
            "invalid_request",
        ),
        (replaced("scope", "scope=openid%20admin"), "invalid_scope"),
        (replaced("scope", "scope=%22"), "invalid_scope"),
        (
            request("&resource=https%3A%2F%2Fother.example"),
            "invalid_target",
        ),
        (request("&prompt=none%20login"), "invalid_request"),
        (request("&prompt=dance"), "invalid_request"),
        (request("&max_age=-1"), "invalid_request"),
        (request("&response_mode=fragment"), "invalid_request"),
        (request("&request=e30.e30."), "request_not_supported"),
        (
            request("&request_uri=https%3A%2F%2Fevil.example"),
            "request_uri_not_supported",
        ),
        (request("&prompt=none"), "login_required"),
    ] {
        let answer = ask(&world, &query);
        assert_eq!(answer.status, 303, "{query} {answer:?}");
        let location = answer.one("location");
        assert!(location.starts_with(CALLBACK), "{location}");
        assert_eq!(
            parameter(location, "error").as_deref(),
            Some(error),
            "{query}"
        );
        assert_eq!(
            parameter(location, "state").as_deref(),
            Some("s%26t"),
            "{query}"
        );
        assert_eq!(parameter(location, "iss"), Some(encoded(ISSUER)), "{query}");
        assert_eq!(parameter(location, "code"), None, "{query}");
    }
}

#[test]
fn r047_a_state_of_two_kilobytes_comes_back_byte_for_byte() {
    let world = world();
    let state = encoded(&"a\u{e9}\u{1f600}&= +%".repeat(180));
    let answer = ask(
        &world,
        &(replaced("state", &format!("state={state}")) + "&prompt=none"),
    );
    assert_eq!(parameter(answer.one("location"), "state"), Some(state));
}

#[test]
fn r071_prompt_and_max_age_are_obeyed() {
    let world = world();
    let mut browser = Browser::default();
    world.allowed(&mut browser, &request(""));
    let mut ask =
        |more: &str| browser.get(&world.door, &format!("/oauth2/authorize?{}", request(more)));
    for quiet in [
        "",
        "&prompt=none",
        "&max_age=3600",
        "&prompt=none&max_age=3600",
    ] {
        let answer = ask(quiet);
        assert_eq!(answer.status, 303, "{quiet} {answer:?}");
        assert!(
            parameter(answer.one("location"), "code").is_some(),
            "{quiet}"
        );
    }
    assert!(ask("&prompt=login").text().contains("type=\"password\""));
    assert!(ask("&max_age=0").text().contains("type=\"password\""));
    let answer = ask("&prompt=none&max_age=0");
    assert_eq!(
        parameter(answer.one("location"), "error").as_deref(),
        Some("login_required")
    );
    let answer = ask("&prompt=consent");
    assert!(
        answer.one("location").starts_with("/oauth2/consent?id="),
        "{answer:?}"
    );
    // {"sub":"bob"}
    let hint = "&prompt=none&id_token_hint=e30.eyJzdWIiOiJib2IifQ.x";
    let answer = ask(hint);
    let error = parameter(answer.one("location"), "error");
    assert_eq!(error.as_deref(), Some("login_required"), "r072");
    let page = ask("&prompt=login");
    let answer = browser.sign_in(&world.door, &page, "alice", PASSWORD);
    let code = parameter(answer.one("location"), "code");
    assert!(code.is_some(), "signing in for it is enough: {answer:?}");
}

#[test]
fn r071_prompt_none_never_asks_for_consent() {
    let world = world();
    let mut browser = Browser::default();
    let page = browser.get(&world.door, "/oauth2/account");
    let answer = browser.sign_in(&world.door, &page, "alice", PASSWORD);
    assert_eq!(answer.one("location"), "/oauth2/account");
    let answer = browser.get(
        &world.door,
        &format!("/oauth2/authorize?{}", request("&prompt=none")),
    );
    let error = parameter(answer.one("location"), "error");
    assert_eq!(error.as_deref(), Some("consent_required"));
}

#[test]
fn i34_the_form_answer_says_the_same_as_the_query() {
    let world = world();
    let answer = ask(&world, &request("&prompt=none&response_mode=form_post"));
    assert_eq!(answer.status, 200, "{answer:?}");
    let html = answer.text();
    for part in [
        "method=\"post\" action=\"https://shop.example/callback?from=door\"",
        "name=\"error\" value=\"login_required\"",
        "name=\"state\" value=\"s&#38;t\"",
        "name=\"iss\" value=\"https://door.example\"",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
    let policy = answer.one("content-security-policy");
    assert!(
        policy.contains("form-action https://shop.example"),
        "{policy}"
    );
    assert!(
        policy.contains("script-src 'self'") && !policy.contains("unsafe"),
        "{policy}"
    );
}

#[test]
fn r058_the_metadata_says_what_works() {
    let world = world();
    let metadata = world
        .door
        .curl("/.well-known/openid-configuration", &[])
        .json();
    for (name, value) in [
        (
            "authorization_endpoint",
            serde_json::json!("https://door.example/oauth2/authorize"),
        ),
        ("response_types_supported", serde_json::json!(["code"])),
        (
            "code_challenge_methods_supported",
            serde_json::json!(["S256"]),
        ),
        (
            "authorization_response_iss_parameter_supported",
            serde_json::json!(true),
        ),
        (
            "response_modes_supported",
            serde_json::json!(["query", "form_post"]),
        ),
    ] {
        assert_eq!(metadata[name], value, "{name}");
    }
    let grants = metadata["grant_types_supported"].to_string();
    assert!(
        grants.contains("\"authorization_code\"") && !grants.contains("implicit"),
        "{grants}"
    );
}
