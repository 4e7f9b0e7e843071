//! The check of one password, as a thread of the queue runs it.

use std::sync::Arc;

use doorward_core::{Clock, Entropy, Secret};
use doorward_crypto::hash::{Argon2Params, PasswordHash, PasswordHashError, hash_argon2id};

use super::credential::UserPass;
use super::hashing_queue::{Background, Checked};
use super::success_cache::{SuccessCache, SuccessKey};
use super::throttle::Attempt;
use super::upgrade::{Turn, Upgrades};
use super::user_index::{Domain, Entry};

/// The slow functions. Tests put counters before them.
pub(super) trait Hasher: Send + Sync {
    fn verify(&self, hash: &PasswordHash, password: &[u8]) -> bool {
        hash.verify(password)
    }

    fn hash(&self, password: &[u8]) -> Result<String, PasswordHashError>;
}

/// The real ones.
pub(super) struct Argon2id {
    pub(super) params: Argon2Params,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl Hasher for Argon2id {
    fn hash(&self, password: &[u8]) -> Result<String, PasswordHashError> {
        hash_argon2id(password, self.params, &*self.entropy)
    }
}

/// What all checks share.
pub(super) struct Work {
    /// The hash of a password that nobody has, with the cost of new hashes: for when there is
    /// no user, and what a wrong password for a worse hash costs on top.
    pub(super) decoy: PasswordHash,
    pub(super) params: Argon2Params,
    pub(super) successes: SuccessCache,
    pub(super) upgrades: Arc<Upgrades>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) hasher: Box<dyn Hasher>,
}

/// One check.
pub(super) struct Check {
    pub(super) pair: Arc<UserPass>,
    /// Whose password it should be; `None` for nobody's.
    pub(super) entry: Option<Arc<Entry>>,
    /// Whose hash nobody's password is compared with, in vain.
    pub(super) stand_in: Option<Arc<Entry>>,
    pub(super) key: SuccessKey,
    pub(super) attempt: Attempt,
}

/// Makes the hash of a random password.
pub(super) fn decoy(
    entropy: &dyn Entropy,
    params: Argon2Params,
) -> Result<PasswordHash, PasswordHashError> {
    let mut password = [0; 32];
    entropy.fill(&mut password);
    PasswordHash::parse(&hash_argon2id(&password, params, entropy)?)
}

impl Work {
    /// Checks a password and settles what follows, also when the caller has gone meanwhile.
    pub(super) fn check(self: Arc<Self>, check: Check) -> Checked {
        let verified = self.verify(&check);
        let Some(entry) = check.entry.filter(|_| verified) else {
            check.attempt.failed();
            return Checked {
                right: false,
                afterwards: None,
            };
        };
        check.attempt.succeeded();
        self.successes
            .remember(check.key, self.clock.monotonic_micros());
        Checked {
            right: true,
            afterwards: self.upgrade(&entry, check.pair),
        }
    }

    fn verify(&self, check: &Check) -> bool {
        let password = check.pair.password();
        let judged = check.entry.as_ref().or(check.stand_in.as_ref());
        let Some(hash) = judged.and_then(|entry| entry.hash.as_ref()) else {
            let _never_right = self.hasher.verify(&self.decoy, password);
            return false;
        };
        // SECURITY: unknown and disabled users cost what a wrong password costs somebody, and
        // the password that is right for whoever stands in opens nothing.
        let right = self.hasher.verify(hash, password) && check.entry.is_some();
        if !right && hash.needs_upgrade(self.params) {
            // SECURITY: imported hashes may be much cheaper, or refuse a long password at once;
            // a wrong password for them must not be answered sooner than one for nobody.
            let _never_right = self.hasher.verify(&self.decoy, password);
        }
        right
    }

    /// The work of hashing the password anew, when its hash is not good enough.
    fn upgrade(self: &Arc<Self>, entry: &Arc<Entry>, pair: Arc<UserPass>) -> Option<Background> {
        let needs = |hash: &PasswordHash| hash.needs_upgrade(self.params);
        if !entry.hash.as_ref().is_some_and(needs) {
            return None;
        }
        let turn = self.upgrades.turn(&entry.name)?;
        let (work, entry) = (self.clone(), entry.clone());
        Some(Box::new(move || work.hash_anew(turn, &entry, &pair)))
    }

    fn hash_anew(&self, turn: Turn, entry: &Entry, pair: &UserPass) {
        let Ok(new) = self.hasher.hash(pair.password()) else {
            return; // The old hash stays, and the next success tries again.
        };
        // Whoever is remembered now stays so when the new hash is in the index.
        let key = self.successes.key(Some(&Domain::of_hash(&new)), pair);
        self.successes.remember(key, self.clock.monotonic_micros());
        turn.made(entry.hash_text.clone(), Secret::new(new));
    }
}
