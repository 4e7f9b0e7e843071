use doorward_crypto::api_key::{ApiKeyError, ApiKeyText, Environment, KeyKind, KeyPrefix};
use doorward_crypto::redact::Redactor;
use proptest::prelude::*;

use crate::material::Seeded;

const KINDS: [KeyKind; 4] = [
    KeyKind::Secret,
    KeyKind::Publishable,
    KeyKind::Restricted,
    KeyKind::Agent,
];

fn prefix(text: &str) -> KeyPrefix {
    KeyPrefix::parse(text).unwrap()
}

fn key(seed: u64) -> String {
    ApiKeyText::generate(
        &prefix("dw"),
        KeyKind::Secret,
        Environment::Live,
        &Seeded::new(seed),
    )
    .secret()
    .expose()
    .clone()
}

fn parse(text: &str) -> Result<ApiKeyText, ApiKeyError> {
    ApiKeyText::parse(text, &prefix("dw"))
}

/// CRC-32 worked out bit by bit, in base 62: the published recipe, apart from the code.
fn checksum(text: &str) -> String {
    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    let mut rest = !crc;
    let mut digits = Vec::new();
    for _ in 0..6 {
        let alphabet = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        digits.push(char::from(alphabet[(rest % 62) as usize]));
        rest /= 62;
    }
    digits.iter().rev().collect()
}

#[test]
fn r023_a_key_has_prefix_kind_env_randomness_and_checksum() {
    let text = key(1);
    let (covered, sum) = text.split_at(text.len() - 6);
    assert_eq!(sum, checksum(covered));
    assert!(covered.starts_with("dw_sk_live_"));
    assert_eq!(covered.len(), "dw_sk_live_".len() + 32);
    let key = parse(&text).unwrap();
    assert_eq!(
        (key.kind(), key.env()),
        (KeyKind::Secret, Environment::Live)
    );
    assert_eq!(key.hint(), &text[..15]);
    assert_eq!(
        prefix("dw").regex(),
        "dw_(sk|pk|rk|ak)_(live|test)_[0-9A-Za-z]{30,}"
    );
    assert!(!format!("{key:?}").contains(&text[11..]));
}

#[test]
fn k08_the_checksum_covers_prefix_kind_and_environment() {
    let text = key(2);
    for (from, to) in [
        ("live", "test"),
        ("_sk_", "_pk_"),
        ("_sk_", "_ak_"),
        ("_sk_", "_rk_"),
    ] {
        assert_eq!(
            parse(&text.replacen(from, to, 1)).err(),
            Some(ApiKeyError::BadChecksum)
        );
    }
    let other = text.replacen("dw_", "ew_", 1);
    assert_eq!(
        ApiKeyText::parse(&other, &prefix("ew")).err(),
        Some(ApiKeyError::BadChecksum)
    );
    assert_eq!(
        ApiKeyText::parse(&other, &prefix("dw")).err(),
        Some(ApiKeyError::NotAKey)
    );
}

#[test]
fn k01_what_is_not_a_key_is_told_from_a_broken_one() {
    let text = key(3);
    for other in [
        "",
        "dw",
        "dwx_sk_live_",
        "DW_sk_live_",
        "eyJhbGciOiJIUzI1NiJ9.e30.AA",
        " dw_sk_live_",
    ] {
        assert_eq!(parse(other).err(), Some(ApiKeyError::NotAKey), "{other}");
    }
    let long = format!("dw_sk_live_{}", "a".repeat(201));
    for broken in [
        "dw_",
        "dw_sk",
        "dw_sk_live",
        "dw_sk_live_",
        "dw_sk_live_short",
        "dw_xk_live_a",
        "dw_sk_prod_a",
        "dw_SK_live_a",
        &format!("{text} "),
        &format!("{text}\n"),
        &format!("{text}é"),
        &format!("{text}' OR 1=1--"),
        &text[..46],
        &format!("{long}{}", checksum(&long)),
        &text.replace("_live_", "_live__"),
    ] {
        assert_eq!(
            parse(broken).err(),
            Some(ApiKeyError::Malformed),
            "{broken:?}"
        );
    }
    assert_eq!(
        parse(&format!("{text}0")).err(),
        Some(ApiKeyError::BadChecksum)
    );
}

#[test]
fn k11_keys_of_other_lengths_are_accepted() {
    for len in [30, 31, 64, 200] {
        let covered = format!("dw_ak_test_{}", "z".repeat(len));
        assert!(
            parse(&format!("{covered}{}", checksum(&covered))).is_ok(),
            "{len}"
        );
    }
    let covered = format!("dw_ak_test_{}", "z".repeat(29));
    assert!(parse(&format!("{covered}{}", checksum(&covered))).is_err());
}

#[test]
fn prefixes_are_short_words() {
    for bad in ["", "Dw", "d_w", "d-w", "é", "abcdefghijklmnopq"] {
        assert!(KeyPrefix::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn r023_random_characters_are_equally_likely() {
    let mut counts = std::collections::BTreeMap::<char, u32>::new();
    for seed in 0..2000 {
        for character in key(seed)[11..43].chars() {
            *counts.entry(character).or_default() += 1;
        }
    }
    // 64,000 draws: 1,032 expected of each, 32 the standard deviation.
    assert_eq!(counts.len(), 62);
    assert!(
        counts.values().all(|count| (840..1230).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn k11_text_without_credentials_stays() {
    let redactor = Redactor::new([&prefix("dw")]);
    for text in [
        "",
        "GET /orders?limit=5 200",
        "eye",
        "they eyed the key",
        "dw_sk_",
        "grüße ✓",
        r#"WWW-Authenticate: Bearer realm="api", error="invalid_token""#,
        "basic",
        "Forbearer of",
    ] {
        assert_eq!(redactor.redact(text), text);
    }
}

#[test]
fn k11_credentials_are_removed_whatever_their_length() {
    let redactor = Redactor::new([&prefix("dw"), &prefix("old")]);
    let redact = |text: &str| redactor.redact(text).into_owned();
    assert_eq!(
        redact(&format!("key {} refused", key(1))),
        "key dw_sk_[redacted] refused"
    );
    assert_eq!(
        redact("xold_rk_test_abc,old_pk_live_d"),
        "xold_rk_[redacted],old_pk_[redacted]"
    );
    assert_eq!(
        redact(&format!("?k={}&a=1", key(1))),
        "?k=dw_sk_[redacted]&a=1"
    );
    assert_eq!(redact("DW_SK_LIVE_ABC"), "DW_SK_[redacted]");
    let jwt = format!("eyJhbGciOiJIUzI1NiJ9.{}.c2ln", "QUJD".repeat(400));
    assert_eq!(redact(&format!("<{jwt}>")), "<[redacted]>");
    assert_eq!(
        redact("Authorization: Bearer abc.def-ghi, x"),
        "Authorization: Bearer [redacted] x"
    );
    assert_eq!(
        redact("authorization: basic  dTpw"),
        "authorization: basic  [redacted]"
    );
    assert_eq!(redact("a=Bearer%20opaque"), "a=Bearer%20[redacted]");
    assert_eq!(
        redact("Bearer one Bearer two"),
        "Bearer [redacted] Bearer [redacted]"
    );
    assert_eq!(
        redact("dpop: \"x\" Basic é"),
        "dpop: \"[redacted]\" Basic [redacted]"
    );
}

proptest! {
    #[test]
    fn k11_no_secret_survives(before in "\\PC{0,40}", after in "[ \"'<>,;&?)]\\PC{0,40}", seed: u32, kind in 0..4_usize) {
        let prefix = prefix("dw");
        let key = ApiKeyText::generate(&prefix, KINDS[kind], Environment::Test, &Seeded::new(seed.into()));
        let text = key.secret().expose();
        let clean = Redactor::new([&prefix]).redact(&format!("{before}{text}{after}")).into_owned();
        prop_assert!(!clean.contains(&text[11..]), "{}", clean);
        prop_assert!(!clean.contains(&text[text.len() - 12..]), "{}", clean);
    }

    #[test]
    fn generated_keys_parse_and_edits_do_not(seed: u32, kind in 0..4_usize, at in 3..49_usize, to in "[0-9A-Za-z]") {
        let prefix = prefix("dw");
        let key = ApiKeyText::generate(&prefix, KINDS[kind], Environment::Live, &Seeded::new(seed.into()));
        let text = key.secret().expose();
        let parsed = parse(text).unwrap();
        prop_assert_eq!(parsed.hint(), key.hint());
        let mut edited = text.clone();
        edited.replace_range(at..=at, &to);
        prop_assert_eq!(parse(&edited).is_ok(), &edited == text);
    }

    #[test]
    fn k01_parsing_never_panics(text in "(dw_)?\\PC{0,80}") {
        let _ = parse(&text);
    }
}
