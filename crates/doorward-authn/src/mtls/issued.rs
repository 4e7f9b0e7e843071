//! The certificates that our own authority issued, in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use doorward_core::Timestamp;
use doorward_core::verified::Grants;
use doorward_store::IssuedCertificateRecord;
use parking_lot::RwLock;

use super::{OWN_AUTHORITY, issuer_of};

/// The certificates that our own authority issued, by their thumbprints.
#[derive(Default)]
pub struct IssuedIndex {
    entries: RwLock<HashMap<[u8; 32], Entry>>,
    generation: AtomicU64,
}

struct Entry {
    id: Box<str>,
    expires_at: Timestamp,
    subject: Arc<str>,
    grants: Arc<Grants>,
    revoked_at: Option<Timestamp>,
}

impl IssuedIndex {
    /// Takes these certificates in the place of all others.
    pub fn replace(&self, records: &[IssuedCertificateRecord]) {
        let entries = records.iter().map(entry).collect();
        *self.entries.write() = entries;
        self.changed();
    }

    /// Takes a certificate, new or changed.
    pub fn insert(&self, record: &IssuedCertificateRecord) {
        let (thumbprint, entry) = entry(record);
        self.entries.write().insert(thumbprint, entry);
        self.changed();
    }

    /// Forgets a certificate.
    pub fn remove(&self, id: &str) {
        self.entries.write().retain(|_, entry| &*entry.id != id);
        self.changed();
    }

    /// Forgets those that ended before a moment.
    pub fn sweep(&self, before: Timestamp) {
        self.entries
            .write()
            .retain(|_, entry| entry.expires_at > before);
    }

    // SECURITY: after the change. Whoever saw the old entries also saw the old number, and looks
    // again.
    fn changed(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// How often it changed.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whom a certificate stands for.
    pub(super) fn lookup(&self, thumbprint: &[u8; 32]) -> Option<(Arc<str>, Arc<Grants>)> {
        let entries = self.entries.read();
        let entry = entries.get(thumbprint)?;
        Some((Arc::clone(&entry.subject), Arc::clone(&entry.grants)))
    }

    /// Since when a certificate is revoked; the outer none when nobody issued it.
    pub(super) fn revoked_at(&self, thumbprint: &[u8; 32]) -> Option<Option<Timestamp>> {
        let entries = self.entries.read();
        entries.get(thumbprint).map(|entry| entry.revoked_at)
    }
}

fn entry(record: &IssuedCertificateRecord) -> ([u8; 32], Entry) {
    let grants = Grants {
        issuer: Some(issuer_of(OWN_AUTHORITY)),
        scopes: record.scopes.clone(),
        roles: record
            .roles
            .iter()
            .map(|role| role.as_str().into())
            .collect(),
    };
    let entry = Entry {
        id: record.id.as_str().into(),
        expires_at: record.expires_at,
        subject: record.subject.as_str().into(),
        grants: grants.into(),
        revoked_at: record.revoked_at,
    };
    (record.thumbprint, entry)
}
