//! Builds a gate from a configuration and what is in memory.

use std::sync::Arc;

use anyhow::Result;
use doorward_authn::api_key::{ApiKeyAuthenticator, ApiKeyParts};
use doorward_authn::basic::BasicAuthenticator;
use doorward_authn::jwt::{JwtAuthenticator, JwtParts};
use doorward_authn::message_signature::{MessageSignatureAuthenticator, MessageSignatureParts};
use doorward_authn::mtls::{MtlsAuthenticator, MtlsParts};
use doorward_authn::sigv4::{SigV4Authenticator, SigV4Parts};
use doorward_core::Gate;
use doorward_core::decision::Journal;
use doorward_core::gate::{Authenticator, Parts};
use doorward_core::policy::Policy;
use doorward_core::request::ManagedHeaders;
use doorward_crypto::api_key::KeyPrefix;
use doorward_crypto::jose::jws::Limits;
use http::HeaderName;

use super::memory::Memory;
use crate::config::Config;

/// The realm in challenges.
const REALM: &str = "doorward";

/// Builds a gate.
///
/// # Errors
/// When a checked setting turns out to be unusable.
pub fn build(config: &Config, memory: &Memory, journal: Arc<dyn Journal>) -> Result<Arc<Gate>> {
    let policy: Arc<dyn Policy> = Arc::<doorward_policy::RouteTable>::clone(&config.policy);
    let managed = ManagedHeaders::new(
        config.managed_headers.iter().map(String::as_str),
        credential_headers(config),
    );
    Ok(Arc::new(Gate::new(Parts {
        clock: Arc::clone(&memory.clock),
        policy,
        methods: methods(config, memory)?,
        limiter: Arc::new(
            memory
                .counts
                .limiter(config.limits.rates.all(), config.limits.counted_callers),
        ),
        feed: Arc::<super::feed::Feed>::clone(&memory.feed),
        journal,
        ids: Arc::clone(&memory.ids),
        managed,
        realm: REALM.into(),
    })))
}

/// The headers that carry credentials, and end here.
fn credential_headers(config: &Config) -> impl Iterator<Item = &str> {
    let signed = config.message_signature.is_some();
    let signature = ["signature", "signature-input"];
    let keys = config.api_key.headers.iter().map(String::as_str);
    keys.chain(signature.into_iter().filter(move |_| signed))
}

/// The methods in the order in which they claim an `Authorization` header: a key is known by
/// its prefix, any other bearer token is taken for a JWT.
fn methods(config: &Config, memory: &Memory) -> Result<Vec<Arc<dyn Authenticator>>> {
    let headers = config.api_key.headers.iter();
    let api_key = ApiKeyAuthenticator::new(ApiKeyParts {
        index: Arc::clone(&memory.keys),
        peppers: Arc::clone(&memory.state.secrets.peppers),
        prefix: KeyPrefix::parse(&config.api_key.prefix)?,
        headers: headers
            .map(|name| HeaderName::from_bytes(name.as_bytes()))
            .collect::<Result<_, _>>()?,
        environments: config.api_key.environments.clone(),
        clock: Arc::clone(&memory.clock),
    });
    let jwt = JwtAuthenticator::new(JwtParts {
        issuers: Arc::clone(&memory.issuers),
        cache: Arc::clone(&memory.tokens),
        revocations: Arc::clone(&memory.revocations),
        limits: Limits::default(),
        clock: Arc::clone(&memory.clock),
    });
    let basic = BasicAuthenticator::new(Arc::clone(&memory.basic));
    let mtls = MtlsAuthenticator::new(MtlsParts {
        mappings: config.client_certificates.clone(),
        issued: Arc::clone(&memory.issued),
        clock: Arc::clone(&memory.clock),
    });
    let mut methods: Vec<Arc<dyn Authenticator>> = vec![
        Arc::new(api_key),
        Arc::new(basic),
        Arc::new(jwt),
        Arc::new(mtls),
    ];
    if let Some(settings) = &config.message_signature {
        methods.push(Arc::new(MessageSignatureAuthenticator::new(
            MessageSignatureParts {
                index: Arc::clone(&memory.client_keys),
                settings: settings.clone(),
                clock: Arc::clone(&memory.clock),
            },
        )));
    }
    if let Some(settings) = &config.sigv4 {
        methods.push(Arc::new(SigV4Authenticator::new(SigV4Parts {
            index: Arc::clone(&memory.client_keys),
            settings: settings.clone(),
            clock: Arc::clone(&memory.clock),
        })));
    }
    Ok(methods)
}
