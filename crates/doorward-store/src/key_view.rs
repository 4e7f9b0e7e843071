//! What a gate needs of an API key, lent while all keys are read.

use std::sync::Arc;

use doorward_core::api_key::{Environment, KeyKind};
use doorward_core::clock::Timestamp;
use doorward_core::net::Cidrs;
use doorward_core::scope::ScopeSet;

use crate::api_key::{ApiKeyIdRef, ApiKeyRecord};

/// The part of a key that most keys share with many others.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct KeyTerms {
    /// The kind of key.
    pub kind: KeyKind,
    /// Where it is good.
    pub environment: Environment,
    /// What it may be used for.
    pub scopes: ScopeSet,
    /// The roles it has.
    pub roles: Vec<String>,
    /// Where it may be used from; empty means from anywhere.
    pub allowed_cidrs: Cidrs,
}

/// One key, without what only people read. The fields mean what they mean in [`ApiKeyRecord`].
///
/// SECURITY: it holds the digest, so it has no `Debug`.
#[derive(Clone, Copy)]
pub struct KeyView<'r> {
    /// The public identifier.
    pub id: ApiKeyIdRef<'r>,
    /// The subject the key acts as.
    pub owner: &'r str,
    /// The keyed digest of the whole key.
    pub digest: &'r [u8; 32],
    /// What it was given and where it may be used. A reader may lend equal terms as one copy.
    pub terms: &'r Arc<KeyTerms>,
    /// When it starts to be good.
    pub not_before: Option<Timestamp>,
    /// When it stops being good.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last seen in use.
    pub last_used_at: Option<Timestamp>,
    /// When it was seen where it should not be.
    pub exposed_at: Option<Timestamp>,
}

/// Whoever takes all keys, one after the other.
pub trait KeyVisitor: Send {
    /// Says once, before the first key, about how many will come. Only a hint: it may be far off.
    fn expect(&mut self, keys: usize);

    /// Takes a key.
    fn visit(&mut self, key: &KeyView<'_>);
}

impl ApiKeyRecord {
    /// The part of the record that most keys share.
    #[must_use]
    pub fn terms(&self) -> KeyTerms {
        KeyTerms {
            kind: self.kind,
            environment: self.environment,
            scopes: self.scopes.clone(),
            roles: self.roles.clone(),
            allowed_cidrs: self.allowed_cidrs.clone(),
        }
    }

    /// The record as a gate sees it; `terms` are those of [`ApiKeyRecord::terms`].
    #[must_use]
    pub fn view<'r>(&'r self, terms: &'r Arc<KeyTerms>) -> KeyView<'r> {
        KeyView {
            id: self.id.borrow(),
            owner: &self.owner,
            digest: &self.digest,
            terms,
            not_before: self.not_before,
            expires_at: self.expires_at,
            revoked_at: self.revoked_at,
            last_used_at: self.last_used_at,
            exposed_at: self.exposed_at,
        }
    }
}
