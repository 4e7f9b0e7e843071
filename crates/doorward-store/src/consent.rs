//! What users allowed apps to do for them.

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_core::scope::ScopeSet;

use crate::error::StoreError;
use crate::user::UserName;

/// What a user allowed a client to do at a resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsentRecord {
    /// Who allowed it.
    pub user: UserName,
    /// The client.
    pub client_id: String,
    /// The resources it is for, as they were asked for; empty for the default one.
    pub resource: String,
    /// What is allowed.
    pub scopes: ScopeSet,
    /// When it was last said.
    pub granted_at: Timestamp,
    /// When it has to be asked again.
    pub expires_at: Timestamp,
}

/// The consents, one for each user, client and resource.
#[async_trait]
pub trait Consents: Send + Sync {
    /// Remembers a consent. The scopes of an earlier one that has not expired stay allowed.
    async fn remember(&self, consent: ConsentRecord) -> Result<(), StoreError>;

    /// Finds a consent that has not expired at `now`.
    async fn lookup(
        &self,
        user: &UserName,
        client_id: &str,
        resource: &str,
        now: Timestamp,
    ) -> Result<Option<ConsentRecord>, StoreError>;

    /// What a user allowed and has not expired at `now`, in the order of client and resource.
    async fn list(&self, user: &UserName, now: Timestamp)
    -> Result<Vec<ConsentRecord>, StoreError>;

    /// Takes back all that a user allowed a client, and says how many consents these were.
    async fn withdraw(&self, user: &UserName, client_id: &str) -> Result<u64, StoreError>;

    /// Removes at most `most` consents that have expired at `now`, and says how many.
    async fn sweep(&self, now: Timestamp, most: usize) -> Result<u64, StoreError>;
}
