use doorward_crypto::jose::{
    Algorithm, Jwks, JwksError, KeyError, SigningKey, VerificationKey, b64,
};

use crate::material::{Seeded, jwk, parse};
use crate::rfc::{ED25519_X, RFC7638_N};

const P256_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const P256_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const RSA_2048: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1CwOUz1C6GcACYpxhuSw
iDID0bKPlyIoDjABEJjUmZp3qnK5qBwhf6zCRkcu6SKgB1ShBuiPX4fyHQQAhWBr
WVXpYlnypsrvQxusn90zWISp4Ziu28b9BSjUn74b2BuKdO0RU3cSs7njGnWDIFGZ
yJfXkw1qhLABUq99WQZ6JuEGsP2I4tKzcPtWx6QN76DLgwMaDhxwWWn6g+sHHwfP
b+RpawzFWgutdJbHQuRM8Go/QkPPIsYf9/8AnRQINASR3M3OD5h4rhX+8Ep9GOxg
jG26xMLYn5vMZ3ECiB3ICTSYdMkD29uAZYl5xkQsoL/wTQr8lisgBfAu/VoCNM5H
+wIDAQAB
-----END PUBLIC KEY-----
";
const RSA_1024: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC20sj/jdX6gj2Rxk2oU4ysUq/C
WNj54gvkzjE6W1b1zdc4Vvvbozobart5JIgrx2m9xtvdlVKOj6byhNMYGUmra96k
/JJVrbaTBZKpS2U8EqzirtpWiCdwO2BO2bAp6HVwi7wQhLVRkCfFyVzYNraTxch9
UvTdk//kSGITlrYuZQIDAQAB
-----END PUBLIC KEY-----";
const ED25519: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAQ0EzMFhT9LLBrEfVlsE9z4wPn7cLsc1nWIj4bwpx2/Y=
-----END PUBLIC KEY-----";
const P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZDMZH0JxtqrU/u8Rmc7RGotEMP7q
jBabWuBzbJkCLrR74Yq7AYCBQLw4xaKW5J8YjOSaAFMGs6YnBBNSFgiqxQ==
-----END PUBLIC KEY-----";
const P384: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEkBfZIu1uQLx4tVaEzPILv8EMICBrPQyp
lqgMjD4gUE/vj7dR3COAvszd7zn7K3cxqP4Xlz7NhgVg9d0tSadPvp2ap27o7syo
JDOnQ36V+JY/xQB1GM2irDmcf0mDW2su
-----END PUBLIC KEY-----";
const SECP256K1: &str = "-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEcfwxGHI1BPBThBiNCpgNEYbEYCh9LOI0
8Kyt6JL/AHIKaTVszztg36qNXvRk+oe0CXaqOwr0d4hc5dcps9ichw==
-----END PUBLIC KEY-----";

fn refused(text: &str) -> KeyError {
    VerificationKey::from_jwk(&jwk(text)).expect_err(text)
}

fn ec(extra: &str) -> String {
    format!(r#"{{"kty":"EC","crv":"P-256","x":"{P256_X}","y":"{P256_Y}"{extra}}}"#)
}

fn rsa(n: &str, e: &str) -> String {
    format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"}}"#)
}

#[test]
fn r003_alg_use_and_operations_of_the_key_are_obeyed() {
    for fine in [
        "",
        r#","use":"sig""#,
        r#","key_ops":["verify"]"#,
        r#","alg":"ES256""#,
        r#","kid":"""#,
    ] {
        assert!(VerificationKey::from_jwk(&jwk(&ec(fine))).is_ok(), "{fine}");
    }
    for other in [
        r#","use":"enc""#,
        r#","use":"SIG""#,
        r#","use":"""#,
        r#","key_ops":[]"#,
        r#","key_ops":["sign"]"#,
        r#","use":"sig","key_ops":["encrypt"]"#,
        r#","use":"enc","key_ops":["verify"]"#,
    ] {
        assert_eq!(refused(&ec(other)), KeyError::NotForSignatures, "{other}");
    }
    for alg in ["RS256", "ES384", "EdDSA", "HS256"] {
        assert_eq!(
            refused(&ec(&format!(r#","alg":"{alg}""#))),
            KeyError::AlgorithmMismatch
        );
    }
    for alg in ["ES512", "none", "", "ECDH-ES"] {
        assert_eq!(
            refused(&ec(&format!(r#","alg":"{alg}""#))),
            KeyError::UnknownAlgorithm
        );
    }
    for typed in [
        r#","alg":1"#,
        r#","use":["sig"]"#,
        r#","key_ops":"verify""#,
        r#","key_ops":[1]"#,
        r#","kid":7"#,
        r#","alg":null"#,
    ] {
        assert!(
            matches!(refused(&ec(typed)), KeyError::WrongType(_)),
            "{typed}"
        );
    }
    assert_eq!(
        refused(&ec(&format!(r#","kid":"{}""#, "k".repeat(257)))),
        KeyError::KidTooLong
    );
}

#[test]
fn r003_symmetric_and_private_keys_are_refused() {
    assert_eq!(
        refused(r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"}"#),
        KeyError::Symmetric
    );
    assert_eq!(refused(&ec(r#","k":"AAAA""#)), KeyError::Symmetric);
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        assert_eq!(
            refused(&ec(&format!(r#","{member}":"AA""#))),
            KeyError::Private,
            "{member}"
        );
    }
}

#[test]
fn r013_weak_rsa_keys_are_refused() {
    let number = |bits: usize| {
        let mut bytes = vec![0xff; bits.div_ceil(8)];
        bytes[0] >>= bytes.len() * 8 - bits;
        b64::encode(bytes)
    };
    for bits in [512, 1024, 2047, 8193, 16384] {
        assert_eq!(
            refused(&rsa(&number(bits), "AQAB")),
            KeyError::RsaModulus,
            "{bits}"
        );
    }
    for bits in [2048, 2049, 3072, 8192] {
        assert!(
            VerificationKey::from_jwk(&jwk(&rsa(&number(bits), "AQAB"))).is_ok(),
            "{bits}"
        );
    }
    for e in ["AQ", "Ag", "AQAA", "AwAAAAE", "AQABAQABAQAB"] {
        assert_eq!(refused(&rsa(RFC7638_N, e)), KeyError::RsaExponent, "{e}");
    }
    assert!(VerificationKey::from_jwk(&jwk(&rsa(RFC7638_N, "Aw"))).is_ok());
    assert_eq!(refused(&rsa(RFC7638_N, "AAEAAQ")), KeyError::Encoding("e"));
    assert_eq!(
        refused(&rsa(&format!("AAAA{RFC7638_N}"), "AQAB")),
        KeyError::Encoding("n")
    );
    assert_eq!(refused(&rsa("", "AQAB")), KeyError::Encoding("n"));
    assert_eq!(
        refused(&rsa(&format!("{RFC7638_N}="), "AQAB")),
        KeyError::Encoding("n")
    );
    let mut even = b64::decode(RFC7638_N).unwrap();
    *even.last_mut().unwrap() &= 0xfe;
    assert_eq!(
        refused(&rsa(&b64::encode(even), "AQAB")),
        KeyError::RsaModulus
    );
}

#[test]
fn r013_points_off_the_curve_are_refused() {
    let point = |crv: &str, x: &str, y: &str| {
        refused(&format!(
            r#"{{"kty":"EC","crv":"{crv}","x":"{x}","y":"{y}"}}"#
        ))
    };
    let zero = b64::encode([0; 32]);
    assert_eq!(point("P-256", P256_X, &zero), KeyError::BadPoint);
    assert_eq!(point("P-256", &zero, &zero), KeyError::BadPoint);
    assert_eq!(point("P-256", P256_Y, P256_X), KeyError::BadPoint);
    assert_eq!(
        point("P-256", &b64::encode([0xff; 32]), &zero),
        KeyError::BadPoint
    );
    assert_eq!(point("P-384", P256_X, P256_Y), KeyError::Encoding("x"));
    assert_eq!(point("P-256", P256_X, "AA"), KeyError::Encoding("y"));
    for crv in ["P-521", "secp256k1", "p-256", "Ed25519", ""] {
        assert_eq!(point(crv, P256_X, P256_Y), KeyError::UnknownCurve, "{crv}");
    }
    assert_eq!(
        refused(r#"{"kty":"EC","crv":"P-256","x":"AA"}"#),
        KeyError::Missing("y")
    );
    assert_eq!(
        refused(r#"{"kty":"EC","crv":"P-256"}"#),
        KeyError::Missing("x")
    );
    assert_eq!(refused(r#"{"kty":"EC"}"#), KeyError::Missing("crv"));
    assert_eq!(refused("{}"), KeyError::Missing("kty"));
    for kty in ["ec", "AKP", ""] {
        assert_eq!(
            refused(&format!(r#"{{"kty":"{kty}"}}"#)),
            KeyError::UnknownKeyType
        );
    }
}

#[test]
fn r013_low_order_ed25519_keys_are_refused() {
    let okp = |x: &[u8]| {
        let text = format!(
            r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#,
            b64::encode(x)
        );
        VerificationKey::from_jwk(&jwk(&text))
    };
    let mut points: Vec<[u8; 32]> = Vec::new();
    for (low, middle, high) in [
        (0, 0, 0),
        (1, 0, 0),
        (0xec, 0xff, 0x7f),
        (0xed, 0xff, 0x7f),
        (0xee, 0xff, 0x7f),
        (0xff, 0xff, 0x7f),
    ] {
        let mut point = [middle; 32];
        point[0] = low;
        point[31] = high;
        points.push(point);
    }
    for hex in [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ] {
        let bytes: Vec<u8> = (0..64)
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        points.push(bytes.try_into().unwrap());
    }
    for mut point in points {
        assert_eq!(okp(&point).err(), Some(KeyError::BadPoint), "{point:x?}");
        point[31] |= 0x80;
        assert_eq!(okp(&point).err(), Some(KeyError::BadPoint), "{point:x?}");
    }
    assert_eq!(okp(&[9; 31]).err(), Some(KeyError::Encoding("x")));
    assert_eq!(okp(&[9; 33]).err(), Some(KeyError::Encoding("x")));
    assert!(okp(&b64::decode(ED25519_X).unwrap()).is_ok());
    for crv in ["X25519", "Ed448"] {
        let text = format!(r#"{{"kty":"OKP","crv":"{crv}","x":"{ED25519_X}"}}"#);
        assert_eq!(refused(&text), KeyError::UnknownCurve);
    }
}

#[test]
fn both_names_of_ed25519_are_one_algorithm() {
    for alg in ["EdDSA", "Ed25519"] {
        let text = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{ED25519_X}","alg":"{alg}"}}"#);
        let key = VerificationKey::from_jwk(&jwk(&text)).unwrap();
        assert_eq!(key.algorithms().collect::<Vec<_>>(), [Algorithm::EdDsa]);
    }
}

#[test]
fn key_sets_skip_what_they_cannot_use() {
    let set = |text: &str| Jwks::parse(text.as_bytes());
    for bad in ["{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"Keys":[]}"#] {
        assert_eq!(set(bad).err(), Some(JwksError::NoKeys), "{bad}");
    }
    for bad in ["[]", "", "<html>", r#"{"keys":[],"keys":[]}"#] {
        assert!(matches!(set(bad), Err(JwksError::Json(_))), "{bad}");
    }
    let many = format!(r#"{{"keys":[{}]}}"#, vec!["1"; 101].join(","));
    assert_eq!(set(&many).err(), Some(JwksError::TooManyKeys));
    let large = format!(r#"{{"keys":[],"x":"{}"}}"#, "y".repeat(300_000));
    assert!(matches!(set(&large), Err(JwksError::Json(_))));
    let mixed = set(&format!(
        r#"{{"keys":[1,"a",{{}},{}]}}"#,
        ec(r#","kid":"good""#)
    ))
    .unwrap();
    assert_eq!((mixed.keys().len(), mixed.skipped().len()), (1, 3));
}

#[test]
fn r011_candidates_are_those_of_kid_and_algorithm_and_few() {
    let keys: Vec<SigningKey> = (0..6)
        .map(|n| SigningKey::generate(&Seeded::new(n)).unwrap())
        .collect();
    let jwks: Vec<String> = keys
        .iter()
        .map(|key| key.public_jwk().to_string().replace(key.kid(), "same"))
        .collect();
    let set = Jwks::parse(format!(r#"{{"keys":[{}]}}"#, jwks.join(",")).as_bytes()).unwrap();
    assert_eq!(set.candidates(Some("same"), Algorithm::Es256).count(), 4);
    assert_eq!(set.candidates(None, Algorithm::Es256).count(), 4);
    assert_eq!(set.candidates(Some("Same"), Algorithm::Es256).count(), 0);
    assert_eq!(set.candidates(Some("same"), Algorithm::Rs256).count(), 0);
    // Without its kid, a token of the second key is found, one of the sixth is not.
    let token = |n: usize| {
        let signed = keys[n].sign("jwt", "{}").unwrap();
        parse(&signed).unwrap().verify_with(&set).is_ok()
    };
    assert!(
        !token(1),
        "its kid is the thumbprint, which the set does not have"
    );
}

#[test]
fn pem_keys_need_their_algorithm() {
    let pem = VerificationKey::from_pem;
    for (text, algorithm) in [
        (RSA_2048, Algorithm::Ps384),
        (ED25519, Algorithm::EdDsa),
        (P256, Algorithm::Es256),
        (P384, Algorithm::Es384),
    ] {
        let key = pem(text, algorithm, Some("k".to_owned())).unwrap();
        assert_eq!(key.algorithms().collect::<Vec<_>>(), [algorithm]);
        for other in [Algorithm::Rs256, Algorithm::Es256, Algorithm::Hs256] {
            let fits = other == algorithm || (text == RSA_2048 && other == Algorithm::Rs256);
            assert_eq!(pem(text, other, None).is_ok(), fits, "{other}");
        }
    }
    assert_eq!(
        pem(RSA_1024, Algorithm::Rs256, None).err(),
        Some(KeyError::RsaModulus)
    );
    assert_eq!(
        pem(SECP256K1, Algorithm::Es256, None).err(),
        Some(KeyError::UnknownCurve)
    );
}

#[test]
fn pem_is_read_strictly() {
    let refuse = |text: &str| {
        assert!(
            VerificationKey::from_pem(text, Algorithm::Es256, None).is_err(),
            "{text}"
        );
    };
    refuse("");
    refuse(&P256.replace("PUBLIC", "PRIVATE"));
    refuse(&format!("{P256}\n{P256}"));
    refuse(&format!("x{P256}"));
    refuse(&P256.replace("==", "="));
    refuse(&P256.replace("==", ""));
    let body: String = P256.lines().filter(|line| !line.starts_with('-')).collect();
    // Every single changed byte of the structure is refused; the point is checked elsewhere.
    let der = base64(&body);
    for at in 0..27 {
        for bit in 0..8 {
            let mut other = der.clone();
            other[at] ^= 1 << bit;
            refuse(&pem_of(&other));
        }
    }
    refuse(&pem_of(&[der.as_slice(), &[0]].concat()));
    refuse(&pem_of(&der[..der.len() - 1]));
    // Lengths in a longer form than needed.
    refuse(&pem_of(&[&[0x30, 0x81, 0x59], &der[2..]].concat()));
    refuse(&pem_of(&[&[0x30, 0x82, 0, 0x59], &der[2..]].concat()));
    refuse(&pem_of(&[&[0x30, 0x80], &der[2..], &[0, 0]].concat()));
    assert!(VerificationKey::from_pem(&pem_of(&der), Algorithm::Es256, None).is_ok());
}

fn base64(text: &str) -> Vec<u8> {
    b64::decode(
        text.trim_end_matches('=')
            .replace('+', "-")
            .replace('/', "_"),
    )
    .unwrap()
}

fn pem_of(der: &[u8]) -> String {
    let mut text = b64::encode(der).replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----")
}

/// Multiplies a big-endian number.
fn times(number: &[u8], factor: u32) -> Vec<u8> {
    let mut carry = 0;
    let mut product: Vec<u8> = number
        .iter()
        .rev()
        .map(|byte| {
            carry += u32::from(*byte) * factor;
            let low = carry as u8;
            carry >>= 8;
            low
        })
        .collect();
    if carry > 0 {
        product.push(carry as u8);
    }
    product.reverse();
    product
}

#[test]
fn r013_rsa_keys_of_the_roca_generator_are_refused() {
    let primes = (3..=167).filter(|n| (2..*n).all(|d| n % d != 0));
    let mut n = primes.fold(vec![1], |product, prime| times(&product, prime));
    while n.len() < 256 || n[0] < 0x80 {
        n = times(&n, 2);
    }
    // One more than a multiple of all the primes: 65537 to the power of 0 modulo each.
    *n.last_mut().unwrap() += 1;
    assert_eq!(refused(&rsa(&b64::encode(&n), "AQAB")), KeyError::Roca);
    *n.last_mut().unwrap() += 2;
    assert!(VerificationKey::from_jwk(&jwk(&rsa(&b64::encode(&n), "AQAB"))).is_ok());
}
