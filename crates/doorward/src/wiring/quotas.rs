//! What is used of quotas, kept in the state folder: written every few seconds and at the end.
//!
//! After a crash, the calls of those few seconds are not counted; never are there too many.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use doorward_crypto::digest::sha256;
use doorward_policy::{Counts, LongKeyDigest, QuotaUse};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::state::State;
use crate::state::secrets::Secrets;

/// The file, and a digest of what was written last.
pub struct KeptQuotas {
    file: PathBuf,
    written: Mutex<Option<[u8; 32]>>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    limit: String,
    since_ms: i64,
    used: BTreeMap<String, u64>,
}

impl KeptQuotas {
    /// The file of a state folder.
    pub fn of(state: &State) -> Self {
        Self {
            file: state.dir.join("quotas.json"),
            written: Mutex::default(),
        }
    }

    /// Takes over what was written last. What cannot be read is told, and counting starts anew.
    pub fn restore(&self, counts: &Counts) {
        let text = match std::fs::read(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => return self.cannot(&error),
        };
        match serde_json::from_slice::<Vec<Kept>>(&text) {
            Err(error) => self.cannot(&error),
            Ok(kept) => {
                let quotas = kept.into_iter().map(|quota| QuotaUse {
                    limit: quota.limit.into(),
                    since: quota.since_ms,
                    used: quota
                        .used
                        .into_iter()
                        .map(|(key, n)| (key.into(), n))
                        .collect(),
                });
                counts.restore(&quotas.collect::<Vec<_>>());
            }
        }
    }

    fn cannot(&self, error: &dyn std::fmt::Display) {
        let file = self.file.display();
        eprintln!("doorward: {file} cannot be read, so quotas are counted from zero: {error}");
    }

    /// Writes what has changed: all of it or nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, counts: &Counts) -> Result<()> {
        let quotas = counts.quotas();
        let mut written = self.written.lock();
        if quotas.is_empty() && written.is_none() {
            return Ok(());
        }
        let kept = quotas.into_iter().map(|quota| Kept {
            limit: quota.limit.into(),
            since_ms: quota.since,
            used: quota
                .used
                .into_iter()
                .map(|(key, n)| (key.into(), n))
                .collect(),
        });
        let mut kept: Vec<Kept> = kept.collect();
        kept.sort_by(|a, b| a.limit.cmp(&b.limit));
        let text = serde_json::to_vec(&kept)?;
        let digest = sha256(&text);
        if *written == Some(digest) {
            return Ok(());
        }
        let temporary = self.file.with_extension("json.tmp");
        let write = || {
            let mut options = std::fs::File::options();
            let options = options.write(true).create(true).truncate(true).mode(0o600);
            let mut file = options.open(&temporary)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&temporary, &self.file)
        };
        write().with_context(|| format!("cannot write {}", self.file.display()))?;
        *written = Some(digest);
        Ok(())
    }
}

/// Digests the long names of counted callers; the same after a restart, as quotas must be.
pub fn long_keys(secrets: &Secrets) -> LongKeyDigest {
    let key = secrets.digest_key("counted-callers");
    Arc::new(move |text| key.digest("limit", text))
}
