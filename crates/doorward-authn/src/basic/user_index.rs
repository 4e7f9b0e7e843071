//! All users in memory, found by name.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use doorward_core::Secret;
use doorward_core::credential::{CredentialId, Method};
use doorward_core::verified::{Grants, Identity};
use doorward_crypto::digest::{ProcessKey, sha256};
use doorward_crypto::hash::PasswordHash;
use doorward_store::{UserName, UserRecord};
use parking_lot::RwLock;

use crate::interner::Interner;

/// All users. It is loaded once, kept up to date by whoever follows the change log, and shared
/// by all states and authenticators: a configuration reload touches nothing here.
pub struct UserIndex {
    /// Places names on the ring.
    key: ProcessKey,
    table: RwLock<Table>,
}

#[derive(Default)]
struct Table {
    users: HashMap<Arc<str>, Arc<Entry>>,
    grants: Interner<Grants>,
    /// The users with a hash, in an order that only the key tells.
    ring: BTreeMap<Point, Arc<Entry>>,
}

/// Where a name is on the ring.
type Point = [u8; 16];

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
    /// Makes an index without users. With the same key after a restart, and on every node, a
    /// name that nobody has goes on costing the same.
    #[must_use]
    pub fn new(key: ProcessKey) -> Self {
        Self {
            key,
            table: RwLock::default(),
        }
    }

    /// Takes a record, in place of the one with the same name. The next request sees it. A
    /// record whose hash cannot be read is kept, and refuses its user.
    pub fn insert(&self, record: &UserRecord) {
        let entry = Entry::of(record);
        let point = self.point(record.name.as_str());
        self.table.write().insert(entry, point);
    }

    /// Takes all records in place of those known, in one step: no user is unknown in between.
    /// Whoever calls this must be the one who calls [`Self::insert`] and [`Self::remove`]:
    /// records that were read before a change and come after it would undo the change.
    pub fn replace<'r>(&self, records: impl IntoIterator<Item = &'r UserRecord>) {
        let mut table = Table::default();
        for record in records {
            table.insert(Entry::of(record), self.point(record.name.as_str()));
        }
        *self.table.write() = table;
    }

    /// Forgets a user. The next request sees it.
    pub fn remove(&self, name: &UserName) {
        let point = self.point(name.as_str());
        let mut table = self.table.write();
        table.users.remove(name.as_str());
        table.ring.remove(&point);
    }

    /// Forgets all users.
    pub fn clear(&self) {
        *self.table.write() = Table::default();
    }

    /// How many users there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.read().users.len()
    }

    /// Tells whether there is no user.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What a user may do; none for a name that nobody has, and for a user who is shut out.
    #[must_use]
    pub fn grants(&self, name: &UserName) -> Option<Arc<Grants>> {
        let entry = self.lookup(name.as_str()).filter(|entry| !entry.disabled)?;
        Some(entry.identity.grants.clone())
    }

    pub(super) fn lookup(&self, name: &str) -> Option<Arc<Entry>> {
        self.table.read().users.get(name).cloned()
    }

    /// The user whose hash a name without one is checked against: the next one on the ring.
    ///
    /// SECURITY: so names that nobody has take as long as the users do, one like this user and
    /// one like that, whatever hashes were imported; a name keeps its user, and changes when the
    /// user's hash does. None only where nobody has a hash.
    pub(super) fn stand_in(&self, name: &str) -> Option<Arc<Entry>> {
        let point = self.point(name);
        let table = self.table.read();
        let mut from_here = table.ring.range(point..).chain(table.ring.iter());
        from_here.next().map(|(_, entry)| entry.clone())
    }

    fn point(&self, name: &str) -> Point {
        let digest = self.key.digest("basic-ring", name.as_bytes());
        digest.first_chunk().copied().unwrap_or_default()
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
    fn insert(&mut self, mut entry: Entry, point: Point) {
        let grants = Arc::unwrap_or_clone(entry.identity.grants);
        entry.identity.grants = self.grants.intern(grants);
        let entry = Arc::new(entry);
        if entry.hash.is_some() {
            self.ring.insert(point, entry.clone());
        } else {
            self.ring.remove(&point);
        }
        self.users.insert(entry.identity.subject.clone(), entry);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use doorward_core::scope::ScopeSet;
    use doorward_crypto::digest::ProcessKey;

    use super::UserIndex;
    use crate::basic::tests::{SHA1_OF_SECRET, record};
    use crate::testing::Counting;

    fn index() -> UserIndex {
        UserIndex::new(ProcessKey::generate(&Counting::new()))
    }

    #[test]
    fn users_with_equal_grants_share_one_copy() {
        let index = index();
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
        let index = index();
        for n in 0..1000 {
            let mut user = record("a", "x");
            user.scopes = ScopeSet::parse(&format!("s{n}")).unwrap();
            index.insert(&user);
        }
        assert!(index.table.read().grants.len() <= 66);
    }

    #[test]
    fn replace_keeps_only_what_it_is_given() {
        let index = index();
        index.insert(&record("a", "x"));
        index.replace([&record("b", "x"), &record("c", "x")]);
        let known = ["a", "b", "c"].map(|name| index.lookup(name).is_some());
        assert_eq!(known, [false, true, true]);
    }

    /// Whom each of many names stands in for.
    fn stand_ins(index: &UserIndex) -> Vec<Option<String>> {
        let name = |n: u32| index.stand_in(&format!("nobody{n}"));
        (0..2000)
            .map(|n| name(n).map(|entry| entry.name.as_str().to_owned()))
            .collect()
    }

    #[test]
    fn r027_every_user_stands_in_for_a_share_of_the_names_that_nobody_has() {
        let index = index();
        assert!(index.stand_in("nobody").is_none());
        index.insert(&record("broken", "x"));
        assert!(index.stand_in("nobody").is_none(), "no hash to check");
        for n in 0..8 {
            index.insert(&record(&format!("user{n}"), SHA1_OF_SECRET));
        }
        let before = stand_ins(&index);
        let mut shares = HashMap::new();
        for name in before.iter().flatten() {
            *shares.entry(name.clone()).or_insert(0) += 1;
        }
        assert_eq!(shares.values().sum::<i32>(), 2000);
        assert!(shares.len() >= 7, "{shares:?}");
        assert_eq!(stand_ins(&index), before, "a name keeps its user");

        // Another hash of a user moves nobody; a user who goes moves only who stood behind.
        index.insert(&record("user3", "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"));
        assert_eq!(stand_ins(&index), before);
        index.remove(&record("user3", "x").name);
        for (old, new) in before.iter().zip(stand_ins(&index)) {
            let gone = old.as_deref() == Some("user3");
            assert!(if gone { new != *old } else { new == *old });
        }
    }
}
