//! A store that forgets everything when the process ends: for tests, demonstrations and gateways
//! whose whole configuration is in files.

mod acme;
mod api_key;
mod authorization;
mod change;
mod client;
mod client_key;
mod consent;
mod issued_certificate;
mod issuer;
mod refresh_family;
mod revoked_token;
mod session;
mod signing_key;
mod user;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::{Mutex, MutexGuard};

use crate::acme::{AcmeAccountRecord, AcmeCertificateRecord};
use crate::api_key::{ApiKeyId, ApiKeyRecord};
use crate::authorization::PendingAuthorization;
use crate::change::{Change, Entity};
use crate::client::{ClientId, ClientRecord};
use crate::client_key::{ClientKeyId, ClientKeyRecord};
use crate::consent::ConsentRecord;
use crate::error::StoreError;
use crate::health::Health;
use crate::issued_certificate::{AuthorityRecord, IssuedCertificateRecord};
use crate::issuer::IssuerRecord;
use crate::refresh_family::RefreshFamilyRecord;
use crate::revoked_token::RevokedToken;
use crate::session::SessionRecord;
use crate::signing_key::SigningKeyRecord;
use crate::user::{UserName, UserRecord};

/// The in-memory store. A clone is another handle on the same rows.
#[derive(Clone, Default)]
pub struct MemoryStore {
    rows: Arc<Mutex<Rows>>,
}

/// All rows. One lock around all of them makes every verb atomic.
#[derive(Default)]
struct Rows {
    api_keys: BTreeMap<ApiKeyId, ApiKeyRecord>,
    digests: HashMap<[u8; 32], ApiKeyId>,
    clients: BTreeMap<ClientId, ClientRecord>,
    client_keys: BTreeMap<ClientKeyId, ClientKeyRecord>,
    users: BTreeMap<UserName, UserRecord>,
    issuers: BTreeMap<String, IssuerRecord>,
    signing_keys: Vec<SigningKeyRecord>,
    refresh_families: BTreeMap<String, RefreshFamilyRecord>,
    revoked_tokens: BTreeMap<(String, String), RevokedToken>,
    authority: Option<AuthorityRecord>,
    issued: BTreeMap<String, IssuedCertificateRecord>,
    sessions: HashMap<[u8; 32], SessionRecord>,
    consents: BTreeMap<(UserName, String, String), ConsentRecord>,
    pending: HashMap<[u8; 32], PendingAuthorization>,
    codes: HashMap<[u8; 32], authorization::Code>,
    acme_accounts: BTreeMap<String, AcmeAccountRecord>,
    /// By directory and host.
    acme_certificates: BTreeMap<(String, String), AcmeCertificateRecord>,
    changes: VecDeque<Change>,
    head: i64,
    floor: i64,
}

impl MemoryStore {
    /// Makes an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock()
    }
}

impl Rows {
    fn note(&mut self, entity: Entity, id: impl Into<String>) {
        self.head += 1;
        self.changes.push_back(Change {
            seq: self.head,
            entity,
            id: id.into(),
        });
    }
}

fn conflict(entity: Entity, id: impl Into<String>) -> StoreError {
    StoreError::Conflict {
        entity,
        id: id.into(),
    }
}

#[async_trait]
impl Health for MemoryStore {
    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::MemoryStore;
    use crate::conformance::Handles;

    fn fresh() -> Handles {
        let store = MemoryStore::new();
        Handles::new(Arc::new(store.clone()), Arc::new(store), ())
    }

    crate::conformance_suite!(fresh);
}
