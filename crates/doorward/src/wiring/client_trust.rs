//! Who judges client certificates on each listener.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use doorward_authn::mtls::{ListenerCertificates, TrustedAuthority};
use doorward_core::client_certificate::ClientCertificates;
use doorward_core::request::Session;
use doorward_crypto::proof::chain::Authority;
use doorward_proxy::ClientAuth;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

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

/// What a connection with the certificate in a file would say, on the first listener that knows
/// certificates.
///
/// # Errors
/// When the file cannot be read, or no listener knows certificates.
pub fn session(file: &Path, config: &Config, memory: &Memory) -> Result<Session> {
    let shown = file.display();
    let pem = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
    let chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|chain| !chain.is_empty())
        .with_context(|| format!("{shown} holds no PEM certificate"))?;
    let chain: Vec<&[u8]> = chain.iter().map(AsRef::as_ref).collect();
    let judges = judges(config, memory)?;
    let judge = judges.into_iter().flatten().next();
    let judge = judge.context("no listener asks for client certificates")?;
    Ok(Session {
        certificate: Some(Arc::new(judge.of_handshake(&chain))),
        ..Session::default()
    })
}

fn open(ca: &ClientCa, memory: &Memory) -> Result<TrustedAuthority> {
    let read = |path: &Path| {
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
