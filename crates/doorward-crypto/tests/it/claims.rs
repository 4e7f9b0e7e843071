use doorward_crypto::jose::{ClaimPath, Claims, ClaimsError, Value};

use crate::material::{hmac_key, token, verify};

fn claims(payload: &str) -> Result<Claims, ClaimsError> {
    let token = token(r#"{"alg":"HS256"}"#, payload);
    Claims::from_verified(&verify(&token, &hmac_key()).unwrap())
}

#[test]
fn r007_g18_times_of_the_wrong_type_are_refused() {
    for name in ["exp", "nbf", "iat"] {
        for value in [
            r#""1700000000""#,
            "null",
            "true",
            "[1]",
            "{}",
            "-1",
            "-0.5",
            "1e300",
            "253402300800",
        ] {
            let payload = format!(r#"{{"{name}":{value}}}"#);
            assert!(claims(&payload).is_err(), "{payload}");
        }
        let payload = format!(r#"{{"{name}":1e400}}"#);
        assert!(
            matches!(claims(&payload), Err(ClaimsError::Json(_))),
            "{payload}"
        );
    }
}

#[test]
fn r007_times_are_read_to_the_millisecond() {
    let read = claims(r#"{"exp":1700000000.9999,"nbf":1.7e9,"iat":0}"#).unwrap();
    assert_eq!(read.expires_at().unwrap().millis(), 1_700_000_000_999);
    assert_eq!(read.not_before().unwrap().millis(), 1_700_000_000_000);
    assert_eq!(read.issued_at().unwrap().millis(), 0);
    assert_eq!(claims("{}").unwrap().expires_at(), None);
}

#[test]
fn r008_issuer_is_a_string_kept_as_written() {
    assert_eq!(
        claims(r#"{"iss":"https://A.example/"}"#).unwrap().issuer(),
        Some("https://A.example/")
    );
    for bad in ["1", "null", r#"["https://a.example"]"#, "{}"] {
        for name in ["iss", "sub", "jti"] {
            let payload = format!(r#"{{"{name}":{bad}}}"#);
            assert!(
                matches!(claims(&payload), Err(ClaimsError::WrongType(_))),
                "{payload}"
            );
        }
    }
}

#[test]
fn r009_audience_is_matched_whole() {
    let one = claims(r#"{"aud":"https://api.example"}"#).unwrap();
    assert!(one.audience_includes("https://api.example"));
    for near in [
        "https://api.example/",
        "https://api.exampl",
        "HTTPS://api.example",
        "",
        "api",
    ] {
        assert!(!one.audience_includes(near), "{near}");
    }
    let many = claims(r#"{"aud":["a","b"]}"#).unwrap();
    assert!(many.audience_includes("b") && !many.audience_includes("a,b"));
    for none in ["{}", r#"{"aud":[]}"#] {
        assert!(!claims(none).unwrap().audience_includes("a"), "{none}");
    }
    for bad in [
        r#"["a",1]"#,
        r#"[["a"]]"#,
        r#"{"a":1}"#,
        "1",
        "null",
        "true",
    ] {
        assert!(claims(&format!(r#"{{"aud":{bad}}}"#)).is_err(), "{bad}");
    }
}

#[test]
fn r015_duplicate_claims_are_refused() {
    assert!(matches!(
        claims(r#"{"exp":1,"exp":99999999999}"#),
        Err(ClaimsError::Json(_))
    ));
    assert!(matches!(claims(r#"["a"]"#), Err(ClaimsError::Json(_))));
}

#[test]
fn other_claims_are_found_by_path() {
    let read = claims(
        r#"{"realm_access":{"roles":["r"]},"a.b":"trap","a":{"b":"nested"},"https://x.example/roles":"ns","cognito:groups":["g"]}"#,
    )
    .unwrap();
    let at = |path: &str| read.at(&ClaimPath::parse(path).unwrap());
    assert_eq!(
        at("realm_access.roles").unwrap().as_strings(),
        Some(vec!["r"])
    );
    assert_eq!(at("a.b").and_then(Value::as_str), Some("nested"));
    assert_eq!(
        at("https://x.example/roles").and_then(Value::as_str),
        Some("ns")
    );
    assert_eq!(at("cognito:groups").unwrap().as_strings(), Some(vec!["g"]));
    assert_eq!(at("realm_access.roles.r"), None);
    assert_eq!(at("nobody"), None);
    for bad in ["", ".", "a.", ".a", "a..b"] {
        assert!(ClaimPath::parse(bad).is_err(), "{bad:?}");
    }
}
