//! Tokens of a foreign issuer, signed with three algorithms.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use doorward_crypto::entropy::OsEntropy;
use doorward_crypto::jose::{SigningKey, b64};
use serde_json::{Value, json};

/// Writes the tokens and the key set.
pub(crate) fn write(folder: &Path, count: u32) -> Result<()> {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048)?;
    let ed = Ed25519KeyPair::generate()?;
    let ec = SigningKey::generate(&OsEntropy::new())?;
    let keys = json!({ "keys": [rsa_jwk(&rsa), ed_jwk(&ed), ec.public_jwk()] });
    std::fs::write(folder.join("jwks.json"), keys.to_string())?;
    let random = SystemRandom::new();
    let rs256 = |input: &[u8]| -> Result<Vec<u8>> {
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(&RSA_PKCS1_SHA256, &random, input, &mut signature)?;
        Ok(signature)
    };
    let eddsa = |input: &[u8]| -> Result<Vec<u8>> { Ok(ed.sign(input).as_ref().to_vec()) };
    let now = now()?;
    write_all(&folder.join("rs256.txt"), count, |n| {
        signed("RS256", "rs", &claims(n, now), rs256)
    })?;
    write_all(&folder.join("eddsa.txt"), count, |n| {
        signed("EdDSA", "ed", &claims(n, now), eddsa)
    })?;
    write_all(&folder.join("es256.txt"), count, |n| {
        Ok(ec.sign("at+jwt", &claims(n, now).to_string())?)
    })
}

fn write_all(file: &Path, count: u32, sign: impl Fn(u32) -> Result<String>) -> Result<()> {
    let mut text = String::new();
    for n in 0..count {
        writeln!(text, "Bearer {}", sign(n)?)?;
    }
    std::fs::write(file, text).with_context(|| file.display().to_string())
}

fn claims(n: u32, now: u64) -> Value {
    json!({
        "iss": "https://bench.example",
        "aud": "bench",
        "sub": format!("caller-{n}"),
        "client_id": "bench",
        "scope": "bench",
        "iat": now,
        "exp": now + 86_400,
        "jti": format!("{n:08x}"),
    })
}

fn signed(
    algorithm: &str,
    kid: &str,
    claims: &Value,
    sign: impl Fn(&[u8]) -> Result<Vec<u8>>,
) -> Result<String> {
    let header = json!({ "alg": algorithm, "kid": kid, "typ": "at+jwt" }).to_string();
    let input = format!(
        "{}.{}",
        b64::encode(header),
        b64::encode(claims.to_string())
    );
    let signature = sign(input.as_bytes())?;
    Ok(format!("{input}.{}", b64::encode(signature)))
}

fn rsa_jwk(pair: &RsaKeyPair) -> Value {
    let public = pair.public_key();
    json!({
        "kty": "RSA", "kid": "rs", "alg": "RS256", "use": "sig",
        "n": b64::encode(public.modulus().big_endian_without_leading_zero()),
        "e": b64::encode(public.exponent().big_endian_without_leading_zero()),
    })
}

fn ed_jwk(pair: &Ed25519KeyPair) -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519", "kid": "ed", "alg": "EdDSA", "use": "sig",
        "x": b64::encode(pair.public_key().as_ref()),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "tokens for a server that reads the same clock"
)]
fn now() -> Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(since
        .map_err(|_| anyhow!("the clock is before 1970"))?
        .as_secs())
}
