//! Whom the names in certificates stand for.

use std::collections::HashMap;
use std::sync::Arc;

use doorward_core::client_certificate::{CertificateName, TrustedCertificate};
use doorward_core::rejection::Rejection;
use doorward_core::verified::Grants;
use thiserror::Error;

use super::{TWO_CALLERS, UNMAPPED, issuer_of};

/// How much of a certificate's names goes into records, in bytes.
const MAX_DETAIL: usize = 200;

/// A name of an authority's certificates and the caller that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The authority: the same name of another one is another caller.
    pub authority: Arc<str>,
    /// The name, which must be the same, letter by letter.
    pub name: CertificateName,
    /// Whom it stands for.
    pub subject: Arc<str>,
    /// What the caller was given; the issuer in it is replaced by the authority.
    pub grants: Grants,
}

/// Two mappings of one name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{name} of {authority} stands for two callers")]
pub struct MappingError {
    /// The authority.
    pub authority: Arc<str>,
    /// The name.
    pub name: CertificateName,
}

/// All mappings.
#[derive(Clone, Debug, Default)]
pub struct Mappings(HashMap<Arc<str>, HashMap<CertificateName, Caller>>);

/// Subject and grants, ready to be copied into an identity.
type Caller = (Arc<str>, Arc<Grants>);

impl Mappings {
    /// Takes mappings.
    ///
    /// # Errors
    /// [`MappingError`] when a name is there twice.
    pub fn new(mappings: impl IntoIterator<Item = Mapping>) -> Result<Self, MappingError> {
        let mut all = Self::default();
        for mapping in mappings {
            let grants = Arc::new(Grants {
                issuer: Some(issuer_of(&mapping.authority)),
                ..mapping.grants
            });
            let of_authority = all.0.entry(Arc::clone(&mapping.authority)).or_default();
            let caller = (mapping.subject, grants);
            if of_authority.insert(mapping.name.clone(), caller).is_some() {
                let (authority, name) = (mapping.authority, mapping.name);
                return Err(MappingError { authority, name });
            }
        }
        Ok(all)
    }

    /// The one caller that a certificate stands for.
    pub(super) fn find(&self, trusted: &TrustedCertificate) -> Result<Caller, Rejection> {
        let known = self.0.get(&trusted.authority);
        let mut callers = trusted
            .names
            .iter()
            .filter_map(|name| known.and_then(|known| known.get(name)));
        match (callers.next(), callers.next()) {
            (Some(caller), None) => Ok(caller.clone()),
            (Some(_), Some(_)) => Err(Rejection::invalid(&TWO_CALLERS)),
            (None, _) => Err(Rejection::invalid_because(&UNMAPPED, shown(trusted))),
        }
    }
}

fn shown(trusted: &TrustedCertificate) -> String {
    let mut text = String::new();
    for name in &trusted.names {
        let name = name.to_string();
        if text.len() + name.len() > MAX_DETAIL {
            text.push_str("...");
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&name);
    }
    if text.is_empty() {
        text.push_str("it has no DNS name, URI or e-mail address");
    }
    text
}
