//! The secrets file: what must not be in the database.
//!
//! It holds the peppers of API keys and the key that seals signing keys. Without it a stolen
//! database opens nothing; without it a restored database opens nothing either, so it belongs in
//! the operator's backup, apart from the database.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use doorward_core::{Entropy, Secret};
use doorward_crypto::digest::ProcessKey;
use doorward_crypto::hash::key_digest::{Pepper, PepperId, Peppers};
use doorward_crypto::seal::SealingKey;
use serde::Deserialize;
use zeroize::Zeroizing;

/// What the file gives.
pub struct Secrets {
    /// Peppers of API keys.
    pub peppers: Arc<Peppers>,
    /// Seals signing keys.
    pub sealing: SealingKey,
    /// What keys for digests of names are derived from.
    lasting: Secret<[u8; 32]>,
}

impl Secrets {
    /// A key for digests that mean the same after a restart, for one purpose.
    #[must_use]
    pub fn digest_key(&self, purpose: &str) -> ProcessKey {
        ProcessKey::derived(&self.lasting, purpose)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    sealing_key: String,
    pepper: Vec<RawPepper>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPepper {
    id: String,
    secret: String,
    stage: Stage,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Stage {
    Current,
    Retired,
}

impl Drop for RawPepper {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.secret);
    }
}

/// The file's path in a state folder.
pub fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("secrets.toml")
}

/// Loads the secrets of a database that was used: there must be some.
///
/// # Errors
/// When the file is lost, cannot be read, can be read by others, or is malformed.
pub fn load(state_dir: &Path) -> Result<Secrets> {
    let path = path(state_dir);
    read(&path).map_err(|error| {
        if !is_absent(&error) {
            return error;
        }
        // SECURITY: new ones in their place would open no key of this database, and hide that.
        anyhow!(
            "{} is lost, though the database beside it is in use: no API key can be verified and \
             no signing key opened without it. Restore it from a backup. To begin anew without \
             any key, user, issuer or revocation, move doorward.db and all doorward.db-* files \
             out of {}",
            path.display(),
            state_dir.display()
        )
    })
}

/// Loads the secrets, making them at the first start.
///
/// # Errors
/// When the file cannot be read or made, can be read by others, or is malformed.
pub fn load_or_create(state_dir: &Path, entropy: &dyn Entropy) -> Result<Secrets> {
    let path = path(state_dir);
    match read(&path) {
        Err(error) if is_absent(&error) => {
            create(&path, entropy)?;
            read(&path)
        }
        loaded => loaded,
    }
}

fn is_absent(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|e| e.kind() == ErrorKind::NotFound)
}

fn read(path: &Path) -> Result<Secrets> {
    let file = File::open(path)?;
    let shown = path.display();
    let mode = file.metadata()?.mode() & 0o077;
    // SECURITY: a secret that others can read is not one.
    ensure!(
        mode == 0,
        "{shown} can be read by other users; run `chmod 600 {shown}`"
    );
    let mut text = Zeroizing::new(String::new());
    file.take(1 << 20).read_to_string(&mut text)?;
    // The parser's message would quote the line, and the line holds a secret.
    let raw: Raw = toml::from_str(&text)
        .map_err(|_| anyhow!("{shown} is not a secrets file; restore it from your backup"))?;
    build(&raw).with_context(|| format!("{shown} is damaged; restore it from your backup"))
}

fn build(raw: &Raw) -> Result<Secrets> {
    let lasting = decode(&raw.sealing_key)?;
    let sealing = SealingKey::new(&lasting)?;
    let (current, retired): (Vec<_>, Vec<_>) = raw
        .pepper
        .iter()
        .partition(|pepper| pepper.stage == Stage::Current);
    let [current] = current.as_slice() else {
        bail!("it needs exactly one current pepper")
    };
    let pepper = |raw: &RawPepper| -> Result<Pepper> {
        Ok(Pepper::new(
            PepperId::parse(&raw.id)?,
            &decode(&raw.secret)?,
        ))
    };
    let retired = retired
        .into_iter()
        .map(pepper)
        .collect::<Result<Vec<_>>>()?;
    Ok(Secrets {
        peppers: Arc::new(Peppers::new(pepper(current)?, retired)?),
        sealing,
        lasting,
    })
}

fn decode(text: &str) -> Result<Secret<[u8; 32]>> {
    let bytes = doorward_crypto::jose::b64::decode(text).map_err(|_| anyhow!("bad base64url"))?;
    let bytes = Zeroizing::new(bytes);
    Ok(Secret::new(
        bytes
            .as_slice()
            .try_into()
            .map_err(|_| anyhow!("a secret is 32 bytes"))?,
    ))
}

/// Makes the file. Two processes that start at once end with the same one.
fn create(path: &Path, entropy: &dyn Entropy) -> Result<()> {
    let draw = || {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        entropy.fill(bytes.as_mut());
        Zeroizing::new(doorward_crypto::jose::b64::encode(bytes.as_ref()))
    };
    let text = Zeroizing::new(format!(
        "# Secrets of this Doorward. Keep a backup apart from the database's.\n\
         # To change the pepper: add a new one with stage = \"current\" and make the old one\n\
         # \"retired\"; keys move over when they are next used.\n\
         sealing_key = \"{}\"\n\n[[pepper]]\nid = \"p1\"\nstage = \"current\"\nsecret = \"{}\"\n",
        *draw(),
        *draw()
    ));
    let temporary = path.with_extension(format!("toml.{}", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        match std::fs::hard_link(&temporary, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => sync_folder(path),
        }
    })();
    let _removed = std::fs::remove_file(&temporary);
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use doorward_crypto::entropy::OsEntropy;

    use super::{load_or_create, path};

    #[test]
    fn secrets_are_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = load_or_create(folder.path(), &OsEntropy::new()).unwrap();
        let again = load_or_create(folder.path(), &OsEntropy::new()).unwrap();
        let digest = |secrets: &super::Secrets| *secrets.peppers.digest(b"key").1.as_bytes();
        assert_eq!(digest(&first), digest(&again));
        let name =
            |secrets: &super::Secrets, purpose| secrets.digest_key(purpose).digest("d", b"n");
        assert_eq!(name(&first, "a"), name(&again, "a"));
        assert_ne!(name(&first, "a"), name(&first, "b"));
        let file = path(folder.path());
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let refused = load_or_create(folder.path(), &OsEntropy::new())
            .err()
            .unwrap();
        assert!(refused.to_string().contains("chmod 600"), "{refused}");
    }

    #[test]
    fn a_damaged_file_is_refused_without_quoting_it() {
        let folder = tempfile::tempdir().unwrap();
        load_or_create(folder.path(), &OsEntropy::new()).unwrap();
        let file = path(folder.path());
        let text = std::fs::read_to_string(&file).unwrap();
        for damaged in [
            text.replace("secret", "sekret"),
            text.replace("current", "retired"),
            String::new(),
        ] {
            std::fs::write(&file, damaged).unwrap();
            let error = format!(
                "{:#}",
                load_or_create(folder.path(), &OsEntropy::new())
                    .err()
                    .unwrap()
            );
            assert!(error.contains("backup"), "{error}");
            assert!(!error.contains("sekret"), "{error}");
        }
    }
}
