//! The demo's folder: its own, locked while it lives, removed after it.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use doorward_core::Entropy;
use doorward_crypto::entropy::OsEntropy;

const PREFIX: &str = "doorward-demo-";
const LOCK: &str = "lock";

/// A folder that only we can enter and that goes away with us.
pub(super) struct TemporaryFolder {
    path: PathBuf,
    /// The system lets go of the lock when the demo ends, however it ends.
    _lock: File,
}

impl TemporaryFolder {
    /// Makes a folder, and removes those of this user's demos that were killed.
    ///
    /// # Errors
    /// When none can be made.
    pub(super) fn new() -> Result<Self> {
        let base = std::env::temp_dir();
        sweep(&base);
        let mut random = [0_u8; 8];
        OsEntropy::new().fill(&mut random);
        let name = format!("{PREFIX}{:016x}", u64::from_le_bytes(random));
        let path = base.join(&name);
        // Locked before it has the name by which it is swept.
        let young = base.join(format!("{name}.new"));
        let made = || -> std::io::Result<File> {
            DirBuilder::new().mode(0o700).create(&young)?;
            let lock = File::create_new(young.join(LOCK))?;
            lock.lock()?;
            std::fs::rename(&young, &path)?;
            Ok(lock)
        };
        let lock = made().with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path, _lock: lock })
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(&self.path);
    }
}

/// Removes the folders of demos that are dead. What cannot be removed stays; it is in nobody's
/// way.
fn sweep(base: &Path) {
    let Ok(entries) = std::fs::read_dir(base) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let ours = number.is_some_and(|number| {
            number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        if ours && is_dead(&entry.path()) {
            let _removed = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Tells whether a folder is a demo's of this user, and nobody holds its lock.
fn is_dead(folder: &Path) -> bool {
    // SECURITY: in a folder for everybody, others choose names as well. What is not a folder of
    // ours that only we can enter is not touched, and no link is followed.
    let private = std::fs::symlink_metadata(folder).is_ok_and(|found| {
        found.is_dir()
            && found.uid() == rustix::process::geteuid().as_raw()
            && found.mode() & 0o077 == 0
    });
    private && File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok())
}
