//! Key sets of issuers: fetched through the guarded client, and the last good ones kept on disk.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::outbound::Outbound;
use anyhow::Result as AnyResult;
use async_trait::async_trait;
use doorward_authn::jwt::{Fetch, FetchError, Fetched, LastGood};
use doorward_core::Timestamp;
use serde::{Deserialize, Serialize};

/// Keeps the last good key set of every issuer in the state folder, so that a restart while an
/// issuer is down refuses nobody.
pub struct KeptKeySets {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    issuer: String,
    fetched_at_ms: i64,
    key_set: String,
}

impl KeptKeySets {
    /// Keeps key sets in a folder of the state folder.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(state_dir: &Path) -> AnyResult<Self> {
        let folder = state_dir.join("key-sets");
        crate::state::make_folder(&folder)?;
        Ok(Self { folder })
    }

    fn file(&self, issuer: &str) -> PathBuf {
        let digest = doorward_crypto::digest::sha256(issuer.as_bytes());
        self.folder.join(format!(
            "{}.json",
            doorward_crypto::jose::b64::encode(digest)
        ))
    }

    /// Anything unreadable counts as absent: the key set is then fetched.
    fn read(&self, issuer: &str) -> Option<(Vec<u8>, Timestamp)> {
        let text = std::fs::read(self.file(issuer)).ok()?;
        let kept: Kept = serde_json::from_slice(&text).ok()?;
        (kept.issuer == issuer).then(|| {
            (
                kept.key_set.into_bytes(),
                Timestamp::from_millis(kept.fetched_at_ms),
            )
        })
    }

    fn write(&self, issuer: &str, key_set: &[u8], fetched_at: Timestamp) -> AnyResult<()> {
        let kept = Kept {
            issuer: issuer.to_owned(),
            fetched_at_ms: fetched_at.millis(),
            key_set: str::from_utf8(key_set)?.to_owned(),
        };
        let file = self.file(issuer);
        let temporary = file.with_extension(format!("{}.tmp", std::process::id()));
        let mut options = std::fs::OpenOptions::new();
        let mut out = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        out.write_all(&serde_json::to_vec(&kept)?)?;
        out.sync_all()?;
        Ok(std::fs::rename(&temporary, &file)?)
    }
}

impl LastGood for KeptKeySets {
    fn load(&self, name: &str) -> Option<(Vec<u8>, Timestamp)> {
        self.read(name)
    }

    fn save(&self, name: &str, key_set: &[u8], fetched_at: Timestamp) {
        if let Err(error) = self.write(name, key_set, fetched_at) {
            eprintln!("doorward: the key set of {name} could not be kept: {error:#}");
        }
    }
}

#[async_trait]
impl Fetch for Outbound {
    async fn get(&self, url: &str, max_bytes: usize) -> Result<Fetched, FetchError> {
        let document = Self::get(self, url, max_bytes).await;
        let document = document.map_err(|error| FetchError(error.to_string()))?;
        Ok(Fetched {
            body: document.body.to_vec(),
            max_age: document.max_age,
        })
    }
}
