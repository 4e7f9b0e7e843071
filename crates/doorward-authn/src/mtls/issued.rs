//! The certificates that our own authority issued, in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use doorward_core::Timestamp;
use doorward_core::verified::Grants;
use parking_lot::RwLock;

/// The certificates that our own authority issued, by their thumbprints.
#[derive(Default)]
pub struct IssuedIndex {
    entries: RwLock<HashMap<[u8; 32], Entry>>,
    generation: AtomicU64,
}

struct Entry {
    subject: Arc<str>,
    grants: Arc<Grants>,
    revoked_at: Option<Timestamp>,
}

impl IssuedIndex {
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
