//! The examples of the standards.

use doorward_core::Secret;
use doorward_crypto::jose::{Algorithm, Claims, Jwks, JwsError, KeyError, VerificationKey, b64};

use crate::material::{key, parse, verify};

const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const RFC7515_A2_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const RFC7515_A2_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
pub(crate) const RFC7638_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
pub(crate) const ED25519_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

#[test]
fn rfc7515_a1_hs256_and_rfc7519_claims() {
    let secret = b64::decode(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    )
    .unwrap();
    let key = VerificationKey::hmac(&Secret::new(secret), None).unwrap();
    let token = format!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    assert_eq!(
        parse(&token).unwrap().unverified_issuer(),
        Ok(Some("joe".to_owned()))
    );
    let payload = verify(&token, &key).unwrap();
    assert_eq!(payload.header().typ(), Some("jwt"));
    let claims = Claims::from_verified(&payload).unwrap();
    assert_eq!(claims.issuer(), Some("joe"));
    assert_eq!(claims.expires_at().unwrap().secs(), 1_300_819_380);
    assert_eq!(
        claims.object().boolean("http://example.com/is_root"),
        Ok(Some(true))
    );
    assert_eq!(claims.audience(), None);
}

#[test]
fn rfc7515_a2_rs256() {
    let key = key(&format!(
        r#"{{"kty":"RSA","n":"{RFC7515_A2_N}","e":"AQAB"}}"#
    ));
    let token = format!("eyJhbGciOiJSUzI1NiJ9.{JOE}.{RFC7515_A2_SIGNATURE}");
    assert_eq!(
        verify(&token, &key).unwrap().header().algorithm(),
        Algorithm::Rs256
    );
}

#[test]
fn rfc7515_a3_es256() {
    let key = key(
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
    );
    let token = format!(
        "eyJhbGciOiJFUzI1NiJ9.{JOE}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    assert!(verify(&token, &key).is_ok());
}

#[test]
fn rfc8037_a4_ed25519_and_a3_thumbprint() {
    let key = key(&format!(
        r#"{{"kty":"OKP","crv":"Ed25519","x":"{ED25519_X}"}}"#
    ));
    assert_eq!(
        key.thumbprint(),
        Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
    );
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let payload = verify(token, &key).unwrap();
    assert_eq!(payload.bytes(), b"Example of Ed25519 signing");
    assert!(Claims::from_verified(&payload).is_err());
}

#[test]
fn rfc7638_thumbprint_of_rsa() {
    let key = key(&format!(
        r#"{{"kty":"RSA","n":"{RFC7638_N}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}"#
    ));
    assert_eq!(
        key.thumbprint(),
        Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
    );
    assert_eq!(key.kid(), Some("2011-04-29"));
    assert_eq!(key.algorithms().collect::<Vec<_>>(), [Algorithm::Rs256]);
}

#[test]
fn rfc7517_a1_public_keys_and_a3_symmetric_keys() {
    let set = Jwks::parse(
        format!(
            r#"{{"keys":[
              {{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}},
              {{"kty":"RSA","n":"{RFC7638_N}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}},
              {{"kty":"oct","alg":"A128KW","k":"GawgguFyGrWKav7AX4VKUg"}}]}}"#
        )
        .as_bytes(),
    )
    .unwrap();
    assert_eq!(set.keys().len(), 1);
    assert!(set.has_kid("2011-04-29") && !set.has_kid("1"));
    let skipped: Vec<_> = set
        .skipped()
        .iter()
        .map(|s| (s.index, s.reason.clone()))
        .collect();
    assert_eq!(
        skipped,
        [(0, KeyError::NotForSignatures), (2, KeyError::Symmetric)]
    );
    assert_eq!(set.skipped()[0].kid.as_deref(), Some("1"));
}

#[test]
fn r001_rfc7519_unsecured_token_is_refused() {
    let token = format!("eyJhbGciOiJub25lIn0.{JOE}.");
    assert_eq!(parse(&token).err(), Some(JwsError::Malformed));
    let token = format!("eyJhbGciOiJub25lIn0.{JOE}.AA");
    assert_eq!(parse(&token).err(), Some(JwsError::UnknownAlgorithm));
}
