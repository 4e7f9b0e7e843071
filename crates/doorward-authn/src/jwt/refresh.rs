//! Getting the keys of one issuer: in the background when they are due, and once, for everybody
//! who waits, when a token names an unknown one.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use doorward_core::{Secret, Timestamp};
use doorward_crypto::jose::{Jwks, VerificationKey, jwks};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::issuer::Origin;
use super::issuer_set::{IssuerSetParts, IssuerStatus, micros};
use super::jwks_client::{Download, LoadError, discover, download};
use super::key_set::{Holder, Keys};

/// How often files are read again.
const FILE_PERIOD: Duration = Duration::from_secs(5);
/// How long one attempt may take, whatever the implementation of the fetch does.
const MAX_ATTEMPT: Duration = Duration::from_secs(15);
/// The wait after the first failure; it doubles with each one.
const FIRST_BACKOFF: Duration = Duration::from_secs(5);
const MAX_BACKOFF: Duration = Duration::from_mins(5);
/// How many unknown `kid`s are remembered.
const MAX_UNKNOWN: usize = 256;

/// The keys of one issuer and the state of getting them.
pub(super) struct IssuerKeys {
    issuer: Arc<str>,
    origin: Origin,
    holder: Arc<Holder>,
    state: Mutex<State>,
    attempts: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    running: bool,
    due: u64,
    ended: Option<u64>,
    failures: u32,
    error: Option<LoadError>,
    waiting: usize,
    /// Unknown `kid`s, and until when they are taken to be.
    unknown: HashMap<Box<str>, u64>,
    jwks_uri: Option<String>,
}

/// Why waiting for keys was of no use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoKeys {
    /// The issuer was asked a moment ago and does not know the key.
    Unknown,
    /// The issuer could not be asked.
    Failed,
}

/// What an attempt brought.
struct Loaded {
    source: Vec<u8>,
    keys: Keys,
    period: Duration,
    /// Fetched, and so worth keeping.
    keep: bool,
}

impl IssuerKeys {
    pub(super) fn new(issuer: Arc<str>, origin: Origin) -> Self {
        let holder = match &origin {
            Origin::Local(local) => local.0.clone(),
            _ => Arc::default(),
        };
        Self {
            issuer,
            origin,
            holder,
            state: Mutex::default(),
            attempts: watch::Sender::new(0),
        }
    }

    pub(super) fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Takes the key set that was kept on disk, unless it is too old.
    pub(super) fn recall(&self, parts: &IssuerSetParts) {
        if let Some((source, at)) = parts.last_good.load(&self.kept_name())
            && let (Ok(keys), Some(as_of)) = (Jwks::parse(&source), parts.as_of(at))
        {
            self.holder.install(&source, Keys::Set(keys), as_of);
        }
    }

    /// Starts an attempt if one is due.
    pub(super) fn tick(self: &Arc<Self>, parts: &Arc<IssuerSetParts>) -> Option<JoinHandle<()>> {
        if matches!(self.origin, Origin::Local(_)) {
            return None;
        }
        let mut state = self.state.lock();
        if state.running || parts.clock.monotonic_micros() < state.due {
            return None;
        }
        // A due attempt asks the metadata again.
        state.jwks_uri = None;
        state.running = true;
        Some(tokio::spawn(self.clone().attempt(parts.clone())))
    }

    /// Waits for an attempt that may bring the key named by `kid`, or any key. At most one
    /// attempt is made for all who ask within the cool-down.
    ///
    /// # Errors
    /// [`NoKeys`].
    pub(super) async fn ask(
        self: &Arc<Self>,
        parts: &Arc<IssuerSetParts>,
        kid: Option<&str>,
    ) -> Result<(), NoKeys> {
        let mut attempts = self.join(parts, kid)?;
        let _leave = Leave(self);
        let ended = timeout(parts.policy.max_wait, attempts.changed()).await;
        let failed = self.state.lock().error.is_some();
        match ended {
            Ok(Ok(())) if !failed => Ok(()),
            _ => Err(NoKeys::Failed),
        }
    }

    /// Remembers that the issuer, asked just now, does not know a key.
    pub(super) fn note_unknown(&self, parts: &IssuerSetParts, kid: &str) {
        let until = after(parts.clock.monotonic_micros(), parts.policy.cool_down);
        let mut state = self.state.lock();
        if state.unknown.len() < MAX_UNKNOWN {
            state.unknown.insert(kid.into(), until);
        }
    }

    pub(super) fn status(&self, parts: &IssuerSetParts) -> IssuerStatus {
        let keys = self.holder.peek();
        let age = self.holder.age(parts.clock.monotonic_micros());
        IssuerStatus {
            issuer: self.issuer.clone(),
            keys: keys.as_ref().map_or(0, |keys| keys.len()),
            age,
            last_error: self.state.lock().error.as_ref().map(LoadError::to_string),
            skipped: keys.map(|keys| keys.skipped()).unwrap_or_default(),
        }
    }

    /// Joins the attempt that runs, or starts one.
    fn join(
        self: &Arc<Self>,
        parts: &Arc<IssuerSetParts>,
        kid: Option<&str>,
    ) -> Result<watch::Receiver<u64>, NoKeys> {
        let remote = matches!(self.origin, Origin::Discovery | Origin::Url(_));
        let now = parts.clock.monotonic_micros();
        let mut state = self.state.lock();
        // Files are read in the background only.
        if !remote {
            return Err(kid.map_or(NoKeys::Failed, |_| NoKeys::Unknown));
        }
        state.unknown.retain(|_, until| now < *until);
        if kid.is_some_and(|kid| state.unknown.contains_key(kid)) {
            return Err(NoKeys::Unknown);
        }
        if state.waiting >= parts.policy.max_waiting {
            return Err(NoKeys::Failed);
        }
        if !state.running {
            let rested = state
                .ended
                .is_none_or(|ended| now >= after(ended, parts.policy.cool_down));
            if !rested {
                let failed = state.error.is_some();
                return Err(if failed {
                    NoKeys::Failed
                } else {
                    NoKeys::Unknown
                });
            }
            state.running = true;
            // The attempt is a task of its own: it goes on when the request goes away.
            tokio::spawn(self.clone().attempt(parts.clone()));
        }
        state.waiting += 1;
        Ok(self.attempts.subscribe())
    }

    async fn attempt(self: Arc<Self>, parts: Arc<IssuerSetParts>) {
        let running = Running {
            keys: &self,
            parts: &parts,
        };
        let (started, at) = (parts.clock.monotonic_micros(), parts.clock.now());
        let loaded = timeout(MAX_ATTEMPT, self.load(&parts)).await;
        let loaded = loaded.unwrap_or(Err(LoadError::TooSlow));
        let keep = self.settle(loaded, &parts, started);
        drop(running);
        if let Some(key_set) = keep {
            self.keep(&parts, key_set, at).await;
        }
    }

    async fn load(&self, parts: &IssuerSetParts) -> Result<Loaded, LoadError> {
        match &self.origin {
            Origin::Discovery => {
                let known = self.state.lock().jwks_uri.clone();
                let url = match known {
                    Some(url) => url,
                    None => discover(&*parts.fetch, &self.issuer).await?,
                };
                let loaded = download(&*parts.fetch, &url).await?;
                self.state.lock().jwks_uri = Some(url);
                Ok(Loaded::fetched(loaded, parts))
            }
            Origin::Url(url) => Ok(Loaded::fetched(download(&*parts.fetch, url).await?, parts)),
            _ => {
                let origin = self.origin.clone();
                let read = spawn_blocking(move || read_file(&origin)).await;
                read.unwrap_or(Err(LoadError::TooSlow))
            }
        }
    }

    /// Puts what an attempt brought in force, and returns what is worth keeping.
    fn settle(
        &self,
        loaded: Result<Loaded, LoadError>,
        parts: &IssuerSetParts,
        started: u64,
    ) -> Option<Vec<u8>> {
        let now = parts.clock.monotonic_micros();
        match loaded {
            Ok(Loaded {
                source,
                keys,
                period,
                keep,
            }) => {
                self.holder.install(&source, keys, micros(started));
                let mut state = self.state.lock();
                state.error = None;
                state.failures = 0;
                state.due = after(now, period);
                keep.then_some(source)
            }
            Err(error) => {
                let mut state = self.state.lock();
                let wait = FIRST_BACKOFF.saturating_mul(1 << state.failures.min(10));
                let remote = matches!(self.origin, Origin::Discovery | Origin::Url(_));
                let wait = if remote {
                    wait.min(MAX_BACKOFF)
                } else {
                    FILE_PERIOD
                };
                state.error = Some(error);
                state.failures = state.failures.saturating_add(1);
                state.due = after(now, wait);
                None
            }
        }
    }

    async fn keep(&self, parts: &Arc<IssuerSetParts>, key_set: Vec<u8>, at: Timestamp) {
        let (parts, name) = (parts.clone(), self.kept_name());
        // A set that could not be kept is fetched after the next start.
        let _kept = spawn_blocking(move || parts.last_good.save(&name, &key_set, at)).await;
    }

    /// SECURITY: the name holds where the keys come from: an issuer that moves its keys does not
    /// get the old ones back.
    fn kept_name(&self) -> String {
        match &self.origin {
            Origin::Url(url) => format!("{} {url}", self.issuer),
            _ => format!("{} discovery", self.issuer),
        }
    }
}

impl Loaded {
    fn fetched(download: Download, parts: &IssuerSetParts) -> Self {
        let policy = &parts.policy;
        let wanted = download
            .max_age
            .unwrap_or_default()
            .min(policy.longest_period);
        Self {
            source: download.body,
            keys: Keys::Set(download.keys),
            period: wanted.max(policy.period),
            keep: true,
        }
    }
}

/// Marks the end of an attempt, also when it is dropped half-way.
struct Running<'k> {
    keys: &'k IssuerKeys,
    parts: &'k IssuerSetParts,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let now = self.parts.clock.monotonic_micros();
        let mut state = self.keys.state.lock();
        state.running = false;
        state.ended = Some(now);
        drop(state);
        self.keys.attempts.send_modify(|count| *count += 1);
    }
}

/// Leaves the waiting room, also when the request goes away.
struct Leave<'k>(&'k IssuerKeys);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.waiting = state.waiting.saturating_sub(1);
    }
}

fn after(moment: u64, by: Duration) -> u64 {
    moment.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX))
}

fn read_file(origin: &Origin) -> Result<Loaded, LoadError> {
    let (source, keys) = match origin {
        Origin::File(path) => {
            let source = read(path)?;
            let keys = Keys::Set(Jwks::parse(source.expose())?);
            (source, keys)
        }
        Origin::PublicKey { path, algorithm } => {
            let source = read(path)?;
            let pem = str::from_utf8(source.expose()).map_err(|_| file_error(path))?;
            let keys = Keys::One(VerificationKey::from_pem(pem, *algorithm, None)?);
            (source, keys)
        }
        Origin::Secret(path) => {
            let source = read(path)?;
            let text = source.expose();
            // Editors end a file with a line break that is not part of the secret.
            let text = text.strip_suffix(b"\n").unwrap_or(text);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let secret = Secret::new(text.to_vec());
            let keys = Keys::One(VerificationKey::hmac(&secret, None)?);
            (source, keys)
        }
        Origin::Discovery | Origin::Url(_) | Origin::Local(_) => {
            return Err(LoadError::File(String::new()));
        }
    };
    // The digest alone tells one source from another; the secret itself is not copied further.
    let source = doorward_crypto::digest::sha256(source.expose()).to_vec();
    Ok(Loaded {
        source,
        keys,
        period: FILE_PERIOD,
        keep: false,
    })
}

fn read(path: &Path) -> Result<Secret<Vec<u8>>, LoadError> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let limit = u64::try_from(jwks::MAX_BYTES).unwrap_or(u64::MAX);
    std::fs::File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|_| file_error(path))?;
    Ok(Secret::new(bytes))
}

fn file_error(path: &Path) -> LoadError {
    LoadError::File(path.display().to_string())
}
