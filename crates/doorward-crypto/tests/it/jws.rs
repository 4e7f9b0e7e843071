use std::time::Instant;

use doorward_core::Secret;
use doorward_crypto::jose::{Algorithm, Jwks, Jws, JwsError, Limits, VerificationKey, b64};
use proptest::prelude::*;

use crate::material::{Seeded, hmac_key, key, parse, token, verify};
use crate::rfc::RFC7638_N;
use doorward_crypto::jose::SigningKey;

const EMPTY: &str = "{}";

fn header_refused(header: &str) -> JwsError {
    let token = token(header, EMPTY);
    match verify(&token, &hmac_key()) {
        Ok(_) => panic!("accepted: {header}"),
        Err(error) => error,
    }
}

#[test]
fn a_right_token_is_accepted() {
    let token = token(
        r#"{"alg":"HS256","kid":"k","typ":"Application/AT+jwt"}"#,
        r#"{"a":1}"#,
    );
    let payload = verify(&token, &hmac_key()).unwrap();
    assert_eq!(payload.bytes(), br#"{"a":1}"#);
    assert_eq!(payload.header().kid(), Some("k"));
    assert_eq!(payload.header().typ(), Some("at+jwt"));
}

#[test]
fn r001_alg_none_in_every_spelling_is_refused() {
    for alg in [
        "none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "HS384", "ES256K", "RSA1_5", "dir",
    ] {
        let header = format!(r#"{{"alg":"{alg}"}}"#);
        assert_eq!(header_refused(&header), JwsError::UnknownAlgorithm, "{alg}");
    }
    for header in [
        EMPTY,
        r#"{"alg":null}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":1}"#,
    ] {
        assert_eq!(
            header_refused(header),
            JwsError::Parameter("alg"),
            "{header}"
        );
    }
}

#[test]
fn r002_g17_public_key_is_no_hmac_secret() {
    let public = key(&format!(r#"{{"kty":"RSA","n":"{RFC7638_N}","e":"AQAB"}}"#));
    let pem = "-----BEGIN PUBLIC KEY-----";
    for secret in [
        RFC7638_N.as_bytes().to_vec(),
        b64::decode(RFC7638_N).unwrap(),
        pem.into(),
        vec![],
    ] {
        let input = format!(
            "{}.{}",
            b64::encode(r#"{"alg":"HS256"}"#),
            b64::encode(EMPTY)
        );
        let mac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret);
        let tag = aws_lc_rs::hmac::sign(&mac, input.as_bytes());
        let forged = format!("{input}.{}", b64::encode(tag));
        assert_eq!(verify(&forged, &public).err(), Some(JwsError::NoKey));
        assert_eq!(
            parse(&forged).unwrap().verify_with(&Jwks::default()).err(),
            Some(JwsError::NoKey)
        );
    }
    assert!(VerificationKey::hmac(&Secret::new(vec![7; 31]), None).is_err());
    assert!(VerificationKey::hmac(&Secret::new(Vec::new()), None).is_err());
}

#[test]
fn r003_header_algorithm_must_be_the_keys() {
    let signing = SigningKey::generate(&Seeded::new(3)).unwrap();
    let good = signing.sign("jwt", EMPTY).unwrap();
    let es256 = signing.verification_key().unwrap();
    assert!(verify(&good, &es256).is_ok());
    let rsa = key(&format!(
        r#"{{"kty":"RSA","n":"{RFC7638_N}","e":"AQAB","alg":"PS256"}}"#
    ));
    assert_eq!(verify(&good, &rsa).err(), Some(JwsError::NoKey));
    assert_eq!(verify(&good, &hmac_key()).err(), Some(JwsError::NoKey));
    for alg in ["RS256", "RS512", "PS384"] {
        let other = token(&format!(r#"{{"alg":"{alg}"}}"#), EMPTY);
        assert_eq!(verify(&other, &rsa).err(), Some(JwsError::NoKey), "{alg}");
    }
    assert!(rsa.allows(Algorithm::Ps256) && !rsa.allows(Algorithm::Rs256));
}

#[test]
fn r004_g20_keys_of_the_token_are_not_trusted() {
    let attacker = SigningKey::generate(&Seeded::new(4)).unwrap();
    let issuer = SigningKey::generate(&Seeded::new(5)).unwrap();
    let forged = attacker.sign("jwt", EMPTY).unwrap();
    let jwk = attacker.public_jwk();
    let header = format!(
        r#"{{"alg":"HS256","kid":"{}","jwk":{jwk},"jku":"https://evil.example/k","x5u":"file:///etc/passwd","x5c":["AA=="]}}"#,
        issuer.kid()
    );
    let set = Jwks::from_keys(vec![issuer.verification_key().unwrap()]);
    assert_eq!(
        parse(&forged).unwrap().verify_with(&set).err(),
        Some(JwsError::NoKey)
    );
    let with_jwk = token(&header, EMPTY);
    assert_eq!(
        parse(&with_jwk).unwrap().verify_with(&set).err(),
        Some(JwsError::NoKey)
    );
    assert!(parse(&with_jwk).unwrap().header().untrusted_jwk().is_some());
}

#[test]
fn g20_kid_is_bounded_and_a_string() {
    let long = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(257));
    assert_eq!(header_refused(&long), JwsError::Parameter("kid"));
    assert_eq!(
        header_refused(r#"{"alg":"HS256","kid":1}"#),
        JwsError::Parameter("kid")
    );
    assert_eq!(
        header_refused(r#"{"alg":"HS256","kid":null}"#),
        JwsError::Parameter("kid")
    );
    let longest = long.replacen("kk", "k", 1);
    assert!(verify(&token(&longest, EMPTY), &hmac_key()).is_ok());
}

#[test]
fn r006_crit_is_never_understood() {
    for crit in [
        r#"["exp"]"#,
        r#"["b64"]"#,
        "[]",
        r#"["alg"]"#,
        r#"["kid"]"#,
        r#"[""]"#,
        r#""exp""#,
        "null",
        "{}",
        "[1]",
        r#"["urn:x"]"#,
    ] {
        let header = format!(r#"{{"alg":"HS256","crit":{crit},"exp":1,"b64":true}}"#);
        assert_eq!(header_refused(&header), JwsError::Critical, "{crit}");
    }
    assert_eq!(
        header_refused(r#"{"alg":"HS256","b64":false}"#),
        JwsError::Critical
    );
    assert_eq!(
        header_refused(r#"{"alg":"HS256","b64":"false"}"#),
        JwsError::Critical
    );
    assert_eq!(
        header_refused(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#),
        JwsError::Critical
    );
}

#[test]
fn r010_typ_is_compared_in_one_form() {
    for (written, read) in [
        ("at+jwt", "at+jwt"),
        ("AT+JWT", "at+jwt"),
        ("application/at+jwt", "at+jwt"),
        ("APPLICATION/dpop+JWT", "dpop+jwt"),
        ("text/plain", "text/plain"),
        ("application/a/b", "application/a/b"),
    ] {
        let token = token(&format!(r#"{{"alg":"HS256","typ":"{written}"}}"#), EMPTY);
        assert_eq!(
            parse(&token).unwrap().header().typ(),
            Some(read),
            "{written}"
        );
    }
    for bad in [
        r#""""#,
        "1",
        "null",
        r#"["at+jwt"]"#,
        r#""at+jwt ""#,
        r#""at\u0000jwt""#,
    ] {
        let header = format!(r#"{{"alg":"HS256","typ":{bad}}}"#);
        assert_eq!(header_refused(&header), JwsError::Parameter("typ"), "{bad}");
    }
}

#[test]
fn r013_ecdsa_signatures_are_raw_and_not_zero() {
    let signing = SigningKey::generate(&Seeded::new(13)).unwrap();
    let key = signing.verification_key().unwrap();
    let good = signing.sign("jwt", EMPTY).unwrap();
    let (input, signature) = good.rsplit_once('.').unwrap();
    let raw = b64::decode(signature).unwrap();
    let order: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let forgeries = [
        vec![0; 64],
        [&raw[..32], &[0; 32]].concat(),
        [&[0; 32], &raw[32..]].concat(),
        [order.as_slice(), order.as_slice()].concat(),
        der(&raw),
        [raw.as_slice(), &[0]].concat(),
        raw[..63].to_vec(),
        [&[0], raw.as_slice()].concat(),
    ];
    for forgery in forgeries {
        let forged = format!("{input}.{}", b64::encode(&forgery));
        assert_eq!(
            verify(&forged, &key).err(),
            Some(JwsError::Signature),
            "{forgery:x?}"
        );
    }
}

/// The same signature as ASN.1.
fn der(raw: &[u8]) -> Vec<u8> {
    let integer = |half: &[u8]| {
        let padded = [&[0], half].concat();
        let from = padded
            .windows(2)
            .position(|w| w[0] != 0 || w[1] & 0x80 != 0)
            .unwrap();
        [&[2, (padded.len() - from) as u8], &padded[from..]].concat()
    };
    let body = [integer(&raw[..32]), integer(&raw[32..])].concat();
    [&[0x30, body.len() as u8], body.as_slice()].concat()
}

#[test]
fn r014_other_spellings_of_a_token_are_refused() {
    let good = token(r#"{"alg":"HS256"}"#, r#"{"a":12}"#);
    assert!(verify(&good, &hmac_key()).is_ok());
    let last = good.chars().last().unwrap();
    // The last character of 32 bytes carries two bits that must be zero.
    let mut respelt = 0;
    for character in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        let other = format!("{}{character}", &good[..good.len() - 1]);
        if character != last {
            assert!(verify(&other, &hmac_key()).is_err(), "{character}");
            respelt += 1;
        }
    }
    assert_eq!(respelt, 63);
    for other in [
        format!("{good}="),
        format!("{good}\n"),
        format!(" {good}"),
        good.replacen('.', "=.", 1),
        good.replacen('.', ". ", 1),
        format!("{good}."),
        format!(".{good}"),
        good.replacen('.', "..", 1),
        good.replace('.', ""),
        String::new(),
        "..".to_owned(),
        format!("{good}.AA"),
        good.replace('.', "\u{ff0e}"),
    ] {
        assert_eq!(parse(&other).err(), Some(JwsError::Malformed), "{other:?}");
    }
}

#[test]
fn r015_duplicate_header_names_are_refused() {
    for header in [
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"none","\u0061lg":"HS256"}"#,
    ] {
        assert!(matches!(header_refused(header), JwsError::Header(_)));
    }
    let duplicate = token(r#"{"alg":"HS256"}"#, r#"{"iss":"a","iss":"b"}"#);
    assert!(matches!(
        parse(&duplicate).unwrap().unverified_issuer(),
        Err(JwsError::Payload(_))
    ));
}

#[test]
fn r016_large_and_deep_tokens_are_refused_at_once() {
    let started = Instant::now();
    let large = "a".repeat(2 << 20);
    assert_eq!(parse(&large).err(), Some(JwsError::TooLarge));
    let deep = format!(
        r#"{{"alg":"HS256","x":{}{}}}"#,
        "[".repeat(5000),
        "]".repeat(5000)
    );
    let roomy = Limits {
        token_bytes: 1 << 20,
        header_bytes: 1 << 20,
    };
    let deep = token(&deep, EMPTY);
    assert!(matches!(Jws::parse(&deep, roomy), Err(JwsError::Header(_))));
    let wide = token(
        &format!(r#"{{"alg":"HS256","x":"{}"}}"#, "y".repeat(9000)),
        EMPTY,
    );
    assert_eq!(parse(&wide).err(), Some(JwsError::TooLarge));
    assert_eq!(
        header_refused(r#"{"alg":"PBES2-HS256+A128KW","p2c":2147483648,"enc":"A128GCM"}"#),
        JwsError::UnknownAlgorithm
    );
    assert!(started.elapsed().as_secs() < 10);
}

#[test]
fn g19_encrypted_tokens_are_refused() {
    let parts = ["e30", "AA", "AA", "AA", "AA"].join(".");
    assert_eq!(parse(&parts).err(), Some(JwsError::Malformed));
    assert_eq!(
        header_refused(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#),
        JwsError::UnknownAlgorithm
    );
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let signing = SigningKey::generate(&Seeded::new(6)).unwrap();
    let key = signing.verification_key().unwrap();
    let good = signing.sign("at+jwt", r#"{"sub":"a"}"#).unwrap();
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] ^= 1;
        if let Ok(other) = String::from_utf8(bytes) {
            assert!(verify(&other, &key).is_err(), "byte {at}");
        }
    }
}

proptest! {
    #[test]
    fn r014_parsing_never_panics(text in "\\PC{0,200}") {
        let _ = parse(&text).map(|jws| jws.unverified_issuer());
    }

    #[test]
    fn r014_parsing_parts_never_panics(header: Vec<u8>, payload: Vec<u8>, signature: Vec<u8>) {
        let text = [header, payload, signature].map(b64::encode).join(".");
        prop_assert!(verify(&text, &hmac_key()).is_err());
    }

    #[test]
    fn signed_is_verified(payload in "\\PC{0,80}", seed in 0..9_u64) {
        let signing = SigningKey::generate(&Seeded::new(seed)).unwrap();
        let signed = signing.sign("x", &payload).unwrap();
        let verified = verify(&signed, &signing.verification_key().unwrap()).unwrap();
        prop_assert_eq!(verified.bytes(), payload.as_bytes());
        prop_assert_eq!(verified.header().kid(), Some(signing.kid()));
    }
}
