//! The state folder: database, secrets, development CA, key sets, sockets of running servers.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use doorward_core::Entropy;
use doorward_store::Store;
use doorward_store_sql::SqliteStore;

pub mod secrets;

use secrets::Secrets;

/// An open state folder.
pub struct State {
    /// The folder.
    pub dir: PathBuf,
    /// The database.
    pub store: Arc<dyn Store>,
    /// What is not in the database.
    pub secrets: Arc<Secrets>,
}

impl State {
    /// Opens a folder, making it and what belongs in it at the first start.
    ///
    /// # Errors
    /// What cannot be opened, and what to do about it.
    pub fn open(dir: &Path, entropy: &dyn Entropy) -> Result<Self> {
        make_folder(dir)?;
        let database = dir.join("doorward.db");
        // SECURITY: the secrets are made after the database, so where they are, a missing
        // database is a lost one. An empty one in its place would know of no revocation.
        let opened = if secrets::path(dir).exists() {
            if !database.exists() {
                bail!(
                    "{} is missing, though its secrets.toml is there: restore the database from \
                     a backup; or move secrets.toml away to start with nothing",
                    database.display()
                );
            }
            SqliteStore::open_existing(&database)
        } else {
            SqliteStore::open(&database)
        };
        let store = opened.with_context(|| format!("cannot open {}", database.display()))?;
        // Asked before the secrets are looked for: what was written by then had them.
        let used = store
            .has_history()
            .with_context(|| format!("cannot read {}", database.display()))?;
        let secrets = if used {
            secrets::load(dir)?
        } else {
            secrets::load_or_create(dir, entropy)?
        };
        Ok(Self {
            dir: dir.to_owned(),
            store: Arc::new(store),
            secrets: Arc::new(secrets),
        })
    }
}

/// Makes a folder that only this user can enter, or checks the one that is there.
///
/// # Errors
/// When it cannot be made, it belongs to another user than this one or root, or others can write
/// to it.
pub fn make_folder(dir: &Path) -> Result<()> {
    let shown = dir.display();
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot make the folder {shown}"))?;
    let folder = std::fs::metadata(dir)?;
    let (owner, me) = (folder.uid(), rustix::process::geteuid().as_raw());
    // SECURITY: whose the folder is can replace the secrets in it.
    if owner != me && owner != 0 {
        bail!(
            "the folder {shown} belongs to user {owner}, and this is user {me}: run doorward as \
             user {owner}, or give the folder away with `chown -R {me} {shown}`"
        );
    }
    // SECURITY: who can write here can replace the secrets.
    if folder.mode() & 0o022 != 0 {
        bail!("other users can write to {shown}; run `chmod go-w {shown}`");
    }
    Ok(())
}

/// The folder of the development CA.
pub fn ca_folder(state_dir: &Path) -> PathBuf {
    state_dir.join("ca")
}
