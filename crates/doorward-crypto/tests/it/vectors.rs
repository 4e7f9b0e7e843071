//! R012: vectors of others, read from a folder beside the project; their licences are noted
//! there.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use doorward_core::Secret;
use doorward_crypto::jose::{Algorithm, Jwks, VerificationKey, b64};
use serde_json::Value;

use crate::material::{jwk, parse, verify};

/// A file or folder of the vectors, or says loudly that the test did not run.
pub(crate) fn folder(path: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("DOORWARD_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        PathBuf::from,
    );
    let found = folder.join(path);
    if !found.exists() {
        // Not `eprintln!`, which the test harness would hide.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {path} is not in {}; set DOORWARD_VECTORS",
            folder.display()
        );
        return None;
    }
    Some(found)
}

/// Reads a file of the folder, or says loudly that the test did not run.
pub(crate) fn load(path: &str) -> Option<Value> {
    let text = std::fs::read(folder(path)?).unwrap();
    Some(serde_json::from_slice(&text).unwrap())
}

/// The key of a group: its public half, or, explicitly, the shared secret.
fn key_of(group: &Value) -> Option<VerificationKey> {
    let public = &group["public"];
    if public.is_object() {
        return VerificationKey::from_jwk(&jwk(&public.to_string())).ok();
    }
    let private = &group["private"];
    let ours = private["kty"] == "oct" && private["alg"] == "HS256" && private["use"] == "sig";
    let secret = b64::decode(private["k"].as_str().unwrap())
        .ok()
        .filter(|_| ours)?;
    VerificationKey::hmac(&Secret::new(secret), None).ok()
}

/// What disagrees with the file: valid tests that are refused, invalid ones that are accepted.
#[derive(Default, Debug)]
struct Disagreement {
    refused: BTreeMap<u64, String>,
    accepted: BTreeMap<u64, String>,
    agreed: u64,
}

/// Runs every test of a file.
fn run(file: &Value, accepts: impl Fn(&Value, &str) -> bool) -> Disagreement {
    let mut found = Disagreement::default();
    for group in file["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let id = test["tcId"].as_u64().unwrap();
            // A JWS in JSON serialization is an object in some tests, a text in others.
            let token = test["jws"]
                .as_str()
                .map_or_else(|| test["jws"].to_string(), str::to_owned);
            match (test["result"].as_str().unwrap(), accepts(group, &token)) {
                ("valid", true) | ("invalid", false) => found.agreed += 1,
                ("valid", false) => {
                    found.refused.insert(id, token);
                }
                ("invalid", true) => {
                    found.accepted.insert(id, token);
                }
                (other, _) => panic!("unknown result {other}"),
            }
        }
    }
    let total = found.agreed + found.refused.len() as u64 + found.accepted.len() as u64;
    assert_eq!(Some(total), file["numberOfTests"].as_u64());
    found
}

fn ids(tests: &BTreeMap<u64, String>) -> Vec<u64> {
    tests.keys().copied().collect()
}

#[test]
fn r012_wycheproof_json_web_signature() {
    let Some(file) = load("wycheproof/json_web_signature_test.json") else {
        return;
    };
    let found = run(&file, |group, token| {
        key_of(group).is_some_and(|key| verify(token, &key).is_ok())
    });
    // 346, 350: a PS384 token and a key whose alg is PS256, which R003 refuses.
    // 347, 351: P-521 is not enabled, and the keys' "ES521" is no algorithm.
    // 372, 373: a '?' within base64url, which R014 refuses.
    assert_eq!(
        ids(&found.refused),
        [346, 347, 350, 351, 372, 373],
        "{found:#?}"
    );
    // 367, 370 claim a wrong padding and have none: they are the valid token of test 357.
    assert_eq!(ids(&found.accepted), [367, 370], "{found:#?}");
    let valid = "eyJraWQiOiJoczI1Ni1rZXkiLCJhbGciOiJIUzI1NiJ9.VGVzdA.c1LROH7eNQwUT8KMVEO52VC3WZ9e_AnDWbZ7aMmowV8";
    assert!(found.accepted.values().all(|token| token == valid));
}

#[test]
fn r012_wycheproof_json_web_key() {
    let Some(file) = load("wycheproof/json_web_key_test.json") else {
        return;
    };
    let found = run(&file, |group, token| {
        let half = if group["public"].is_object() {
            "public"
        } else {
            "private"
        };
        Jwks::parse(group[half].to_string().as_bytes())
            .is_ok_and(|set| parse(token).is_ok_and(|jws| jws.verify_with(&set).is_ok()))
    });
    // 2, 13, 14, 15: sets of symmetric keys, which never verify (R003).
    assert_eq!(ids(&found.refused), [2, 13, 14, 15], "{found:#?}");
    assert_eq!(ids(&found.accepted), [] as [u64; 0], "{found:#?}");
}

#[test]
fn r012_jose_cookbook() {
    for (path, algorithm) in [
        (
            "jose-cookbook/jws/4_1.rsa_v15_signature.json",
            Some(Algorithm::Rs256),
        ),
        (
            "jose-cookbook/jws/4_2.rsa-pss_signature.json",
            Some(Algorithm::Ps384),
        ),
        // P-521 is not enabled.
        ("jose-cookbook/jws/4_3.ecdsa_signature.json", None),
        (
            "jose-cookbook/jws/4_4.hmac-sha2_integrity_protection.json",
            Some(Algorithm::Hs256),
        ),
        ("jose-cookbook/curve25519/jws.json", Some(Algorithm::EdDsa)),
        // RFC 7797, unencoded payload, is not supported.
        ("jose-cookbook/rfc7797/4.2.hmac-sha2_b64_false.json", None),
    ] {
        let Some(file) = load(path) else { continue };
        let input = &file["input"];
        let mut public = input["key"].clone();
        let key = if public["kty"] == "oct" {
            let secret = b64::decode(public["k"].as_str().unwrap()).unwrap();
            VerificationKey::hmac(&Secret::new(secret), None).ok()
        } else {
            for private in ["d", "p", "q", "dp", "dq", "qi"] {
                public.as_object_mut().unwrap().remove(private);
            }
            VerificationKey::from_jwk(&jwk(&public.to_string())).ok()
        };
        let token = file["output"]["compact"].as_str().unwrap_or("");
        let payload = key.and_then(|key| verify(token, &key).ok());
        assert_eq!(
            payload.as_ref().map(|p| p.header().algorithm()),
            algorithm,
            "{path}"
        );
        if let Some(payload) = payload {
            assert_eq!(
                payload.bytes(),
                input["payload"].as_str().unwrap().as_bytes()
            );
        }
        // As published, with its private or symmetric members, no key set takes the key.
        let set = format!(r#"{{"keys":[{}]}}"#, input["key"]);
        assert_eq!(
            Jwks::parse(set.as_bytes()).unwrap().keys().len(),
            0,
            "{path}"
        );
    }
}
