//! Headers that a caller must not get through, seen by httpbin.

use serde_json::Value;

use crate::door::{Door, Home, ONE_ROUTE};
use crate::peer::httpbin;

fn stand() -> Option<(Door, String)> {
    let home = Home::before(httpbin()?, ONE_ROUTE);
    let key = home.key("orders:read");
    Some((home.serve(), key))
}

/// What httpbin got, with every name folded as a CGI-like server folds it.
fn seen(door: &Door, key: &str, lines: &[String]) -> Vec<(String, String)> {
    let mut args = vec!["-H".to_owned(), format!("X-API-Key: {key}")];
    for line in lines {
        args.extend(["-H".to_owned(), line.clone()]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let got = door.curl("/headers?show_env=1", &args);
    assert_eq!(got.status, 200, "{lines:?} {got:?}");
    let body = got.json();
    let headers = body["headers"].as_object().unwrap();
    let fold = |name: &str| name.to_lowercase().replace(['_', '.'], "-");
    headers
        .iter()
        .map(|(name, value)| (fold(name), value.as_str().unwrap().to_owned()))
        .collect()
}

fn value<'s>(seen: &'s [(String, String)], name: &str) -> Option<&'s str> {
    let found = seen.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// The spellings that some servers read as one name.
fn aliases(name: &str) -> Vec<String> {
    vec![
        name.to_owned(),
        name.to_lowercase(),
        name.to_uppercase(),
        name.replace('-', "_"),
        name.replace('-', "."),
        name.replacen('-', "_", 1),
    ]
}

#[test]
fn g08_g09_r100_spoofed_identity_reaches_no_upstream_in_any_spelling() {
    let Some((door, key)) = stand() else { return };
    for name in [
        "X-Doorward-Subject",
        "X-Doorward-Scopes",
        "X-Doorward-Method",
        "X-Doorward-Anything-New",
        "Doorward-Assertion",
        "X-User",
        "X-Remote-User",
        "Remote-User",
        "X-Auth-Request-Email",
        "X-Consumer-Username",
        "X-Forwarded-User",
        "X-Forwarded-Email",
        "X-SSL-Client-Verify",
        "X-Forwarded-Client-Cert",
        "X-Original-URL",
        "X-WebAuth-User",
        "X-MS-Client-Principal",
        "X-Goog-Authenticated-User-Email",
        "X-Amzn-Oidc-Data",
        "X-Envoy-External-Address",
        "True-Client-IP",
    ] {
        for alias in aliases(name) {
            let got = seen(&door, &key, &[format!("{alias}: SPOOFED")]);
            let spoofed: Vec<_> = got.iter().filter(|(_, v)| v.contains("SPOOFED")).collect();
            assert!(spoofed.is_empty(), "{alias}: {spoofed:?}");
        }
    }
}

#[test]
fn g08_the_upstream_hears_from_us_who_calls() {
    let Some((door, key)) = stand() else { return };
    let got = seen(&door, &key, &["X-Harmless: kept".to_owned()]);
    assert_eq!(value(&got, "x-harmless"), Some("kept"));
    assert_eq!(value(&got, "x-doorward-subject"), Some("test"));
    assert_eq!(value(&got, "x-doorward-method"), Some("api_key"));
    assert_eq!(value(&got, "x-doorward-scopes"), Some("orders:read"));
    assert!(value(&got, "doorward-assertion").is_some());
    // The credential itself stays here.
    for (name, value) in &got {
        assert!(!value.contains(&key), "{name}");
    }
    assert_eq!(value(&got, "x-api-key"), None);
    assert_eq!(value(&got, "authorization"), None);
}

#[test]
fn g07_forwarded_headers_are_ours() {
    let Some((door, key)) = stand() else { return };
    let spoofed = [
        "X-Forwarded-For: 203.0.113.9",
        "X-Forwarded-Proto: gopher",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Prefix: /admin",
        "X-Forwarded-Uri: /admin",
        "X_Forwarded_For: 203.0.113.9",
        "Forwarded: for=203.0.113.9;proto=gopher",
        "X-Real-IP: 203.0.113.9",
    ];
    let got = seen(&door, &key, &spoofed.map(str::to_owned));
    for (name, value) in &got {
        let spoofed = ["203.0.113.9", "gopher", "evil.example", "/admin"];
        assert!(
            !spoofed.iter().any(|s| value.contains(s)),
            "{name}: {value}"
        );
    }
    assert_eq!(value(&got, "x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(value(&got, "x-forwarded-proto"), Some("https"));
    let host = format!("localhost:{}", door.port("main"));
    assert_eq!(value(&got, "x-forwarded-host"), Some(host.as_str()));
    assert_eq!(value(&got, "forwarded"), None);
    assert_eq!(value(&got, "x-real-ip"), None);
}

#[test]
fn g08_a_public_route_strips_too() {
    let Some(port) = httpbin() else { return };
    let route = "[[route]]\npath = \"/headers\"\npublic = true\n";
    let door = Home::before(port, route).serve();
    let args = ["-H", "X-Doorward-Subject: admin", "-H", "X_User: admin"];
    let body: Value = door.curl("/headers", &args).json();
    assert!(!body.to_string().contains("admin"), "{body}");
}

#[test]
fn k10_an_address_list_reads_only_the_socket() {
    let Some(port) = httpbin() else { return };
    let home = Home::before(port, ONE_ROUTE);
    let bound = |cidr: &str| {
        home.key_with(&["--name", "k", "--scope", "orders:read", "--cidr", cidr])
            .0
    };
    let (far, near, mapped) = (
        bound("203.0.113.0/24"),
        bound("127.0.0.0/8"),
        bound("::ffff:127.0.0.0/104"),
    );
    let door = home.serve();
    let near_header = format!("X-API-Key: {near}");
    assert_eq!(door.curl("/get", &["-H", &near_header]).status, 200);
    let mapped_header = format!("X-API-Key: {mapped}");
    assert_eq!(door.curl("/get", &["-H", &mapped_header]).status, 200);
    let far_header = format!("X-API-Key: {far}");
    for spoof in [
        "X-Forwarded-For: 203.0.113.7",
        "Forwarded: for=203.0.113.7",
        "X-Real-IP: 203.0.113.7",
        "X-Harmless: 1",
    ] {
        let got = door.curl("/get", &["-H", &far_header, "-H", spoof]);
        assert_eq!(got.status, 401, "{spoof} {got:?}");
        let record = door.decision(&got.decision_id());
        assert_eq!(record["reason"], "key_address", "{record}");
        assert_eq!(record["client"], "127.0.0.1", "{record}");
    }
}

#[test]
fn a_credential_over_plain_http_is_refused_and_marked_as_exposed() {
    let Some(port) = httpbin() else { return };
    let open = "[listener.open]\naddress = \"0.0.0.0:0\"\ntls = \"off\"\n";
    let home = Home::before(port, &format!("{open}{ONE_ROUTE}"));
    let (key, id) = home.key_with(&["--name", "k", "--scope", "orders:read"]);
    let door = home.serve();
    let address = format!("http://127.0.0.1:{}/get", door.port("open"));
    let mut curl = crate::curl::command(None);
    curl.args(["-H", &format!("X-API-Key: {key}"), &address]);
    let got = crate::curl::run(curl).unwrap();
    assert_eq!(got.status, 400, "{got:?}");
    assert_eq!(got.json()["code"], "https_required");
    crate::door::eventually("the key is marked as exposed", || {
        door.json(&["key", "show", &id])["exposed_at"].is_string()
    });
    // On a loopback listener it may come without TLS.
    let mut curl = crate::curl::command(None);
    curl.args(["-H", &format!("X-API-Key: {key}"), &door.plain("/get")]);
    assert_eq!(crate::curl::run(curl).unwrap().status, 200);
}
