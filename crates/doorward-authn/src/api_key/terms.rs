//! What a key was given and where it may be used.

use std::sync::Arc;

use doorward_core::net::{Cidrs, ClientAddress};
use doorward_core::verified::Grants;
use doorward_store::{Environment, KeyKind, KeyTerms};

pub(super) use crate::interner::Interner;

/// The part of a record that most keys share with many others.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Terms {
    grants: Arc<Grants>,
    kind: KeyKind,
    environment: Environment,
    cidrs: Cidrs,
}

impl Terms {
    pub(super) fn new(grants: Arc<Grants>, terms: &KeyTerms) -> Self {
        Self {
            grants,
            kind: terms.kind,
            environment: terms.environment,
            cidrs: terms.allowed_cidrs.clone(),
        }
    }

    pub(super) const fn grants(&self) -> &Arc<Grants> {
        &self.grants
    }

    pub(super) const fn kind(&self) -> KeyKind {
        self.kind
    }

    pub(super) const fn environment(&self) -> Environment {
        self.environment
    }

    /// Tells whether the key may be used from an address. No block means from anywhere.
    pub(super) fn admit_address(&self, client: ClientAddress) -> bool {
        self.cidrs.is_empty() || self.cidrs.contains(client)
    }
}
