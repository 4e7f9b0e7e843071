//! Measures the key index: bytes per key, and the time of a look-up with 1,000 and 1,000,000
//! keys. Run it with `cargo run --release -p doorward-authn --example key_index`.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement may stop at the first surprise"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use doorward_authn::api_key::{ApiKeyAuthenticator, ApiKeyParts, KeyIndex};
use doorward_core::credential::{Method, Place, Presented};
use doorward_core::gate::{Authenticator, Verdict};
use doorward_core::net::{Cidrs, ClientAddress};
use doorward_core::request::{Arrival, ManagedHeaders, Transport};
use doorward_core::{Clock, Entropy, RequestHead, ScopeSet, Secret, Timestamp};
use doorward_crypto::api_key::{ApiKeyText, Environment, KeyKind, KeyPrefix};
use doorward_crypto::hash::{Pepper, PepperId, Peppers};
use doorward_store::{ApiKeyId, ApiKeyRecord};

/// How many keys are looked up, one after the other.
const SAMPLE: usize = 1000;

struct Still;
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1)
    }
    fn monotonic_micros(&self) -> u64 {
        0
    }
}

/// SplitMix64: fast, and as spread as a measurement needs.
struct Fast(AtomicU64);
impl Entropy for Fast {
    fn fill(&self, into: &mut [u8]) {
        for chunk in into.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice((z ^ (z >> 31)).to_le_bytes().get(..chunk.len()).unwrap());
        }
    }
}

fn main() {
    let prefix = KeyPrefix::parse("dw").unwrap();
    let peppers = || {
        let pepper = Pepper::new(PepperId::parse("p").unwrap(), &Secret::new([7; 32]));
        Arc::new(Peppers::new(pepper, Vec::new()).unwrap())
    };
    let index = Arc::new(KeyIndex::default());
    let method = ApiKeyAuthenticator::new(ApiKeyParts {
        index: index.clone(),
        peppers: peppers(),
        prefix: prefix.clone(),
        headers: Vec::new(),
        environments: vec![Environment::Live],
        clock: Arc::new(Still),
    });
    let entropy = Fast(AtomicU64::new(1));
    let peppers = peppers();
    let mut keys = Vec::with_capacity(SAMPLE);
    let empty = resident_bytes();
    for n in 0..1_000_000_usize {
        if n == SAMPLE {
            println!(
                "{SAMPLE:>9} keys: {:.0} ns per look-up",
                nanos(&method, &keys)
            );
        }
        // Only the sample needs real texts; the rest is found by digest all the same.
        let digest = if n < SAMPLE {
            let key = ApiKeyText::generate(&prefix, KeyKind::Secret, Environment::Live, &entropy);
            let digest = *peppers
                .digest(key.secret().expose().as_bytes())
                .1
                .as_bytes();
            keys.push(key.secret().expose().clone());
            digest
        } else {
            let mut digest = [0; 32];
            entropy.fill(&mut digest);
            digest
        };
        index.insert(&record(n, digest, &entropy));
    }
    let per_key = (resident_bytes() - empty) / index.len();
    println!(
        "{:>9} keys: {:.0} ns per look-up",
        index.len(),
        nanos(&method, &keys)
    );
    println!("{per_key} bytes of memory per key");
}

fn record(n: usize, digest: [u8; 32], entropy: &dyn Entropy) -> ApiKeyRecord {
    ApiKeyRecord {
        id: ApiKeyId::generate(entropy),
        name: String::new(),
        owner: format!("customer-{n}"),
        kind: doorward_store::KeyKind::Secret,
        environment: Environment::Live,
        digest,
        pepper_id: "p".to_owned(),
        hint: String::new(),
        scopes: ScopeSet::parse("orders:read orders:write").unwrap(),
        roles: Vec::new(),
        allowed_cidrs: Cidrs::default(),
        not_before: None,
        expires_at: None,
        revoked_at: None,
        created_at: Timestamp::from_secs(0),
        last_used_at: None,
        exposed_at: None,
        replaced_by: None,
    }
}

fn nanos(method: &ApiKeyAuthenticator, keys: &[String]) -> f64 {
    let (parts, ()) = http::Request::get("/")
        .header("host", "a.example")
        .body(())
        .unwrap()
        .into_parts();
    let arrival = Arrival {
        client: ClientAddress::new("192.0.2.1".parse().unwrap()),
        transport: Transport::Tls,
    };
    let head = RequestHead::canonicalise(parts, arrival, &ManagedHeaders::default()).unwrap();
    let rounds = 200;
    let start = Instant::now();
    for _ in 0..rounds {
        for key in keys {
            let presented = Presented::new(Method::ApiKey, Place::Header, key);
            let Verdict::Now(verdict) = method.verify(presented, &head) else {
                return f64::NAN;
            };
            std::hint::black_box(verdict.unwrap());
        }
    }
    let lookups = u32::try_from(rounds * keys.len()).unwrap();
    start.elapsed().as_secs_f64() * 1e9 / f64::from(lookups)
}

/// The process's resident memory (Linux).
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = status.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}
