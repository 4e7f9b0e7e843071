//! Who judges client certificates on each listener.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use doorward_authn::mtls::{ListenerCertificates, TrustedAuthority};
use doorward_core::client_certificate::ClientCertificates;
use doorward_crypto::proof::chain::Authority;
use doorward_proxy::ClientAuth;

use super::memory::Memory;
use crate::config::client_ca::{ClientCa, Source};
use crate::config::{Config, listener};

/// One judge for each listener that knows client certificates, in the order of the listeners.
pub type Judges = Vec<Option<Arc<dyn ClientCertificates>>>;

/// Reads the files of all authorities and makes the judges.
///
/// # Errors
/// When a file cannot be used.
pub fn judges(config: &Config, memory: &Memory) -> Result<Judges> {
    let mut authorities = HashMap::new();
    for ca in &config.client_cas {
        let named = || format!("client_ca.{}", ca.name);
        let authority = open(ca, memory).with_context(named)?;
        authorities.insert(ca.name.as_str(), Arc::new(authority));
    }
    let judge = |listener: &listener::Listener| {
        listener.knows_certificates().then(|| {
            let names = listener.client_ca.iter();
            let trusted = names
                .filter_map(|name| authorities.get(name.as_str()).map(Arc::clone))
                .collect();
            let form = listener.client_certificate_header;
            let (issued, clock) = (Arc::clone(&memory.issued), Arc::clone(&memory.clock));
            Arc::new(ListenerCertificates::new(trusted, form, issued, clock))
                as Arc<dyn ClientCertificates>
        })
    };
    Ok(config.listeners.iter().map(judge).collect())
}

/// How a listener asks callers for certificates.
pub fn client_auth(
    listener: &listener::Listener,
    judge: Option<&Arc<dyn ClientCertificates>>,
) -> Option<ClientAuth> {
    let required = match listener.client_certificates {
        listener::ClientCertificates::Off => return None,
        listener::ClientCertificates::Optional => false,
        listener::ClientCertificates::Required => true,
    };
    let judge = Arc::clone(judge?);
    Some(ClientAuth { judge, required })
}

fn open(ca: &ClientCa, memory: &Memory) -> Result<TrustedAuthority> {
    let read = |path: &std::path::Path| {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let mut authority = match &ca.source {
        Source::File(path) => Authority::from_pem(&ca.name, &read(path)?)
            .with_context(|| path.display().to_string())?,
        Source::Own => memory.own_authority()?,
    };
    for path in &ca.crl {
        authority
            .add_revocation_lists(&read(path)?)
            .with_context(|| path.display().to_string())?;
    }
    Ok(TrustedAuthority {
        authority: authority.accepting_stale_lists(ca.accept_stale),
        several_names: ca.several_names,
    })
}
