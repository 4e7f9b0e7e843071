//! Tokens that lie, signed by PyJWT or by hand.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::door::{Door, Home, ONE_ROUTE};
use crate::mint::{Draft, jwk, jwks, now, pem};
use crate::peer::{Recorder, httpbin, python};

const PARTNER: &str = "https://partner.example";
const OTHER: &str = "https://other.example";

const ISSUERS: &str = r#"
[trusted_issuer.partner]
issuer = "https://partner.example"
audience = ["https://api.example"]
jwks_file = "keys.json"
[trusted_issuer.other]
issuer = "https://other.example"
audience = ["https://api.example"]
jwks_file = "keys.json"
[[route]]
path = "/anything/partner"
accept = ["jwt:partner"]
scopes = []
[[route]]
path = "/anything/write"
accept = ["jwt"]
scopes = ["orders:write"]
"#;

fn stand_with(keys: &str) -> Option<Door> {
    python()?;
    let home = Home::before(httpbin()?, &format!("{ISSUERS}{ONE_ROUTE}"));
    home.write("keys.json", keys);
    let door = home.serve();
    // The set is read in the background.
    crate::door::eventually("the keys are read", || {
        let unknown = Draft::new(PARTNER, "ES256").sign();
        door.bearer("/get", &unknown).status != 503
    });
    Some(door)
}

fn stand() -> Option<Door> {
    python()?;
    stand_with(&jwks(&["RS256", "PS256", "ES256", "ES384", "EdDSA"]))
}

fn draft(alg: &'static str) -> Draft {
    Draft::new(PARTNER, alg)
}

/// The token must be refused with 401, and the upstream must not hear of it.
fn refused(door: &Door, what: &str, token: &str) -> String {
    let got = door.bearer("/get", token);
    assert_eq!(got.status, 401, "{what}: {got:?}");
    let challenge = &got.all("www-authenticate")[0];
    assert!(
        challenge.starts_with("Bearer realm="),
        "{what}: {challenge}"
    );
    let record = door.decision(&got.decision_id());
    assert_eq!(record["outcome"], "refused");
    record["reason"].as_str().unwrap().to_owned()
}

fn encode(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

#[test]
fn every_algorithm_that_is_accepted_works() {
    let Some(door) = stand() else { return };
    for alg in ["RS256", "PS256", "ES256", "ES384", "EdDSA"] {
        let got = door.bearer("/get", &draft(alg).sign());
        assert_eq!(got.status, 200, "{alg} {got:?}");
    }
}

#[test]
fn r001_g17_a_token_without_a_signature_is_refused() {
    let Some(door) = stand() else { return };
    let good = draft("RS256").sign();
    let mut parts = good.split('.');
    let (head, payload, signature) = (
        parts.next().unwrap(),
        parts.next().unwrap(),
        parts.next().unwrap(),
    );
    for alg in ["none", "None", "NONE", "nOnE", "", " none"] {
        for kid in [true, false] {
            let mut header = json!({ "alg": alg, "typ": "at+jwt" });
            if kid {
                header["kid"] = "good-RS256".into();
            }
            let none = encode(header.to_string());
            refused(&door, alg, &format!("{none}.{payload}."));
            refused(&door, alg, &format!("{none}.{payload}.{signature}"));
        }
    }
    refused(&door, "no signature", &format!("{head}.{payload}."));
    let no_alg = encode(r#"{"typ":"at+jwt"}"#);
    refused(&door, "no alg", &format!("{no_alg}.{payload}.{signature}"));
}

#[test]
fn r002_g17_a_public_key_is_no_secret() {
    let Some(door) = stand() else { return };
    let text = pem("good", "RS256");
    let der: String = text.lines().filter(|l| !l.starts_with('-')).collect();
    let modulus = jwk("good", "RS256")["n"].as_str().unwrap().to_owned();
    let secrets: [Vec<u8>; 7] = [
        text.clone().into_bytes(),
        text.trim_end().as_bytes().to_vec(),
        STANDARD.decode(&der).unwrap(),
        der.into_bytes(),
        modulus.clone().into_bytes(),
        URL_SAFE_NO_PAD.decode(&modulus).unwrap(),
        Vec::new(),
    ];
    for secret in secrets {
        for kid in [json!("good-RS256"), Value::Null] {
            let token = draft("HS256").header("kid", kid).sign_hmac(&secret);
            let reason = refused(&door, "HS256", &token);
            assert_eq!(reason, "jwt_algorithm");
        }
    }
}

#[test]
fn r003_a_key_is_used_for_what_it_is_for_only() {
    if python().is_none() {
        return;
    }
    let mut enc = jwk("good", "RS256");
    enc["use"] = "enc".into();
    let mut ops = jwk("good", "ES256");
    ops["key_ops"] = json!(["deriveBits"]);
    let mut pinned = jwk("good", "PS256");
    pinned["alg"] = "RS256".into();
    let secret = json!({ "kty": "oct", "kid": "oct", "k": encode([7_u8; 32]), "alg": "HS256" });
    let keys = json!({ "keys": [enc, ops, pinned, secret, jwk("good", "ES384")] });
    let Some(door) = stand_with(&keys.to_string()) else {
        return;
    };
    assert_eq!(door.bearer("/get", &draft("ES384").sign()).status, 200);
    refused(&door, "use=enc", &draft("RS256").sign());
    refused(&door, "key_ops", &draft("ES256").sign());
    refused(&door, "alg of the key", &draft("PS256").sign());
    let hmac = draft("HS256").header("kid", "oct").sign_hmac(&[7; 32]);
    refused(&door, "oct", &hmac);
    let crossed = draft("ES256").header("kid", "good-ES384").sign();
    refused(&door, "crv", &crossed);
    let crossed = draft("RS256").header("kid", "good-ES384").sign();
    refused(&door, "kty", &crossed);
}

#[test]
fn r004_g20_a_token_does_not_say_where_its_key_is() {
    let Some(door) = stand() else { return };
    let listener = Recorder::start();
    let address = format!("http://127.0.0.1:{}/keys.json", listener.port);
    let own = jwk("thief", "RS256");
    for kid in [
        "good-RS256",
        "thief-RS256",
        "../../../../dev/null",
        "' OR 1=1 --",
    ] {
        let base = draft("RS256").key("thief").header("kid", kid);
        for (name, value) in [
            ("jwk", own.clone()),
            ("jku", json!(address)),
            ("x5u", json!(address)),
            ("x5c", json!([STANDARD.encode("certificate")])),
        ] {
            refused(&door, name, &base.clone().header(name, value).sign());
        }
    }
    // Beside a good signature they are ignored, or refused; never followed.
    for name in ["jku", "x5u"] {
        let token = draft("RS256").header(name, json!(address)).sign();
        let got = door.bearer("/get", &token);
        assert!(matches!(got.status, 200 | 401), "{name} {got:?}");
    }
    assert!(listener.heads().is_empty(), "{:?}", listener.heads());
}

#[test]
fn r006_critical_extensions_are_refused() {
    let Some(door) = stand() else { return };
    for crit in [
        json!(["unknown"]),
        json!([]),
        json!(["alg"]),
        json!(["exp"]),
        json!(["absent"]),
        json!("b64"),
        json!([1]),
    ] {
        let token = draft("ES256")
            .header("crit", crit.clone())
            .header("unknown", 1)
            .sign();
        refused(&door, &format!("crit {crit}"), &token);
    }
}

#[test]
fn r007_g18_times_of_the_wrong_kind_are_refused() {
    let Some(door) = stand() else { return };
    let now = now();
    for (name, value) in [
        ("exp", json!(null)),
        ("exp", json!((now + 600).to_string())),
        ("exp", json!([now + 600])),
        ("exp", json!({ "t": now + 600 })),
        ("exp", json!(true)),
        ("exp", json!(-1)),
        ("exp", json!(0)),
        ("exp", json!(now - 61)),
        ("nbf", json!(now + 120)),
        ("nbf", json!(now.to_string())),
        ("nbf", json!([])),
        ("iat", json!(now + 120)),
        ("iat", json!(now.to_string())),
    ] {
        let token = draft("ES256").claim(name, value.clone()).sign();
        refused(&door, &format!("{name} {value}"), &token);
    }
    for raw in [
        "1e400",
        "1e999999999",
        "-1e400",
        "NaN",
        "Infinity",
        "\"1e400\"",
    ] {
        let claims = draft("ES256").claims.to_string();
        let exp = draft("ES256").claims["exp"].to_string();
        let text = claims.replace(&exp, raw);
        let token = draft("ES256").sign_text(&text);
        refused(&door, raw, &token);
    }
}

#[test]
fn r008_the_issuer_is_compared_exactly() {
    let Some(door) = stand() else { return };
    for iss in [
        json!("https://partner.example/"),
        json!("https://Partner.example"),
        json!("HTTPS://partner.example"),
        json!("https://partner.example.evil"),
        json!("https://partner.exampl"),
        json!(" https://partner.example"),
        json!(["https://partner.example"]),
        json!({ "iss": "https://partner.example" }),
        json!(1),
        json!(""),
        json!(null),
    ] {
        let token = draft("ES256").claim("iss", iss.clone()).sign();
        refused(&door, &iss.to_string(), &token);
    }
}

#[test]
fn r009_the_audience_is_compared_exactly() {
    let Some(door) = stand() else { return };
    for aud in [
        json!(null),
        json!("https://api.example/"),
        json!("https://API.example"),
        json!("https://api.exampl"),
        json!("https://api.example.evil"),
        json!([]),
        json!(["https://other.example"]),
        json!(["https://api.example", 1]),
        json!({ "https://api.example": 1 }),
        json!(""),
        json!("https://api.example https://other.example"),
    ] {
        let token = draft("ES256").claim("aud", aud.clone()).sign();
        refused(&door, &aud.to_string(), &token);
    }
    let aud = json!(["https://other.example", "https://api.example"]);
    let token = draft("ES256").claim("aud", aud).sign();
    assert_eq!(door.bearer("/get", &token).status, 200);
}

#[test]
fn r010_other_kinds_of_tokens_are_no_access_tokens() {
    let Some(door) = stand() else { return };
    for typ in [
        "dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "id_token+jwt",
        "client-authentication+jwt",
        "doorward-assertion+jwt",
        "JWE",
    ] {
        let token = draft("ES256").header("typ", typ).sign();
        assert_eq!(refused(&door, typ, &token), "jwt_type", "{typ}");
    }
    let untyped = draft("ES256").header("typ", "JWT");
    assert_eq!(door.bearer("/get", &untyped.sign()).status, 200);
    for (name, value) in [
        ("nonce", json!("n")),
        ("at_hash", json!("h")),
        ("events", json!({ "e": {} })),
        ("htm", json!("GET")),
        ("htu", json!("https://api.example/")),
        ("token_use", json!("id")),
    ] {
        let token = untyped.clone().claim(name, value).sign();
        assert_eq!(refused(&door, name, &token), "jwt_kind", "{name}");
    }
    let bound = draft("ES256").claim("cnf", json!({ "jkt": "x" })).sign();
    assert_eq!(refused(&door, "cnf", &bound), "jwt_bound");
}

#[test]
fn r010_an_assertion_for_an_upstream_opens_no_door() {
    let Some(port) = httpbin() else { return };
    let home = Home::before(port, ONE_ROUTE);
    let key = home.key("orders:read");
    let door = home.serve();
    let got = door.curl("/headers", &["-H", &format!("X-API-Key: {key}")]);
    let body = got.json();
    let headers = body["headers"].as_object().unwrap();
    let (_, assertion) = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("doorward-assertion"))
        .unwrap();
    let refused = door.bearer("/get", assertion.as_str().unwrap());
    assert_eq!(refused.status, 401, "{refused:?}");
}

#[test]
fn r011_one_key_and_two_issuers_are_two_callers() {
    let Some(door) = stand() else { return };
    let of_other = Draft::new(OTHER, "ES256").sign();
    assert_eq!(door.bearer("/get", &of_other).status, 200);
    let got = door.bearer("/anything/partner", &of_other);
    assert_eq!(got.status, 401, "{got:?}");
    let of_partner = draft("ES256").sign();
    assert_eq!(door.bearer("/anything/partner", &of_partner).status, 200);
}

#[test]
fn r014_a_token_has_one_spelling() {
    let Some(door) = stand() else { return };
    let good = draft("ES256").sign();
    assert_eq!(door.bearer("/get", &good).status, 200);
    let parts: Vec<&str> = good.split('.').collect();
    let padded = |n: usize| {
        let mut parts = parts.clone();
        let longer = format!("{}=", parts[n]);
        parts[n] = &longer;
        parts.join(".")
    };
    for n in 0..3 {
        refused(&door, "padding", &padded(n));
    }
    let standard = good.replace('-', "+").replace('_', "/");
    if standard != good {
        refused(&door, "the other alphabet", &standard);
    }
    // 64 bytes leave four bits over in the last letter: they must be zero.
    let last = good.chars().last().unwrap();
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        if other != last {
            let changed = format!("{}{other}", &good[..good.len() - 1]);
            assert_eq!(door.bearer("/get", &changed).status, 401, "{other}");
        }
    }
    for changed in [
        format!("{good}."),
        format!(".{good}"),
        format!("{good}\t"),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}.{}", parts[2]),
    ] {
        let status = door.bearer("/get", &changed).status;
        // curl and HTTP take blanks off the end of a value.
        let trimmed = changed.ends_with('\t') && status == 200;
        assert!(status == 401 || trimmed, "{changed:?} {status}");
    }
}

#[test]
fn r015_members_come_once() {
    let Some(door) = stand() else { return };
    let claims = draft("ES256").claims.to_string();
    for twice in [
        r#""sub":"partner","sub":"boss""#,
        r#""sub":"partner","\u0073ub":"boss""#,
        r#""sub":"partner","x":{"a":1,"a":2}"#,
    ] {
        let text = claims.replace(r#""sub":"partner""#, twice);
        assert_ne!(text, claims);
        let token = draft("ES256").sign_text(&text);
        refused(&door, twice, &token);
    }
}

#[test]
fn r016_huge_tokens_cost_nothing() {
    let Some(door) = stand() else { return };
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let claims = draft("ES256").claims.to_string();
    let text = claims.replace(
        r#""sub":"partner""#,
        &format!(r#""sub":"partner","x":{deep}"#),
    );
    let token = draft("ES256").sign_text(&text);
    refused(&door, "deep", &token);
    let pbes =
        encode(r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483648,"p2s":"AA"}"#);
    refused(&door, "PBES2", &format!("{pbes}.AA.AA.AA.AA"));
    let before = door.memory_kib();
    let huge = "a".repeat(100_000);
    for _ in 0..10 {
        let file = door.path("header.txt");
        std::fs::write(&file, format!("Authorization: Bearer {huge}.{huge}.{huge}")).unwrap();
        let sent = door.try_curl("/get", &["-H", &format!("@{}", file.display())]);
        let status = sent.map_or(0, |answer| answer.status);
        assert!(matches!(status, 0 | 400..=499), "{status}");
    }
    let grown = door.memory_kib().saturating_sub(before);
    assert!(grown < 16 * 1024, "memory grew by {grown} KiB");
}

#[test]
fn g27_a_remembered_token_is_judged_by_every_rule_anew() {
    let Some(door) = stand() else { return };
    let token = draft("ES256").sign();
    for _ in 0..3 {
        assert_eq!(door.bearer("/get", &token).status, 200);
        assert_eq!(door.bearer("/anything/write", &token).status, 403);
    }
    let other = Draft::new(OTHER, "ES256").sign();
    for _ in 0..3 {
        assert_eq!(door.bearer("/get", &other).status, 200);
        assert_eq!(door.bearer("/anything/partner", &other).status, 401);
    }
}

#[test]
fn r099_scopes_are_whole_words() {
    let Some(door) = stand() else { return };
    for (scope, status) in [
        ("orders:read", 200),
        ("x orders:read y", 200),
        ("Orders:read", 403),
        ("orders:readonly", 403),
        ("orders", 403),
        ("orders:*", 403),
        ("*", 403),
        ("", 403),
        ("orders:rea orders:d", 403),
        ("orders:read,orders:write", 403),
    ] {
        let token = draft("ES256").claim("scope", scope).sign();
        assert_eq!(door.bearer("/get", &token).status, status, "{scope:?}");
    }
}
