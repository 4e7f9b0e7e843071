//! What is known of one key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use doorward_core::Timestamp;
use doorward_core::credential::{CredentialId, Method};
use doorward_core::verified::{Identity, Validity};
use doorward_crypto::hash::KeyDigest;
use doorward_store::{ApiKeyId, KeyView};

use crate::api_key::terms::Terms;

/// How often a key's use is handed out for writing, in milliseconds.
const USE_INTERVAL: u64 = 60_000;

/// One key. There is one for each key of the database: every byte counts a million times.
pub(in crate::api_key) struct Entry {
    digest: KeyDigest,
    id: CredentialId,
    subject: Arc<str>,
    terms: Arc<Terms>,
    validity: Validity,
    last_used: AtomicI64,
    epoch: u32,
    exposed: AtomicBool,
}

/// What an entry leaves to the one that takes its place.
pub(super) struct Legacy {
    pub(super) digest: KeyDigest,
    pub(super) subject: Arc<str>,
    revoked_at: Timestamp,
    last_used: i64,
    exposed: bool,
}

/// The parts of an entry that it may share with others, and the load it came with.
pub(super) struct Shared {
    pub(super) subject: Arc<str>,
    pub(super) terms: Arc<Terms>,
    pub(super) epoch: u32,
}

impl Entry {
    pub(super) fn new(key: &KeyView<'_>, shared: Shared, old: Option<&Legacy>) -> Self {
        let revoked_at = key.revoked_at.unwrap_or(Timestamp::MAX);
        let known_revoked = old.map_or(Timestamp::MAX, |old| old.revoked_at);
        let stored_use = key.last_used_at.map_or(i64::MIN, Timestamp::millis);
        let known_use = old.map_or(i64::MIN, |old| old.last_used);
        let was_exposed = old.is_some_and(|old| old.exposed);
        Self {
            digest: KeyDigest::from_bytes(*key.digest),
            id: CredentialId::new(key.id.as_str()),
            subject: shared.subject,
            terms: shared.terms,
            validity: Validity {
                not_before: key.not_before.unwrap_or(Validity::ALWAYS.not_before),
                not_after: key.expires_at.unwrap_or(Timestamp::MAX),
                // SECURITY: nothing un-revokes, whatever order records come in.
                revoked_at: revoked_at.min(known_revoked),
            },
            last_used: AtomicI64::new(stored_use.max(known_use)),
            epoch: shared.epoch,
            exposed: AtomicBool::new(key.exposed_at.is_some() || was_exposed),
        }
    }

    pub(super) fn legacy(&self) -> Legacy {
        Legacy {
            digest: self.digest,
            subject: Arc::clone(&self.subject),
            revoked_at: self.validity.revoked_at,
            last_used: self.last_used.load(Ordering::Relaxed),
            exposed: self.exposed.load(Ordering::Relaxed),
        }
    }

    pub(super) const fn digest(&self) -> &KeyDigest {
        &self.digest
    }

    pub(super) fn id(&self) -> &str {
        self.id.as_str()
    }

    pub(super) const fn epoch(&self) -> u32 {
        self.epoch
    }

    pub(in crate::api_key) fn identity(&self) -> Identity {
        Identity {
            method: Method::ApiKey,
            credential_id: self.id.clone(),
            subject: Arc::clone(&self.subject),
            grants: Arc::clone(self.terms.grants()),
        }
    }

    /// When the key may be used, as seen at `now`.
    pub(in crate::api_key) fn validity(&self, now: Timestamp) -> Validity {
        let mut validity = self.validity;
        // SECURITY: revoked is revoked, also where the clock is behind or was set back.
        if validity.revoked_at != Timestamp::MAX {
            validity.revoked_at = validity.revoked_at.min(now);
        }
        validity
    }

    pub(in crate::api_key) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Tells whether a use at `now` is to be noted: the key is live, and it was not noted lately.
    pub(in crate::api_key) fn use_is_due(&self, now: Timestamp) -> bool {
        let validity = self.validity(now);
        let live = validity.not_before <= now && now < validity.not_after.min(validity.revoked_at);
        live && now
            .millis()
            .abs_diff(self.last_used.load(Ordering::Relaxed))
            >= USE_INTERVAL
    }

    /// Notes a use that is due. Of many callers at once, one gets the identifier.
    pub(super) fn take_use(&self, now: Timestamp) -> Option<ApiKeyId> {
        let last = self.last_used.load(Ordering::Relaxed);
        let order = Ordering::Relaxed;
        let won = self.use_is_due(now)
            && self
                .last_used
                .compare_exchange(last, now.millis(), order, order)
                .is_ok();
        won.then(|| self.parsed_id()).flatten()
    }

    /// Notes that the key was seen in the open. The first caller gets the identifier.
    pub(super) fn take_exposure(&self) -> Option<ApiKeyId> {
        if self.exposed.swap(true, Ordering::Relaxed) {
            return None;
        }
        self.parsed_id()
    }

    /// Entries are made of identifiers, so they parse.
    fn parsed_id(&self) -> Option<ApiKeyId> {
        ApiKeyId::parse(self.id.as_str()).ok()
    }
}
