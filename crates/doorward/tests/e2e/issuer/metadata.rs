//! What is listed works, and what works is listed.

use super::{ROUTES, add, refused, token};
use crate::door::{BASE, Door, Home};
use crate::peer::Recorder;

const WELL_KNOWN: [&str; 2] = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
];

fn serve(base: &str) -> (Recorder, Door) {
    let upstream = Recorder::start();
    let base = base.replace("{upstream}", &upstream.port.to_string());
    let home = Home::new(&format!("{base}{ROUTES}"));
    (upstream, home.serve())
}

#[test]
fn r058_both_documents_agree_and_every_listed_thing_works() {
    let (_upstream, door) = serve(BASE);
    let client = add(&door, "reporting", &["--scope", "orders:read"]);
    let post = add(
        &door,
        "poster",
        &["--secret-post", "--scope", "orders:read"],
    );
    let document = door.curl(WELL_KNOWN[0], &[]);
    assert_eq!(document.status, 200);
    assert_eq!(document.one("content-type"), "application/json");
    assert_eq!(document.body, door.curl(WELL_KNOWN[1], &[]).body);
    let said = document.json();
    assert_eq!(said["issuer"], "https://door.example");
    assert_eq!(said["token_endpoint"], "https://door.example/oauth2/token");
    assert_eq!(
        said["jwks_uri"],
        "https://door.example/.well-known/jwks.json"
    );
    for grant in said["grant_types_supported"].as_array().unwrap() {
        let form = format!("grant_type={}", grant.as_str().unwrap());
        let answer = super::post(&door, &form, &["-u", &client.pair()]);
        assert_ne!(answer.json()["error"], "unsupported_grant_type", "{grant}");
    }
    token(&door, &client, "");
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        post.id, post.secret
    );
    assert_eq!(super::post(&door, &form, &[]).status, 200);
    let methods = said["token_endpoint_auth_methods_supported"].to_string();
    assert_eq!(
        methods,
        "[\"client_secret_basic\",\"client_secret_post\",\"none\"]"
    );
    let scopes = said["scopes_supported"].to_string();
    assert_eq!(
        scopes,
        "[\"openid\",\"orders:read\",\"orders:write\",\"people:read\"]"
    );
}

#[test]
fn r044_what_is_not_built_is_neither_listed_nor_works() {
    let (_upstream, door) = serve(BASE);
    let client = add(&door, "reporting", &["--scope", "orders:read"]);
    let said = door.curl(WELL_KNOWN[0], &[]).json();
    for absent in [
        "password",
        "implicit",
        "",
        "client_credential",
        "CLIENT_CREDENTIALS",
    ] {
        let listed = said["grant_types_supported"].as_array().unwrap();
        assert!(!listed.iter().any(|grant| grant == absent));
        let form = format!("grant_type={absent}");
        let answer = super::post(&door, &form, &["-u", &client.pair()]);
        let error = if absent.is_empty() {
            "invalid_request"
        } else {
            "unsupported_grant_type"
        };
        refused(&answer, 400, error);
    }
}

#[test]
fn i18_the_issuer_is_never_taken_from_the_request() {
    let (_upstream, door) = serve(BASE);
    let plain = door.curl(WELL_KNOWN[0], &[]).body;
    for header in [
        "Host: evil.example",
        "X-Forwarded-Host: evil.example",
        "Forwarded: host=evil.example",
    ] {
        let answer = door.curl(WELL_KNOWN[0], &["-H", header]);
        assert!(!answer.text().contains("evil.example"), "{answer:?}");
        assert!(answer.status != 200 || answer.body == plain, "{answer:?}");
    }
}

#[test]
fn r058_an_issuer_with_a_path_answers_at_every_place_that_clients_try() {
    let base = BASE.replace("https://door.example", "https://door.example/t/1");
    let (_upstream, door) = serve(&base);
    for path in [
        "/.well-known/oauth-authorization-server/t/1",
        "/.well-known/openid-configuration/t/1",
        "/t/1/.well-known/openid-configuration",
        "/t/1/.well-known/oauth-authorization-server",
    ] {
        let answer = door.curl(path, &[]);
        assert_eq!(answer.status, 200, "{path} {answer:?}");
        assert_eq!(answer.json()["issuer"], "https://door.example/t/1");
    }
    // Clients go on to the next place after 404, and give up after anything else.
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/t/2",
        "/.well-known/oauth-authorization-server/t/1/2",
    ] {
        assert_eq!(door.curl(path, &[]).status, 404, "{path}");
    }
    let client = add(&door, "reporting", &["--scope", "orders:read"]);
    let args = [
        "-u",
        &client.pair(),
        "--data",
        "grant_type=client_credentials",
    ];
    assert_eq!(door.curl("/t/1/oauth2/token", &args).status, 200);
    let elsewhere = door.curl("/oauth2/token", &args);
    assert_ne!(elsewhere.status, 200, "{elsewhere:?}");
    assert!(!elsewhere.text().contains("access_token"));
}

#[test]
fn scripts_of_any_origin_may_read_documents_and_ask_for_tokens() {
    let (_upstream, door) = serve(BASE);
    let origin = "Origin: https://app.example";
    for path in [
        WELL_KNOWN[0],
        "/oauth2/token",
        "/.well-known/openid-configuration/none",
    ] {
        let answer = door.curl(path, &["-H", origin]);
        assert_eq!(answer.one("access-control-allow-origin"), "*", "{path}");
        assert!(answer.all("access-control-allow-credentials").is_empty());
    }
    let asks = [
        "-X",
        "OPTIONS",
        "-H",
        origin,
        "-H",
        "Access-Control-Request-Method: POST",
        "-H",
        "Access-Control-Request-Headers: authorization,content-type,mcp-protocol-version",
    ];
    let preflight = door.curl("/oauth2/token", &asks);
    assert_eq!(preflight.status, 204, "{preflight:?}");
    let allowed = preflight.one("access-control-allow-headers").to_lowercase();
    for name in [
        "authorization",
        "content-type",
        "mcp-protocol-version",
        "dpop",
    ] {
        assert!(allowed.contains(name), "{allowed}");
    }
}

#[test]
fn an_operator_can_turn_the_endpoints_off() {
    let off = BASE.replace("[issuer]", "[issuer]\nendpoints = false");
    let (upstream, door) = serve(&off);
    drop(upstream);
    assert_eq!(
        door.curl(WELL_KNOWN[0], &[]).status,
        401,
        "it is the API's path"
    );
    assert_eq!(door.curl("/.well-known/jwks.json", &[]).status, 200);
}
