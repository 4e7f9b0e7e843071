//! Clients in memory: what a request finds without asking the store.

use std::collections::HashMap;
use std::sync::Arc;

use doorward_store::{ClientAuthMethod, ClientId, ClientRecord, GrantType};
use parking_lot::RwLock;
use thiserror::Error;

/// A client whose record makes sense.
#[derive(Debug)]
pub struct Client(ClientRecord);

/// Why a stored client is not used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NotUsable {
    /// It should have a secret or keys and has none, or has what its method does not use.
    #[error("what the client authenticates with does not fit its method")]
    Authentication,
    /// A public client cannot act for itself: anybody could be it.
    #[error("a public client may not use client credentials or token exchange")]
    Public,
}

impl Client {
    /// Takes a record.
    ///
    /// # Errors
    /// [`NotUsable`] when the record contradicts itself.
    pub fn from_record(record: ClientRecord) -> Result<Self, NotUsable> {
        let (secret, keys) = (
            record.secret.is_some(),
            record.jwks.is_some() || record.jwks_uri.is_some(),
        );
        let fits = match record.auth_method {
            ClientAuthMethod::None => !secret && !keys,
            ClientAuthMethod::SecretBasic | ClientAuthMethod::SecretPost => secret && !keys,
            ClientAuthMethod::PrivateKeyJwt => !secret && keys,
        };
        if !fits {
            return Err(NotUsable::Authentication);
        }
        let for_itself = [
            GrantType::ClientCredentials,
            GrantType::TokenExchange,
            GrantType::JwtBearer,
        ];
        let public = record.auth_method == ClientAuthMethod::None;
        if public
            && for_itself
                .iter()
                .any(|one| record.grant_types.contains(one))
        {
            return Err(NotUsable::Public);
        }
        Ok(Self(record))
    }

    /// The record.
    #[must_use]
    pub const fn record(&self) -> &ClientRecord {
        &self.0
    }

    /// The `client_id`.
    #[must_use]
    pub const fn id(&self) -> &ClientId {
        &self.0.id
    }

    /// Tells whether it was registered for a grant.
    #[must_use]
    pub fn may_use(&self, grant: GrantType) -> bool {
        self.0.grant_types.contains(&grant)
    }

    /// Tells whether anybody could say to be it.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.0.auth_method == ClientAuthMethod::None
    }
}

/// All clients. Shared by everything that asks for one, kept up to date by whoever follows the
/// change log.
#[derive(Default)]
pub struct ClientIndex(RwLock<HashMap<ClientId, Arc<Client>>>);

impl ClientIndex {
    /// Takes a client, or its new record. One that cannot be used is removed.
    ///
    /// # Errors
    /// [`NotUsable`] when it cannot be used.
    pub fn insert(&self, record: ClientRecord) -> Result<(), NotUsable> {
        let id = record.id.clone();
        let client = Client::from_record(record);
        let mut clients = self.0.write();
        // SECURITY: what cannot be used must not go on being what it was before.
        clients.remove(&id);
        clients.insert(id, Arc::new(client?));
        Ok(())
    }

    /// Forgets a client.
    pub fn remove(&self, id: &ClientId) {
        self.0.write().remove(id);
    }

    /// Forgets every client that is not among these.
    pub fn retain(&self, records: &[ClientRecord]) {
        let mut clients = self.0.write();
        clients.retain(|id, _| records.iter().any(|record| record.id == *id));
    }

    /// Finds a client.
    #[must_use]
    pub fn lookup(&self, id: &ClientId) -> Option<Arc<Client>> {
        self.0.read().get(id).cloned()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.read().len()
    }

    /// Tells whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.read().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use doorward_store::conformance::sample::client;
    use doorward_store::{ClientAuthMethod, ClientRecord, GrantType};

    use super::{Client, ClientIndex, NotUsable};

    #[test]
    fn r065_a_record_that_contradicts_itself_is_no_client() {
        let index = ClientIndex::default();
        index.insert(client(1)).unwrap();
        let no_secret = ClientRecord {
            secret: None,
            ..client(1)
        };
        assert_eq!(index.insert(no_secret), Err(NotUsable::Authentication));
        assert!(index.is_empty(), "the old record is not left in force");
        let public = ClientRecord {
            auth_method: ClientAuthMethod::None,
            secret: None,
            grant_types: vec![GrantType::ClientCredentials],
            ..client(1)
        };
        assert_eq!(Client::from_record(public).err(), Some(NotUsable::Public));
    }
}
