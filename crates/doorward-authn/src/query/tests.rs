use doorward_core::rejection::Misplaced;
use doorward_crypto::api_key::{ApiKeyText, Environment, KeyKind, KeyPrefix};
use proptest::prelude::*;

use super::QueryWatch;
use crate::testing::Counting;

/// What both methods that look at a query make of it.
fn find<'q>(query: &'q str, allowed: Option<&str>) -> Result<Option<&'q str>, Misplaced> {
    let prefix = KeyPrefix::parse("dw").unwrap();
    let keys = QueryWatch::for_keys(prefix, ["x-api-key", "x-shop-key"]);
    let found = keys.find(Some(query), allowed)?;
    let same = QueryWatch::for_tokens().find(Some(query), allowed)?;
    assert_eq!(found, same);
    Ok(found)
}

fn key(kind: KeyKind) -> String {
    let prefix = KeyPrefix::parse("dw").unwrap();
    let text = ApiKeyText::generate(&prefix, kind, Environment::Live, &Counting::new());
    text.secret().expose().clone()
}

/// Every byte as `%41`.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[test]
fn r020_names_of_credentials_are_refused_in_every_spelling() {
    for refused in [
        "access_token=x",
        "a=b&access%5Ftoken=x",
        "%61pi_key=",
        "api_key",
        "Access_Token=x",
        "API%5FKEY=x",
        "api_key[]=x",
        "api_key%5B%5D=x",
        "api_key%5b0%5D=x",
        "api_key[a][b]=x",
        "a=b;api_key=x",
        "+api_key=x",
        "%20api_key=x",
        "api_key%20=x",
        "api.key=x",
        "api-key=x",
        "api+key=x",
        "api_key%00=x",
        "x-api-key=x",
        "X_Api_Key=x",
        "x_shop_key[]=x",
        "a=b?api_key=x",
        "a=b%23access_token=x",
        "next=%2Fa%3Fx%3D1%26api_key%3Dx",
        "%2561pi_key=x",
    ] {
        let found = find(refused, None);
        assert_eq!(found, Err(Misplaced::InQuery), "{refused}");
    }
}

#[test]
fn r020_values_that_are_credentials_are_refused_wherever_they_are() {
    let key = key(KeyKind::Secret);
    {
        let secret = &*key;
        for (before, after) in [
            ("q=", ""),
            ("", ""),
            ("", "=x"),
            ("q=Bearer%20", ""),
            ("q=bearer+", ""),
            ("q=%22", "%22"),
            ("q=x,", ",y"),
            ("q=v1.", ""),
            ("q=see+", ".+It+works"),
            ("q=x%20", "%20y"),
            ("q=https://app.example/cb%23token=", "&a=b"),
            ("a=b;q=", ";c=d"),
            ("q=%7B%22k%22:%22", "%22%7D"),
        ] {
            for text in [
                secret.to_owned(),
                encoded(secret),
                encoded(&encoded(secret)),
            ] {
                let query = format!("{before}{text}{after}");
                let found = find(&query, None);
                assert_eq!(found, Err(Misplaced::InQuery), "{query}");
            }
        }
    }
    for kind in [KeyKind::Restricted, KeyKind::Agent] {
        let query = format!("q=x{}", self::key(kind));
        assert_eq!(find(&query, None), Err(Misplaced::InQuery));
    }
    // What begins like a secret key was meant as one, also when it was cut off.
    for cut in [
        "q=dw_sk_live_x",
        "q=%64w%5fsk_live_x",
        "q=Bearer%20dw_rk_x",
        "dw_ak_live_x",
    ] {
        assert_eq!(find(cut, None), Err(Misplaced::InQuery), "{cut}");
    }
}

#[test]
fn queries_without_a_credential_pass() {
    let publishable = format!("q={}", key(KeyKind::Publishable));
    for fine in [
        "",
        "a=b&c",
        "token=x",
        "q=dw_pk_live_x",
        &publishable,
        "%",
        "%4",
        "a=%zz",
        "é=%é",
        "q=what+is+dw_sk_live_",
        "q=eyes.are.open",
        "invitation=eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln",
        "v=1.2.3&key=x&apikey=y",
        "q=api_key",
        "file=eyJhbGciOi.txt",
        "access_tokens=x",
        "my_api_key=x",
        "q=a+b%20c%2Bd",
    ] {
        assert_eq!(find(fine, None), Ok(None), "{fine}");
    }
}

#[test]
fn r020_the_allowed_parameter_comes_once_and_in_one_spelling() {
    fn find(query: &str) -> Result<Option<&str>, Misplaced> {
        super::tests::find(query, Some("api_key"))
    }
    assert_eq!(find("a=1&api_key=k&b=2"), Ok(Some("k")));
    assert_eq!(find("api_key=k&api%5fkey=k"), Err(Misplaced::Ambiguous));
    assert_eq!(find("api_key=k&access_token=t"), Err(Misplaced::InQuery));
    for other in ["API_KEY=k", "api_key[]=k", "api-key=k", "api_key%20=k"] {
        assert_eq!(find(other), Err(Misplaced::InQuery), "{other}");
        let both = format!("api_key=k&{other}");
        assert_eq!(find(&both), Err(Misplaced::InQuery), "{both}");
    }
    let of_route = |query| super::tests::find(query, Some("Key"));
    assert_eq!(of_route("Key=k&a=b"), Ok(Some("k")));
    assert_eq!(of_route("key=k"), Err(Misplaced::InQuery));
    assert_eq!(of_route("KEY%5B%5D=k"), Err(Misplaced::InQuery));
}

proptest! {
    #[test]
    fn r020_a_key_is_seen_in_any_surroundings(
        before in "[a-z&;=%+?#./-]{0,20}",
        after in "[&;=%+?#./-][a-z&;=%+?#./-]{0,20}",
    ) {
        // A digit or two before the key may be the end of an escape, which is another text.
        prop_assume!(!before.ends_with('%') && !before.get(before.len().saturating_sub(2)..).is_some_and(|end| end.starts_with('%')));
        let query = format!("{before}{}{after}", key(KeyKind::Secret));
        prop_assert_eq!(find(&query, None), Err(Misplaced::InQuery));
    }

    #[test]
    fn r020_no_query_panics(query in "\\PC{0,60}") {
        let _any = find(&query, Some("api_key"));
    }
}

#[test]
fn r020_long_queries_of_beginnings_take_time_in_proportion() {
    // 8 KiB are the most that a target may have. What took the square of that would take seconds.
    for piece in [
        "dw_",
        "dw",
        "%64w_",
        "ey.",
        "eyJ.",
        "%25",
        "a=",
        "[",
        "dw_sk_live_",
    ] {
        let query = format!("q=x{}", piece.repeat(8192 / piece.len()));
        let start = std::time::Instant::now();
        let _any = find(&query, Some("api_key"));
        assert!(start.elapsed().as_millis() < 2000, "{piece}");
    }
}
