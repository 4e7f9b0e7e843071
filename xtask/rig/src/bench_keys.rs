//! API keys by the million, straight into the database of a stopped server.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use doorward_core::net::Cidrs;
use doorward_core::{ScopeSet, Secret, Timestamp};
use doorward_crypto::api_key::{ApiKeyText, KeyPrefix};
use doorward_crypto::entropy::OsEntropy;
use doorward_crypto::hash::key_digest::{Pepper, PepperId, Peppers};
use doorward_crypto::jose::b64;
use doorward_store::api_key::{ApiKeyId, ApiKeyRecord, Environment, KeyKind};
use doorward_store_sql::SqliteStore;

/// How many keys are written down, spread over all.
const SAMPLE: u32 = 2000;
/// Fewer than the writer lets wait.
const BATCH: u32 = 512;

/// Fills the state folder.
pub(crate) fn fill(state: &Path, count: u32, file: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    runtime.block_on(fill_store(state, count, file))
}

async fn fill_store(state: &Path, count: u32, file: &Path) -> Result<()> {
    let peppers = peppers(&state.join("secrets.toml"))?;
    let store = SqliteStore::open(&state.join("doorward.db"))?;
    let prefix = KeyPrefix::parse("dw")?;
    let entropy = OsEntropy::new();
    let scopes = ScopeSet::parse("bench")?;
    let every = (count / SAMPLE).max(1);
    let mut sample = String::new();
    for first in (0..count).step_by(usize::try_from(BATCH)?) {
        let mut creates = Vec::new();
        for n in first..count.min(first + BATCH) {
            let key = ApiKeyText::generate(&prefix, KeyKind::Secret, Environment::Live, &entropy);
            if n % every == 0 {
                writeln!(sample, "Bearer {}", key.secret().expose())?;
            }
            let (pepper_id, digest) = peppers.digest(key.secret().expose().as_bytes());
            let record = ApiKeyRecord {
                id: ApiKeyId::generate(&entropy),
                name: format!("key {n}"),
                owner: format!("service-{}", n % 5000),
                kind: KeyKind::Secret,
                environment: Environment::Live,
                digest: *digest.as_bytes(),
                pepper_id: pepper_id.as_str().to_owned(),
                hint: key.hint().to_owned(),
                scopes: scopes.clone(),
                roles: Vec::new(),
                allowed_cidrs: Cidrs::default(),
                not_before: None,
                expires_at: Some(Timestamp::from_millis(4_102_444_800_000)),
                revoked_at: None,
                created_at: Timestamp::from_millis(1_767_225_600_000),
                last_used_at: None,
                exposed_at: None,
                replaced_by: None,
            };
            let store = store.clone();
            creates.push(tokio::spawn(async move {
                doorward_store::Store::api_keys(&store).create(record).await
            }));
        }
        for create in creates {
            create.await??;
        }
    }
    std::fs::write(file, sample).with_context(|| file.display().to_string())
}

/// Reads the current pepper as the server does.
fn peppers(file: &Path) -> Result<Peppers> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let table: toml::Table = toml::from_str(&text)?;
    let pepper = table
        .get("pepper")
        .and_then(|list| list.as_array()?.first()?.as_table())
        .context("no pepper")?;
    let member = |name| {
        pepper
            .get(name)
            .and_then(toml::Value::as_str)
            .context("no pepper")
    };
    let secret: [u8; 32] = b64::decode(member("secret")?)?
        .try_into()
        .map_err(|_| anyhow::anyhow!("a pepper is 32 bytes"))?;
    let pepper = Pepper::new(PepperId::parse(member("id")?)?, &Secret::new(secret));
    Ok(Peppers::new(pepper, Vec::new())?)
}
