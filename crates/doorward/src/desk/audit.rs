//! The audit log of changes: one JSON line each, in the state folder.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use doorward_core::decision::DecisionIds;
use doorward_core::{Entropy, Timestamp};
use serde_json::json;

/// The open log. It is opened before a change is made, so that what cannot be recorded is not
/// begun.
pub struct Audit {
    file: File,
    ids: DecisionIds,
    actor: String,
}

/// What was changed.
pub struct Change<'a> {
    /// What was done: `create`, `revoke`.
    pub action: &'a str,
    /// The kind of thing: `api_key`.
    pub entity: &'a str,
    /// Which one.
    pub id: &'a str,
    /// What it was changed to, where that is not plain from the action. Never a secret.
    pub detail: Option<serde_json::Value>,
}

impl Audit {
    /// Opens the log of a state folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(state_dir: &Path, entropy: &dyn Entropy) -> Result<Self> {
        let path = state_dir.join("audit.jsonl");
        let mut options = OpenOptions::new();
        let file = options
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open the audit log {}", path.display()))?;
        Ok(Self {
            file,
            ids: DecisionIds::new(entropy),
            actor: actor(),
        })
    }

    /// Records a change that was made, or what stopped it, and passes the result on.
    ///
    /// # Errors
    /// The change's own error, or that it was made and could not be recorded.
    pub fn record<T>(&self, at: Timestamp, change: &Change<'_>, result: Result<T>) -> Result<T> {
        let failure = result.as_ref().err().map(|error| format!("{error:#}"));
        let line = json!({
            "kind": "change",
            "ts": at.to_string(),
            "decision_id": self.ids.next().to_string(),
            "outcome": if failure.is_none() { "allowed" } else { "refused" },
            "failed_check": null,
            "reason": failure,
            "method": "operator",
            "credential_id": null,
            "subject": self.actor,
            "route": null,
            "rule": null,
            "action": change.action,
            "entity": change.entity,
            "id": change.id,
            "detail": change.detail,
            "latency_us": 0,
        });
        // One write, so that lines of several commands do not mix.
        let mut file = &self.file;
        let written = file
            .write_all(format!("{line}\n").as_bytes())
            .and_then(|()| file.sync_data())
            .context("the change was made, and the audit log could not be written");
        result.and_then(|value| written.map(|()| value))
    }
}

/// Who runs the command: the user id that the kernel knows, never what the environment says.
fn actor() -> String {
    use std::os::unix::fs::MetadataExt;
    let uid = std::fs::metadata("/proc/self").map(|process| process.uid());
    uid.map_or_else(|_| "uid unknown".to_owned(), |uid| format!("uid {uid}"))
}
