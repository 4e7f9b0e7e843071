//! What tokens must say.

use std::time::Duration;

use doorward_core::gate::{Authenticator, Verdict};
use doorward_core::rejection::Misplaced;
use doorward_store::{IssuerRecord, KeySource, RevokedToken};
use serde_json::json;

use super::{AUDIENCE, Bench, ISSUER, bearer, claims, forge, record, with};
use crate::jwt::{IssuerConfig, LocalKeys, TokenCache};
use crate::testing::{START, head};

#[tokio::test]
async fn a_good_token_is_verified_and_remembered() {
    let bench = Bench::new().await;
    let token = bench.token(&claims());
    for _ in 0..2 {
        let verified = bench.verify(&token).await.unwrap().unwrap();
        let identity = verified.identity();
        assert_eq!(&*identity.subject, "alice");
        assert_eq!(identity.credential_id.as_str(), "t1");
        assert_eq!(
            identity.grants.scopes.to_string(),
            "orders:read orders:write"
        );
        assert_eq!(identity.grants.roles, ["clerk".into()]);
        assert_eq!(identity.grants.issuer.as_deref(), Some(ISSUER));
    }
    assert_eq!(bench.cache.len(), 1);
    assert!(bench.web.fetched().is_empty());
}

#[tokio::test]
async fn r001_r002_g17_algorithms_are_the_issuers_choice_not_the_tokens() {
    let bench = Bench::new().await;
    let payload = claims().to_string();
    let good = bench.token(&claims());
    let signature = good.rsplit_once('.').unwrap().1;
    for algorithm in ["none", "None", "", "HS256", "RS256", "ES384", "es256"] {
        let header = json!({ "alg": algorithm, "kid": bench.key.kid(), "typ": "at+jwt" });
        let token = forge(&header.to_string(), &payload, signature);
        assert_eq!(bench.send(&token).await, "jwt_algorithm", "{algorithm}");
    }
    let unsigned = forge(r#"{"alg":"none"}"#, &payload, "");
    assert_eq!(bench.send(&unsigned).await, "jwt_malformed");
}

#[tokio::test]
async fn r004_g20_nothing_in_a_token_is_fetched_or_trusted() {
    let bench = Bench::new().await;
    let other = bench.another_key();
    let token = other.sign("at+jwt", &claims().to_string()).unwrap();
    let (_, signature) = token.rsplit_once('.').unwrap();
    let header = json!({
        "alg": "ES256", "typ": "at+jwt", "kid": bench.key.kid(), "jwk": other.public_jwk(),
        "jku": "https://evil.example/jwks", "x5u": "https://evil.example/x", "x5c": ["AAAA"],
    });
    let forged = forge(&header.to_string(), &claims().to_string(), signature);
    assert_eq!(bench.send(&forged).await, "jwt_signature");
    let unknown = bench.token(&with(json!({ "iss": "https://evil.example" })));
    assert_eq!(bench.send(&unknown).await, "jwt_issuer");
    assert!(bench.web.fetched().is_empty());
}

#[tokio::test]
async fn r007_g18_times_have_types_and_exact_edges() {
    let bench = Bench::new().await;
    for (change, expected) in [
        (json!({ "exp": null }), "jwt_no_expiry"),
        (json!({ "exp": (START + 600).to_string() }), "jwt_claims"),
        (json!({ "exp": -1 }), "jwt_claims"),
        (json!({ "exp": true }), "jwt_claims"),
        (json!({ "exp": 1e300 }), "jwt_claims"),
        (json!({ "nbf": "0" }), "jwt_claims"),
        (json!({ "iat": [START] }), "jwt_claims"),
        (json!({ "exp": START - 29 }), "alice"),
        (json!({ "exp": START - 30 }), "credential_expired"),
        (json!({ "nbf": START + 30 }), "alice"),
        (json!({ "nbf": START + 31 }), "credential_not_yet_valid"),
        (json!({ "iat": START + 30 }), "alice"),
        (json!({ "iat": START + 31 }), "jwt_issued_later"),
        (json!({ "iat": null }), "alice"),
    ] {
        assert_eq!(
            bench.send_claims(&with(change.clone())).await,
            expected,
            "{change}"
        );
    }
    let huge = claims()
        .to_string()
        .replace(&(START + 600).to_string(), "1e400");
    let token = bench.key.sign("at+jwt", &huge).unwrap();
    assert_eq!(bench.send(&token).await, "jwt_malformed");
}

#[tokio::test]
async fn r007_a_forged_expired_token_is_invalid_not_expired() {
    let bench = Bench::new().await;
    let old = bench.token(&with(json!({ "exp": START - 3600 })));
    assert_eq!(bench.send(&old).await, "credential_expired");
    let good = bench.token(&claims());
    let (signed, _) = old.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", good.rsplit_once('.').unwrap().1);
    assert_eq!(bench.send(&forged).await, "jwt_signature");
}

#[tokio::test]
async fn r008_issuers_are_compared_letter_by_letter() {
    let bench = Bench::new().await;
    for issuer in [
        json!("https://a.example/"),
        json!("https://A.example"),
        json!("https://a.exampl"),
        json!("https://a.example.evil"),
        json!(""),
    ] {
        assert_eq!(
            bench.send_claims(&with(json!({ "iss": issuer }))).await,
            "jwt_issuer"
        );
    }
    assert_eq!(
        bench.send_claims(&with(json!({ "iss": null }))).await,
        "jwt_issuer"
    );
    assert_eq!(
        bench.send_claims(&with(json!({ "iss": [ISSUER] }))).await,
        "jwt_malformed"
    );
}

#[tokio::test]
async fn r009_a_token_is_for_us_or_refused() {
    let bench = Bench::new().await;
    for (audience, expected) in [
        (json!(null), "jwt_audience"),
        (json!("https://api.example/"), "jwt_audience"),
        (json!("https://api.exampl"), "jwt_audience"),
        (json!("https://API.example"), "jwt_audience"),
        (json!([]), "jwt_audience"),
        (json!(["https://other.example"]), "jwt_audience"),
        (json!([AUDIENCE, 1]), "jwt_claims"),
        (json!({}), "jwt_claims"),
        (json!(["https://other.example", AUDIENCE]), "alice"),
    ] {
        let sent = bench
            .send_claims(&with(json!({ "aud": audience.clone() })))
            .await;
        assert_eq!(sent, expected, "{audience}");
    }
}

#[tokio::test]
async fn r010_tokens_of_other_kinds_are_refused() {
    let bench = Bench::new().await;
    let sign = |typ: &str, changes| bench.key.sign(typ, &with(changes).to_string()).unwrap();
    for (typ, changes, expected) in [
        ("JWT", json!({}), "alice"),
        ("application/AT+JWT", json!({ "nonce": "n" }), "alice"),
        (
            "JWT",
            json!({ "token_use": "access", "typ": "Bearer" }),
            "alice",
        ),
        ("JWT", json!({ "nonce": "n" }), "jwt_kind"),
        ("JWT", json!({ "at_hash": "x" }), "jwt_kind"),
        ("JWT", json!({ "c_hash": "x" }), "jwt_kind"),
        ("JWT", json!({ "s_hash": "x" }), "jwt_kind"),
        ("JWT", json!({ "events": {} }), "jwt_kind"),
        ("JWT", json!({ "token_use": "id" }), "jwt_kind"),
        ("JWT", json!({ "token_use": ["access"] }), "jwt_kind"),
        ("JWT", json!({ "typ": "ID" }), "jwt_kind"),
        ("JWT", json!({ "typ": "Refresh" }), "jwt_kind"),
        ("JWT", json!({ "typ": "Logout" }), "jwt_kind"),
        (
            "JWT",
            json!({ "htm": "GET", "htu": "https://x" }),
            "jwt_kind",
        ),
        ("dpop+jwt", json!({}), "jwt_type"),
        ("logout+jwt", json!({}), "jwt_type"),
        ("secevent+jwt", json!({}), "jwt_type"),
        ("doorward-assertion+jwt", json!({}), "jwt_type"),
        ("at+jwt", json!({ "cnf": { "jkt": "x" } }), "jwt_bound"),
        ("at+jwt", json!({ "cnf": null }), "alice"),
    ] {
        let shown = format!("{typ} {changes}");
        assert_eq!(bench.send(&sign(typ, changes)).await, expected, "{shown}");
    }
}

#[tokio::test]
async fn r010_our_own_tokens_are_access_tokens_only() {
    let bench = Bench::cold();
    let keys = LocalKeys::default();
    let own = IssuerConfig::own(ISSUER, vec![AUDIENCE.to_owned()], &keys).unwrap();
    bench.issuers.configure(vec![own]).unwrap();
    let token = bench.token(&claims());
    // Without a key set nobody can be judged.
    assert_eq!(bench.send(&token).await, "jwks_unavailable");
    keys.set(super::jwks(&[&bench.key]).to_string().as_bytes())
        .unwrap();
    assert_eq!(bench.send(&token).await, "alice");
    for typ in ["JWT", "jwt", "id+jwt"] {
        let other = bench.key.sign(typ, &claims().to_string()).unwrap();
        assert_eq!(bench.send(&other).await, "jwt_type", "{typ}");
    }
    assert!(keys.set(b"{}").is_err());
    assert_eq!(bench.send(&token).await, "alice");
    // Our key set never goes out of date.
    bench.advance(Duration::from_secs(500)).await;
    assert_eq!(bench.send(&token).await, "alice");
    keys.set(br#"{"keys":[]}"#).unwrap();
    assert_eq!(bench.send(&token).await, "jwt_key");
    assert!(bench.web.fetched().is_empty());
}

#[tokio::test]
async fn r011_one_key_under_two_issuers_keeps_them_apart() {
    let bench = Bench::new().await;
    let other = "https://b.example";
    let audiences = vec!["https://b-api.example".to_owned()];
    let second = IssuerRecord {
        issuer: other.to_owned(),
        audiences,
        ..record()
    };
    bench.configure(&[record(), second]);
    bench.tick().await;
    let verified = bench
        .verify(&bench.token(&claims()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(verified.identity().grants.issuer.as_deref(), Some(ISSUER));
    // The rules are those of the token's own issuer, also where the key is the same.
    let mixed = bench.token(&with(json!({ "iss": other })));
    assert_eq!(bench.send(&mixed).await, "jwt_audience");
}

#[tokio::test]
async fn r016_large_tokens_are_refused_before_anything_else() {
    let bench = Bench::new().await;
    let huge = format!("{}.e30.e30", "x".repeat(100_000));
    assert_eq!(bench.send(&huge).await, "jwt_malformed");
    let deep = "[".repeat(5000);
    let token = forge(r#"{"alg":"ES256"}"#, &deep, "AAAA");
    assert_eq!(bench.send(&token).await, "jwt_malformed");
}

#[tokio::test]
async fn subjects_scopes_and_roles_have_types_and_bounds() {
    let bench = Bench::new().await;
    let many: Vec<String> = (0..300).map(|n| format!("s{n}")).collect();
    for (change, expected) in [
        (json!({ "sub": null }), "jwt_subject"),
        (json!({ "sub": "" }), "jwt_subject"),
        (json!({ "sub": "a\r\nX: y" }), "jwt_subject"),
        (json!({ "sub": "x".repeat(257) }), "jwt_subject"),
        (json!({ "sub": 7 }), "jwt_claims"),
        (json!({ "scope": ["a", "b"] }), "alice"),
        (json!({ "scope": null }), "alice"),
        (json!({ "scope": 7 }), "jwt_scopes"),
        (json!({ "scope": "a\u{e9}" }), "jwt_scopes"),
        (json!({ "scope": ["a b"] }), "jwt_scopes"),
        (json!({ "scope": ["a", 1] }), "jwt_scopes"),
        (json!({ "scope": many }), "jwt_scopes"),
        (json!({ "roles": "one" }), "alice"),
        (json!({ "roles": [["x"]] }), "jwt_roles"),
        (json!({ "roles": [""] }), "jwt_roles"),
        (json!({ "roles": many }), "jwt_roles"),
        (json!({ "jti": "" }), "jwt_token_id"),
        (json!({ "jti": 1 }), "jwt_claims"),
    ] {
        let sent = bench.send_claims(&with(change.clone())).await;
        assert_eq!(sent, expected, "{:.80}", change.to_string());
    }
}

#[tokio::test]
async fn r019_a_remembered_token_ends_at_its_expiry_and_on_revocation() {
    let bench = Bench::new().await;
    let token = bench.token(&claims());
    assert_eq!(bench.send(&token).await, "alice");
    bench.clock.advance(Duration::from_millis(629_999));
    assert_eq!(bench.send(&token).await, "alice");
    bench.clock.advance(Duration::from_millis(1));
    assert_eq!(bench.send(&token).await, "credential_expired");
    assert_eq!(bench.cache.len(), 0);

    let bench = Bench::new().await;
    let token = bench.token(&claims());
    assert_eq!(bench.send(&token).await, "alice");
    bench.revocations.insert(RevokedToken {
        issuer: ISSUER.to_owned(),
        jti: "t1".to_owned(),
        expires_at: doorward_core::Timestamp::from_secs(START + 600),
        // Written by a machine whose clock is ahead.
        revoked_at: doorward_core::Timestamp::from_secs(START + 60),
    });
    assert_eq!(bench.send(&token).await, "credential_revoked");
    assert_eq!(bench.send(&token).await, "credential_revoked");
    assert_eq!(bench.cache.len(), 0);
}

#[tokio::test]
async fn r019_the_cache_is_bounded_and_can_be_off() {
    for (size, most) in [(0, 0), (64, 64)] {
        let bench = Bench::with_cache(TokenCache::new(size)).await;
        for n in 0..200 {
            assert_eq!(
                bench
                    .send_claims(&with(json!({ "jti": format!("t{n}") })))
                    .await,
                "alice"
            );
            assert_eq!(
                bench
                    .send_claims(&with(json!({ "pad": "x".repeat(9000) })))
                    .await,
                "alice"
            );
        }
        assert!(bench.cache.len() <= most, "{}", bench.cache.len());
    }
}

#[tokio::test]
async fn r019_a_token_without_jti_is_revoked_by_the_id_in_the_records() {
    let bench = Bench::new().await;
    let token = bench.token(&with(json!({ "jti": null })));
    let verified = bench.verify(&token).await.unwrap().unwrap();
    let id = verified.identity().credential_id.as_str().to_owned();
    assert!(id.starts_with("tok_") && id.len() == 22, "{id}");
    // The same claims signed again have another signature and the same id.
    let again = bench.token(&with(json!({ "jti": null })));
    bench.revocations.insert(RevokedToken {
        issuer: ISSUER.to_owned(),
        jti: id,
        expires_at: doorward_core::Timestamp::from_secs(START + 600),
        revoked_at: doorward_core::Timestamp::from_secs(START),
    });
    assert_ne!(token, again);
    for token in [token, again] {
        assert_eq!(bench.send(&token).await, "credential_revoked");
    }
}

#[tokio::test]
async fn r020_tokens_come_in_the_header_only() {
    let bench = Bench::new().await;
    let token = bench.token(&claims());
    let bearer = format!("bearer {token}");
    let both = head(
        &format!("/?access_token={token}"),
        &[("authorization", &bearer)],
    );
    assert_eq!(
        bench.method.find(&both, None).err(),
        Some(Misplaced::InQuery)
    );
    let cookie = head("/", &[("cookie", &format!("access_token={token}"))]);
    assert!(bench.method.find(&cookie, None).unwrap().is_none());
    let opaque = head("/", &[("authorization", "Bearer opaque")]);
    assert!(bench.method.find(&opaque, None).unwrap().is_none());
}

#[tokio::test]
async fn g27_r017_changed_rules_apply_to_remembered_tokens() {
    let bench = Bench::new().await;
    let token = bench.token(&claims());
    assert_eq!(bench.send(&token).await, "alice");
    // The same rules again: nothing is forgotten and nothing fetched.
    bench.configure(&[record()]);
    assert_eq!(bench.send(&token).await, "alice");
    let audiences = vec!["https://other.example".to_owned()];
    bench.configure(&[IssuerRecord {
        audiences,
        ..record()
    }]);
    assert_eq!(bench.send(&token).await, "jwt_audience");
    bench.configure(&[]);
    assert_eq!(bench.send(&token).await, "jwt_issuer");
    assert!(bench.web.fetched().is_empty());
    let twice = [record(), record()]
        .iter()
        .map(IssuerConfig::from_record)
        .collect();
    assert!(bench.issuers.configure(Result::unwrap(twice)).is_err());
}

#[tokio::test]
async fn a_known_key_is_judged_at_once() {
    let bench = Bench::new().await;
    let token = bench.token(&claims());
    let head = bearer(&token);
    let presented = bench.method.find(&head, None).unwrap().unwrap();
    assert!(matches!(
        bench.method.verify(presented, &head),
        Verdict::Now(Ok(_))
    ));
}

/// `{"alg":"HS256"}` without `typ`, for `https://s.example`, with the secret of the test below.
const HMAC_TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJodHRwczovL3MuZXhhbXBsZSIsImF1ZCI6Imh0dHB\
    zOi8vYXBpLmV4YW1wbGUiLCJzdWIiOiJib2IiLCJleHAiOjE4MDAwMDA2MDB9.Egzpo81NhQ-3z6QifexDXScA-KR4XymV\
    2Mt2fUc2CH0";
/// The same with a `kid` and a `nonce`.
const HMAC_ID_TOKEN: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6IngifQ.eyJpc3MiOiJodHRwczovL3MuZXhhbXBsZ\
    SIsImF1ZCI6Imh0dHBzOi8vYXBpLmV4YW1wbGUiLCJzdWIiOiJib2IiLCJleHAiOjE4MDAwMDA2MDAsIm5vbmNlIjoibiJ\
    9.UAzKQbQlxQlCpD_n0g5DGA44Y8eEZxucJzHKwKJ59js";

#[tokio::test]
async fn a_shared_secret_verifies_tokens_without_typ() {
    let bench = Bench::cold();
    let path = std::env::temp_dir().join(format!("doorward-secret-{}", std::process::id()));
    std::fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
    let secret = IssuerRecord {
        issuer: "https://s.example".to_owned(),
        keys: KeySource::SecretFile {
            path: path.to_string_lossy().into_owned(),
        },
        algorithms: vec!["HS256".to_owned()],
        ..record()
    };
    bench.configure(&[secret]);
    // A file is never read on the path of a request.
    assert_eq!(bench.send(HMAC_TOKEN).await, "jwks_unavailable");
    bench.tick().await;
    assert_eq!(bench.send(HMAC_TOKEN).await, "bob");
    assert_eq!(bench.send(HMAC_ID_TOKEN).await, "jwt_kind");
    std::fs::write(&path, "too short").unwrap();
    bench.advance(Duration::from_secs(5)).await;
    assert_eq!(bench.send(HMAC_TOKEN).await, "bob");
    let status = bench.issuers.status();
    assert!(
        status[0]
            .last_error
            .as_deref()
            .unwrap()
            .contains("32 bytes"),
        "{status:?}"
    );
    std::fs::write(&path, "fedcba9876543210fedcba9876543210").unwrap();
    bench.advance(Duration::from_secs(5)).await;
    assert_eq!(bench.send(HMAC_TOKEN).await, "jwt_signature");
    std::fs::remove_file(&path).unwrap();
}
