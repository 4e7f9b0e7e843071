//! User names and passwords: HTTP Basic (RFC 7617).
//!
//! A password that was found right in the last ten minutes costs one keyed digest. Any other
//! costs a slow hash, made by few threads behind a short queue. A name that nobody has costs
//! what a wrong password costs one of the users, always the same one, and a disabled user costs
//! what the user's own hash costs; the caller hears the same answer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use doorward_core::challenge::Challenge;
use doorward_core::credential::{Method, Place, Presented};
use doorward_core::gate::{Authenticator, Verdict};
use doorward_core::net::ClientAddress;
use doorward_core::rejection::{Misplaced, Reason, Rejection};
use doorward_core::verified::Validity;
use doorward_core::{Clock, Entropy, RequestHead, Secret, Verified};
use doorward_crypto::digest::ProcessKey;
use doorward_crypto::hash::{Argon2Params, PasswordHashError};
use thiserror::Error;
use tokio::sync::oneshot;

use crate::bearer;

mod check;
mod credential;
mod hashing_queue;
pub mod reason;
mod success_cache;
#[cfg(test)]
mod tests;
pub mod throttle;
mod upgrade;
pub mod user_index;

pub use credential::UserPass;
pub use reason::REASONS;
pub use upgrade::Upgrade;
pub use user_index::UserIndex;

use check::{Argon2id, Check, Hasher, Work};
use hashing_queue::{HashingQueue, Refusal, Seat};
use reason::{BUSY, CHANGED, DISABLED, RECORD, STOPPED, THROTTLED, TOKEN, UNKNOWN, WRONG};
use success_cache::{SuccessCache, SuccessKey};
use throttle::{Network, Throttle};
use upgrade::Upgrades;
use user_index::Entry;

/// When to come back after a refusal that is our fault.
const SOON: Duration = Duration::from_secs(1);

/// What a [`BasicState`] is made of.
pub struct BasicParts {
    /// The users.
    pub index: Arc<UserIndex>,
    /// Tells for how long a success is remembered and a failure counts.
    pub clock: Arc<dyn Clock>,
    /// Makes salts and the keys of this process.
    pub entropy: Arc<dyn Entropy>,
    /// What it costs.
    pub cost: BasicCost,
}

/// What checking passwords may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BasicCost {
    /// The cost of one hash.
    pub params: Argon2Params,
    /// How many hashes are made at the same time.
    pub workers: usize,
    /// How many may wait.
    pub queue: usize,
    /// How many successes are remembered.
    pub cache: usize,
}

/// Why a [`BasicState`] cannot be made.
#[derive(Debug, Error)]
pub enum BasicError {
    /// The hash for unknown users could not be made.
    #[error("cannot make the hash for unknown users")]
    Decoy(#[from] PasswordHashError),
    /// A thread could not be started.
    #[error("cannot start a thread for checking passwords")]
    Thread(#[from] io::Error),
}

/// What lives longer than a configuration: the threads, the remembered successes, the counted
/// failures. It is made anew only when `[basic]` changes, around the same [`UserIndex`].
pub struct BasicState {
    queue: HashingQueue,
    work: Arc<Work>,
    index: Arc<UserIndex>,
    throttle: Arc<Throttle>,
}

/// How far a check got without waiting.
enum Begun {
    /// The password was found right lately.
    Known(Arc<Entry>),
    /// It is being checked.
    Asked(Asked),
}

/// A check that is made.
struct Asked {
    pair: Arc<UserPass>,
    target: Target,
    answer: oneshot::Receiver<bool>,
}

/// Authenticates callers by name and password.
pub struct BasicAuthenticator {
    state: Arc<BasicState>,
}

/// Whose password is checked: without an entry, nobody's, for the reason given.
enum Target {
    User(Arc<Entry>),
    Nobody(&'static Reason, Option<Arc<Entry>>),
}

impl BasicState {
    /// Starts the threads and makes a hash of nobody's password. Blocks for one hash.
    ///
    /// # Errors
    /// [`BasicError`] when there is no memory or no thread.
    pub fn new(parts: BasicParts) -> Result<Self, BasicError> {
        let hasher = Box::new(Argon2id {
            params: parts.cost.params,
            entropy: parts.entropy.clone(),
        });
        Self::with_hasher(parts, hasher)
    }

    fn with_hasher(parts: BasicParts, hasher: Box<dyn Hasher>) -> Result<Self, BasicError> {
        let BasicParts {
            index,
            clock,
            entropy,
            cost,
        } = parts;
        let key = || ProcessKey::generate(&*entropy);
        Ok(Self {
            queue: HashingQueue::start(cost.workers, cost.queue)?,
            throttle: Arc::new(Throttle::new(clock.clone(), key())),
            work: Arc::new(Work {
                decoy: check::decoy(&*entropy, cost.params)?,
                params: cost.params,
                successes: SuccessCache::new(key(), cost.cache),
                upgrades: Arc::new(Upgrades::default()),
                clock,
                hasher,
            }),
            index,
        })
    }

    /// The users.
    #[must_use]
    pub const fn index(&self) -> &Arc<UserIndex> {
        &self.index
    }

    /// How many checks wait for a thread.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.queue.len()
    }

    /// How many successes are remembered.
    #[must_use]
    pub fn cache_len(&self) -> usize {
        self.work.successes.len()
    }

    /// The passwords that were hashed anew since the last call, to be stored where the old hash
    /// still stands, and then put in the index.
    #[must_use]
    pub fn take_upgrades(&self) -> Vec<Upgrade> {
        self.work.upgrades.take()
    }

    fn target(&self, name: &str) -> Target {
        match self.index.lookup(name) {
            None => Target::Nobody(&UNKNOWN, None),
            Some(entry) if entry.disabled => Target::Nobody(&DISABLED, Some(entry)),
            Some(entry) if entry.hash.is_none() => Target::Nobody(&RECORD, Some(entry)),
            Some(entry) => Target::User(entry),
        }
    }

    fn key(&self, target: &Target, pair: &UserPass) -> SuccessKey {
        let domain = target.user().map(|entry| &entry.domain);
        self.work.successes.key(domain, pair)
    }

    fn remembers(&self, key: &SuccessKey) -> bool {
        let now = self.work.clock.monotonic_micros();
        self.work.successes.knows(key, now)
    }

    /// Has a password checked.
    fn submit(
        &self,
        target: &Target,
        (pair, key): (&Arc<UserPass>, SuccessKey),
        network: Network,
    ) -> Result<oneshot::Receiver<bool>, Rejection> {
        let visitor = self.throttle.visitor(pair.name(), network);
        let seat = Seat {
            key,
            network,
            known: visitor.is_known(),
        };
        // SECURITY: looked for whoever is asked for, so that looking tells nothing.
        let next = self.index.stand_in(pair.name());
        let admit = || {
            let check = Check {
                attempt: self.throttle.admit(visitor)?,
                pair: pair.clone(),
                entry: target.user().cloned(),
                stand_in: target.own_hash().cloned().or(next),
                key,
            };
            let work = self.work.clone();
            let work: hashing_queue::Work = Box::new(move || work.check(check));
            Ok(work)
        };
        self.queue.submit(seat, admit).map_err(|refusal| {
            match refusal {
                Refusal::NotAdmitted(retry_after) => {
                    return Rejection::Throttled {
                        reason: &THROTTLED,
                        retry_after,
                    };
                }
                Refusal::Places => self.throttle.no_place(&visitor),
                Refusal::Callers => {}
            }
            unavailable(&BUSY)
        })
    }

    /// Checks a name and a password that did not come in a header, at the same cost and within the
    /// same bounds.
    ///
    /// # Errors
    /// As for a call: a wrong password, a throttled one, or [`Rejection::Unavailable`].
    pub async fn check(
        &self,
        name: &str,
        password: &Secret<String>,
        client: ClientAddress,
    ) -> Result<Verified, Rejection> {
        let pair = UserPass::of_parts(name, password).map_err(Rejection::invalid)?;
        match self.begin(pair, client)? {
            Begun::Known(entry) => Ok(assertion(&entry)),
            Begun::Asked(asked) => self.finish(asked).await,
        }
    }

    fn begin(&self, pair: UserPass, client: ClientAddress) -> Result<Begun, Rejection> {
        let target = self.target(pair.name());
        let key = self.key(&target, &pair);
        if let Target::User(entry) = &target
            && self.remembers(&key)
        {
            return Ok(Begun::Known(entry.clone()));
        }
        let pair = Arc::new(pair);
        let answer = self.submit(&target, (&pair, key), Network::of(client))?;
        Ok(Begun::Asked(Asked {
            pair,
            target,
            answer,
        }))
    }

    async fn finish(&self, asked: Asked) -> Result<Verified, Rejection> {
        let Asked {
            pair,
            target,
            answer,
        } = asked;
        match (answer.await, &target) {
            (Ok(true), Target::User(entry)) => self.confirm(&pair, entry),
            (Ok(_), target) => Err(target.refusal()),
            (Err(_), _) => Err(unavailable(&STOPPED)),
        }
    }

    /// Judges a right password by what is known of its user now, not when the check began.
    fn confirm(&self, pair: &UserPass, began_with: &Entry) -> Result<Verified, Rejection> {
        let target = self.target(pair.name());
        let Some(entry) = target.user() else {
            return Err(target.refusal());
        };
        // SECURITY: the password was right for the hash that was there then. After a change it
        // counts only if it is known to be right for the new one: it was hashed anew by us.
        if entry.domain == began_with.domain || self.remembers(&self.key(&target, pair)) {
            Ok(assertion(entry))
        } else {
            Err(unavailable(&CHANGED))
        }
    }
}

impl Target {
    const fn user(&self) -> Option<&Arc<Entry>> {
        match self {
            Self::User(entry) => Some(entry),
            Self::Nobody(..) => None,
        }
    }

    /// The user with a hash, who may be disabled.
    fn own_hash(&self) -> Option<&Arc<Entry>> {
        match self {
            Self::User(entry) => Some(entry),
            Self::Nobody(_, entry) => entry.as_ref().filter(|entry| entry.hash.is_some()),
        }
    }

    /// The refusal of a password that is not right. Names that exist are shown to the operator;
    /// one that does not may be a password in the wrong field.
    fn refusal(&self) -> Rejection {
        let (reason, entry) = match self {
            Self::User(entry) => (&WRONG, Some(entry)),
            Self::Nobody(reason, entry) => (*reason, entry.as_ref()),
        };
        match entry {
            Some(entry) => Rejection::invalid_because(reason, entry.name.as_str()),
            None => Rejection::invalid(reason),
        }
    }
}

impl BasicAuthenticator {
    /// Makes the method.
    #[must_use]
    pub const fn new(state: Arc<BasicState>) -> Self {
        Self { state }
    }

    fn begin(&self, text: &str, head: &RequestHead) -> Result<Verdict<'_>, Rejection> {
        if text.is_empty() || text.contains(' ') {
            return Err(Rejection::invalid(&TOKEN));
        }
        let pair = UserPass::parse(text).map_err(Rejection::invalid)?;
        Ok(match self.state.begin(pair, head.arrival().client)? {
            Begun::Known(entry) => Verdict::Now(Ok(assertion(&entry))),
            Begun::Asked(asked) => Verdict::Later(Box::pin(self.state.finish(asked))),
        })
    }
}

impl Authenticator for BasicAuthenticator {
    fn method(&self) -> Method {
        Method::Basic
    }

    fn find<'h>(
        &self,
        head: &'h RequestHead,
        _query_key: Option<&str>,
    ) -> Result<Option<Presented<'h>>, Misplaced> {
        let text = bearer::after_scheme(head, "Basic");
        Ok(text.map(|text| Presented::new(Method::Basic, Place::Authorization, text)))
    }

    fn verify<'a>(&'a self, presented: Presented<'a>, head: &'a RequestHead) -> Verdict<'a> {
        self.begin(presented.expose(), head)
            .unwrap_or_else(|rejection| Verdict::Now(Err(rejection)))
    }

    fn challenge(&self, realm: &str) -> Challenge {
        Challenge::new("Basic", realm).with("charset", "UTF-8")
    }
}

fn assertion(entry: &Entry) -> Verified {
    Verified::assertion(entry.identity.clone(), Validity::ALWAYS)
}

const fn unavailable(reason: &'static Reason) -> Rejection {
    Rejection::Unavailable {
        reason,
        retry_after: SOON,
    }
}
