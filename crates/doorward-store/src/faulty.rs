//! A store that fails on purpose, to prove that no failure of a store ever admits a call.

mod browser;
mod refresh_family;

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use doorward_core::clock::Timestamp;
use doorward_core::scope::ScopeSet;
use doorward_core::secret::Secret;

use crate::{
    AcmeAccountRecord, AcmeCertificateRecord, AcmeRecords, ApiKeyAmended, ApiKeyAmendment,
    ApiKeyId, ApiKeyRecord, ApiKeyRotation, ApiKeys, AuthorityRecord, ChangeFeed, Changes,
    ClientId, ClientKeyId, ClientKeyRecord, ClientKeys, ClientRecord, ClientSecretRecord, Clients,
    Health, IssuedCertificateRecord, IssuedCertificates, IssuerRecord, Issuers, KeyVisitor,
    RevokedToken, RevokedTokens, SigningKeyRecord, SigningKeyRotation, SigningKeys, StoreError,
    UserName, UserRecord, Users,
};

/// Which calls fail, and how. Calls are counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// None.
    Never,
    /// Only this one; the store behind never sees it.
    Nth(u64),
    /// Only this one; the store behind does it, then the answer is lost.
    AnswerLost(u64),
    /// This one and all after it.
    From(u64),
}

/// Passes calls on to another store and fails some of them with [`StoreError::Unavailable`].
pub struct FaultyStore<S> {
    behind: S,
    fault: Fault,
    calls: AtomicU64,
}

impl<S> FaultyStore<S> {
    /// Stands before `behind`.
    pub const fn new(behind: S, fault: Fault) -> Self {
        Self {
            behind,
            fault,
            calls: AtomicU64::new(0),
        }
    }

    /// How many calls came so far, failed ones included.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    async fn pass<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let count = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let broken = || StoreError::Unavailable(format!("call {count} fails on purpose"));
        match self.fault {
            Fault::Nth(n) if n == count => Err(broken()),
            Fault::From(n) if n <= count => Err(broken()),
            Fault::AnswerLost(n) if n == count => call.await.and(Err(broken())),
            _ => call.await,
        }
    }
}

#[async_trait]
impl<S: ApiKeys> ApiKeys for FaultyStore<S> {
    async fn create(&self, key: ApiKeyRecord) -> Result<(), StoreError> {
        self.pass(self.behind.create(key)).await
    }

    async fn lookup(&self, id: &ApiKeyId) -> Result<Option<ApiKeyRecord>, StoreError> {
        self.pass(self.behind.lookup(id)).await
    }

    async fn lookup_digest(&self, digest: &[u8; 32]) -> Result<Option<ApiKeyRecord>, StoreError> {
        self.pass(self.behind.lookup_digest(digest)).await
    }

    async fn rehash(
        &self,
        id: &ApiKeyId,
        expected_digest: &[u8; 32],
        new_digest: &[u8; 32],
        new_pepper_id: &str,
    ) -> Result<bool, StoreError> {
        self.pass(
            self.behind
                .rehash(id, expected_digest, new_digest, new_pepper_id),
        )
        .await
    }

    async fn list(
        &self,
        after: Option<&ApiKeyId>,
        limit: usize,
    ) -> Result<Vec<ApiKeyRecord>, StoreError> {
        self.pass(self.behind.list(after, limit)).await
    }

    async fn for_each(
        &self,
        visit: &mut (dyn FnMut(ApiKeyRecord) + Send),
    ) -> Result<(), StoreError> {
        self.pass(self.behind.for_each(visit)).await
    }

    async fn visit_all(&self, visitor: &mut dyn KeyVisitor) -> Result<(), StoreError> {
        self.pass(self.behind.visit_all(visitor)).await
    }

    async fn revoke(&self, id: &ApiKeyId, at: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.pass(self.behind.revoke(id, at)).await
    }

    async fn rotate(
        &self,
        old: &ApiKeyId,
        successor: ApiKeyRecord,
        old_expires_at: Timestamp,
    ) -> Result<ApiKeyRotation, StoreError> {
        self.pass(self.behind.rotate(old, successor, old_expires_at))
            .await
    }

    async fn amend(
        &self,
        id: &ApiKeyId,
        amendment: ApiKeyAmendment,
    ) -> Result<ApiKeyAmended, StoreError> {
        self.pass(self.behind.amend(id, amendment)).await
    }

    async fn touch(&self, uses: &[(ApiKeyId, Timestamp)]) -> Result<(), StoreError> {
        self.pass(self.behind.touch(uses)).await
    }

    async fn mark_exposed(
        &self,
        id: &ApiKeyId,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.pass(self.behind.mark_exposed(id, at)).await
    }
}

#[async_trait]
impl<S: ClientKeys> ClientKeys for FaultyStore<S> {
    async fn add(&self, key: ClientKeyRecord) -> Result<(), StoreError> {
        self.pass(self.behind.add(key)).await
    }

    async fn lookup(&self, id: &ClientKeyId) -> Result<Option<ClientKeyRecord>, StoreError> {
        self.pass(self.behind.lookup(id)).await
    }

    async fn list(&self) -> Result<Vec<ClientKeyRecord>, StoreError> {
        self.pass(self.behind.list()).await
    }

    async fn revoke(
        &self,
        id: &ClientKeyId,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.pass(self.behind.revoke(id, at)).await
    }
}

#[async_trait]
impl<S: Clients> Clients for FaultyStore<S> {
    async fn add(&self, client: ClientRecord) -> Result<(), StoreError> {
        self.pass(self.behind.add(client)).await
    }

    async fn lookup(&self, id: &ClientId) -> Result<Option<ClientRecord>, StoreError> {
        self.pass(self.behind.lookup(id)).await
    }

    async fn list(&self) -> Result<Vec<ClientRecord>, StoreError> {
        self.pass(self.behind.list()).await
    }

    async fn rotate_secret(
        &self,
        id: &ClientId,
        new: ClientSecretRecord,
        old_expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.pass(self.behind.rotate_secret(id, new, old_expires_at))
            .await
    }

    async fn remove(&self, id: &ClientId) -> Result<bool, StoreError> {
        self.pass(self.behind.remove(id)).await
    }
}

#[async_trait]
impl<S: Users> Users for FaultyStore<S> {
    async fn create(&self, user: UserRecord) -> Result<(), StoreError> {
        self.pass(self.behind.create(user)).await
    }

    async fn import(&self, users: Vec<UserRecord>) -> Result<(), StoreError> {
        self.pass(self.behind.import(users)).await
    }

    async fn lookup(&self, name: &UserName) -> Result<Option<UserRecord>, StoreError> {
        self.pass(self.behind.lookup(name)).await
    }

    async fn list(
        &self,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<Vec<UserRecord>, StoreError> {
        self.pass(self.behind.list(after, limit)).await
    }

    async fn set_password(
        &self,
        name: &UserName,
        hash: Secret<String>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.pass(self.behind.set_password(name, hash, at)).await
    }

    async fn upgrade_password(
        &self,
        name: &UserName,
        expected: Secret<String>,
        hash: Secret<String>,
    ) -> Result<bool, StoreError> {
        self.pass(self.behind.upgrade_password(name, expected, hash))
            .await
    }

    async fn disable(
        &self,
        name: &UserName,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.pass(self.behind.disable(name, at)).await
    }

    async fn enable(&self, name: &UserName) -> Result<bool, StoreError> {
        self.pass(self.behind.enable(name)).await
    }

    async fn set_grants(
        &self,
        name: &UserName,
        scopes: Option<ScopeSet>,
        roles: Option<Vec<String>>,
    ) -> Result<bool, StoreError> {
        self.pass(self.behind.set_grants(name, scopes, roles)).await
    }

    async fn remove(&self, name: &UserName) -> Result<bool, StoreError> {
        self.pass(self.behind.remove(name)).await
    }
}

#[async_trait]
impl<S: Issuers> Issuers for FaultyStore<S> {
    async fn put(&self, issuer: IssuerRecord) -> Result<(), StoreError> {
        self.pass(self.behind.put(issuer)).await
    }

    async fn remove(&self, name: &str) -> Result<bool, StoreError> {
        self.pass(self.behind.remove(name)).await
    }

    async fn list(&self) -> Result<Vec<IssuerRecord>, StoreError> {
        self.pass(self.behind.list()).await
    }

    async fn lookup(&self, name: &str) -> Result<Option<IssuerRecord>, StoreError> {
        self.pass(self.behind.lookup(name)).await
    }
}

#[async_trait]
impl<S: SigningKeys> SigningKeys for FaultyStore<S> {
    async fn list(&self) -> Result<Vec<SigningKeyRecord>, StoreError> {
        self.pass(self.behind.list()).await
    }

    async fn ensure(
        &self,
        initial: SigningKeyRecord,
        next: SigningKeyRecord,
    ) -> Result<Vec<SigningKeyRecord>, StoreError> {
        self.pass(self.behind.ensure(initial, next)).await
    }

    async fn rotate(
        &self,
        rotation: SigningKeyRotation,
    ) -> Result<Vec<SigningKeyRecord>, StoreError> {
        self.pass(self.behind.rotate(rotation)).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.pass(self.behind.sweep(now)).await
    }
}

#[async_trait]
impl<S: RevokedTokens> RevokedTokens for FaultyStore<S> {
    async fn revoke(&self, token: RevokedToken) -> Result<(), StoreError> {
        self.pass(self.behind.revoke(token)).await
    }

    async fn lookup(&self, issuer: &str, jti: &str) -> Result<Option<RevokedToken>, StoreError> {
        self.pass(self.behind.lookup(issuer, jti)).await
    }

    async fn list(&self) -> Result<Vec<RevokedToken>, StoreError> {
        self.pass(self.behind.list()).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.pass(self.behind.sweep(now)).await
    }
}

#[async_trait]
impl<S: IssuedCertificates> IssuedCertificates for FaultyStore<S> {
    async fn ensure_authority(
        &self,
        candidate: AuthorityRecord,
    ) -> Result<AuthorityRecord, StoreError> {
        self.pass(self.behind.ensure_authority(candidate)).await
    }

    async fn authority(&self) -> Result<Option<AuthorityRecord>, StoreError> {
        self.pass(self.behind.authority()).await
    }

    async fn add(&self, certificate: IssuedCertificateRecord) -> Result<(), StoreError> {
        self.pass(self.behind.add(certificate)).await
    }

    async fn lookup(&self, id: &str) -> Result<Option<IssuedCertificateRecord>, StoreError> {
        self.pass(self.behind.lookup(id)).await
    }

    async fn list(&self) -> Result<Vec<IssuedCertificateRecord>, StoreError> {
        self.pass(self.behind.list()).await
    }

    async fn revoke(
        &self,
        id: &str,
        at: Timestamp,
    ) -> Result<Option<IssuedCertificateRecord>, StoreError> {
        self.pass(self.behind.revoke(id, at)).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.pass(self.behind.sweep(now)).await
    }
}

#[async_trait]
impl<S: ChangeFeed> ChangeFeed for FaultyStore<S> {
    async fn head(&self) -> Result<i64, StoreError> {
        self.pass(self.behind.head()).await
    }

    async fn since(&self, seq: i64, limit: usize) -> Result<Changes, StoreError> {
        self.pass(self.behind.since(seq, limit)).await
    }

    async fn sweep(&self, before: i64) -> Result<u64, StoreError> {
        self.pass(self.behind.sweep(before)).await
    }
}

#[async_trait]
impl<S: AcmeRecords> AcmeRecords for FaultyStore<S> {
    async fn account(&self, directory: &str) -> Result<Option<AcmeAccountRecord>, StoreError> {
        self.pass(self.behind.account(directory)).await
    }

    async fn keep_account(&self, account: AcmeAccountRecord) -> Result<(), StoreError> {
        self.pass(self.behind.keep_account(account)).await
    }

    async fn certificates(
        &self,
        directory: &str,
    ) -> Result<Vec<AcmeCertificateRecord>, StoreError> {
        self.pass(self.behind.certificates(directory)).await
    }

    async fn keep_certificate(
        &self,
        certificate: AcmeCertificateRecord,
    ) -> Result<bool, StoreError> {
        self.pass(self.behind.keep_certificate(certificate)).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.pass(self.behind.sweep(before)).await
    }
}

#[async_trait]
impl<S: Health> Health for FaultyStore<S> {
    async fn ping(&self) -> Result<(), StoreError> {
        self.pass(self.behind.ping()).await
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, FaultyStore};
    use crate::conformance::sample;
    use crate::{ApiKeys, MemoryStore, StoreError};

    #[tokio::test]
    async fn r126_faults_strike_the_chosen_calls_only() {
        let id = sample::api_key_id(1);
        for (fault, expected) in [
            (Fault::Never, [true, true, true]),
            (Fault::Nth(2), [true, false, true]),
            (Fault::AnswerLost(1), [false, true, true]),
            (Fault::From(2), [true, false, false]),
        ] {
            let store = FaultyStore::new(MemoryStore::new(), fault);
            for ok in expected {
                let answer = store.lookup(&id).await;
                assert_eq!(answer.is_ok(), ok, "{fault:?}");
                assert!(ok || matches!(answer, Err(StoreError::Unavailable(_))));
            }
            assert_eq!(store.calls(), 3);
        }
    }

    #[tokio::test]
    async fn r126_a_lost_answer_leaves_the_write() {
        let memory = MemoryStore::new();
        let store = FaultyStore::new(memory.clone(), Fault::AnswerLost(1));
        assert!(store.create(sample::api_key(1)).await.is_err());
        assert!(
            memory
                .lookup(&sample::api_key_id(1))
                .await
                .unwrap()
                .is_some()
        );
        let store = FaultyStore::new(memory.clone(), Fault::Nth(1));
        assert!(store.create(sample::api_key(2)).await.is_err());
        assert!(
            memory
                .lookup(&sample::api_key_id(2))
                .await
                .unwrap()
                .is_none()
        );
    }
}
