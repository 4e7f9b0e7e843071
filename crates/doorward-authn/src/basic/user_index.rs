//! All users in memory, found by name.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use doorward_core::Secret;
use doorward_core::credential::{CredentialId, Method};
use doorward_core::verified::{Grants, Identity};
use doorward_crypto::digest::sha256;
use doorward_crypto::hash::PasswordHash;
use doorward_store::{UserName, UserRecord};
use parking_lot::RwLock;

/// The fewest distinct grants that are worth a sweep.
const MIN_SWEEP: usize = 64;

/// All users. It is loaded once, kept up to date by whoever follows the change log, and shared
/// by all states and authenticators: a configuration reload touches nothing here.
#[derive(Default)]
pub struct UserIndex(RwLock<Table>);

#[derive(Default)]
struct Table {
    users: HashMap<Arc<str>, Arc<Entry>>,
    grants: HashSet<Arc<Grants>>,
}

/// What is known of one user.
pub(super) struct Entry {
    pub(super) name: UserName,
    pub(super) identity: Identity,
    /// `None` when the stored text cannot be read: then no password is right.
    pub(super) hash: Option<PasswordHash>,
    pub(super) hash_text: Secret<String>,
    pub(super) domain: Domain,
    pub(super) disabled: bool,
}

/// Where a user's successes are remembered: another place for every stored hash, so that a
/// changed password leaves the old successes behind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Domain(Box<str>);

impl Domain {
    /// The domain of a stored hash.
    pub(super) fn of_hash(text: &str) -> Self {
        let digest = STANDARD_NO_PAD.encode(sha256(text.as_bytes()));
        Self(format!("basic-hash-{digest}").into())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl UserIndex {
    /// Takes a record, in place of the one with the same name. The next request sees it. A
    /// record whose hash cannot be read is kept, and refuses its user.
    pub fn insert(&self, record: &UserRecord) {
        let entry = Entry::of(record);
        self.0.write().insert(entry);
    }

    /// Takes all records in place of those known, in one step: no user is unknown in between.
    /// Whoever calls this must be the one who calls [`Self::insert`] and [`Self::remove`]:
    /// records that were read before a change and come after it would undo the change.
    pub fn replace<'r>(&self, records: impl IntoIterator<Item = &'r UserRecord>) {
        let mut table = Table::default();
        for record in records {
            table.insert(Entry::of(record));
        }
        *self.0.write() = table;
    }

    /// Forgets a user. The next request sees it.
    pub fn remove(&self, name: &UserName) {
        self.0.write().users.remove(name.as_str());
    }

    /// Forgets all users.
    pub fn clear(&self) {
        *self.0.write() = Table::default();
    }

    /// How many users there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.read().users.len()
    }

    /// Tells whether there is no user.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn lookup(&self, name: &str) -> Option<Arc<Entry>> {
        self.0.read().users.get(name).cloned()
    }
}

impl Entry {
    fn of(record: &UserRecord) -> Self {
        let name = record.name.as_str();
        let text = record.password_hash.expose();
        Self {
            name: record.name.clone(),
            identity: Identity {
                method: Method::Basic,
                credential_id: CredentialId::new(name),
                subject: name.into(),
                grants: Arc::new(Grants {
                    issuer: None,
                    scopes: record.scopes.clone(),
                    roles: record
                        .roles
                        .iter()
                        .map(|role| role.as_str().into())
                        .collect(),
                }),
            },
            hash: PasswordHash::parse(text).ok(),
            hash_text: record.password_hash.clone(),
            domain: Domain::of_hash(text),
            disabled: record.disabled_at.is_some(),
        }
    }
}

impl Table {
    fn insert(&mut self, mut entry: Entry) {
        entry.identity.grants = self.intern(entry.identity.grants);
        self.users
            .insert(entry.identity.subject.clone(), Arc::new(entry));
    }

    /// The shared copy of equal grants.
    fn intern(&mut self, grants: Arc<Grants>) -> Arc<Grants> {
        if let Some(known) = self.grants.get(&grants) {
            return known.clone();
        }
        if self.grants.len() >= self.users.len() * 2 + MIN_SWEEP {
            self.grants.retain(|grants| Arc::strong_count(grants) > 1);
        }
        self.grants.insert(grants.clone());
        grants
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use doorward_core::scope::ScopeSet;

    use super::{MIN_SWEEP, UserIndex};
    use crate::basic::tests::record;

    #[test]
    fn users_with_equal_grants_share_one_copy() {
        let index = UserIndex::default();
        index.insert(&record("a", "x"));
        index.insert(&record("b", "y"));
        let [a, b] = ["a", "b"].map(|name| index.lookup(name).unwrap().identity.grants.clone());
        assert!(Arc::ptr_eq(&a, &b));
        index.remove(&record("a", "x").name);
        assert_eq!((index.len(), index.is_empty()), (1, false));
        index.clear();
        assert!(index.is_empty());
    }

    #[test]
    fn grants_that_nobody_has_are_forgotten() {
        let index = UserIndex::default();
        for n in 0..1000 {
            let mut user = record("a", "x");
            user.scopes = ScopeSet::parse(&format!("s{n}")).unwrap();
            index.insert(&user);
        }
        assert!(index.0.read().grants.len() <= MIN_SWEEP + 3);
    }

    #[test]
    fn replace_keeps_only_what_it_is_given() {
        let index = UserIndex::default();
        index.insert(&record("a", "x"));
        index.replace([&record("b", "x"), &record("c", "x")]);
        let known = ["a", "b", "c"].map(|name| index.lookup(name).is_some());
        assert_eq!(known, [false, true, true]);
    }
}
