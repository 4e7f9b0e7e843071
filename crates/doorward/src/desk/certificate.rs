//! Our own authority for client certificates, and what it issues.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use doorward_core::{Clock, Entropy, ScopeSet, Secret};
use doorward_crypto::digest::sha256;
use doorward_crypto::proof::authority::IssuingAuthority;
use doorward_store::{AuthorityRecord, IssuedCertificateRecord, IssuedCertificates};

use super::Desk;
use crate::config::Config;
use crate::config::client_ca::Source;
use crate::state::State;

/// The longest life of a certificate.
pub const MAX_TTL: Duration = Duration::from_secs(90 * 86_400);

/// What a new certificate is asked to be.
pub struct NewCertificate {
    /// What people call it.
    pub name: String,
    /// Whom it stands for.
    pub subject: String,
    /// Scopes.
    pub scopes: ScopeSet,
    /// Roles.
    pub roles: Vec<String>,
    /// How long it lives.
    pub ttl: Duration,
}

/// A certificate that was just made. Its key is not kept anywhere else.
pub struct IssuedCertificate {
    /// The record.
    pub record: IssuedCertificateRecord,
    /// The certificate, as PEM.
    pub pem: String,
    /// Its private key, as PEM.
    pub key: Secret<String>,
}

/// Makes the authority where a configuration needs one; tells whether it does.
///
/// # Errors
/// When the store cannot give or take it.
pub async fn ensure_for(
    config: &Config,
    state: &State,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<bool> {
    let needed = config.client_cas.iter().any(|ca| ca.source == Source::Own);
    if needed {
        ensure_authority(state, clock, entropy).await?;
    }
    Ok(needed)
}

/// Loads the authority, making it when it is first needed.
///
/// # Errors
/// When the store cannot give or take it.
pub async fn ensure_authority(
    state: &State,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<AuthorityRecord> {
    let certificates = state.store.issued_certificates();
    if let Some(known) = certificates.authority().await? {
        return Ok(known);
    }
    let now = clock.now();
    let (authority, certificate, expires_at) = IssuingAuthority::generate(now, entropy)?;
    let sealed = authority.seal(&state.secrets.sealing, entropy)?;
    let candidate = AuthorityRecord {
        certificate,
        sealed,
        created_at: now,
        expires_at,
    };
    Ok(certificates.ensure_authority(candidate).await?)
}

impl Desk {
    /// The authority, made when it is first needed.
    ///
    /// # Errors
    /// When the store cannot give or take it.
    pub async fn client_authority(&self) -> Result<AuthorityRecord> {
        ensure_authority(&self.state, self.clock.as_ref(), self.entropy.as_ref()).await
    }

    /// Issues a certificate.
    ///
    /// # Errors
    /// When what is asked is not acceptable, or the authority's key cannot be opened.
    pub async fn issue_certificate(&self, new: NewCertificate) -> Result<IssuedCertificate> {
        for (what, text) in [("name", &new.name), ("subject", &new.subject)] {
            if text.is_empty() || text.len() > 128 || text.contains(char::is_control) {
                bail!(
                    "the {what} of a certificate is 1 to 128 characters without control characters"
                );
            }
        }
        ensure!(new.ttl <= MAX_TTL, "--ttl is at most 90d");
        let authority = self.client_authority().await?;
        let sealing = &self.state.secrets.sealing;
        let opened = IssuingAuthority::unseal(sealing, &authority.certificate, &authority.sealed);
        let opened = opened.with_context(|| {
            format!(
                "cannot open the client CA; is {} the file that belongs to this database?",
                crate::state::secrets::path(&self.state.dir).display()
            )
        })?;
        let now = self.now();
        ensure!(
            now.plus(new.ttl) <= authority.expires_at,
            "the client CA ends {}, before the certificate would",
            authority.expires_at
        );
        let made = opened.issue(&new.name, new.ttl, now, self.entropy.as_ref())?;
        let thumbprint = sha256(&made.der);
        let id = doorward_authn::mtls::credential_id(&thumbprint);
        let record = IssuedCertificateRecord {
            id: id.as_str().to_owned(),
            thumbprint,
            name: new.name,
            subject: new.subject,
            scopes: new.scopes,
            roles: new.roles,
            created_at: now,
            expires_at: made.expires_at,
            revoked_at: None,
        };
        let stored = IssuedCertificates::add(self.state.store.as_ref(), record.clone()).await;
        self.record(
            "issue",
            "certificate",
            &record.id,
            stored.map_err(Into::into),
        )?;
        Ok(IssuedCertificate {
            record,
            pem: made.pem,
            key: made.key_pem,
        })
    }

    /// All certificates that are not long over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_certificates(&self) -> Result<Vec<IssuedCertificateRecord>> {
        Ok(IssuedCertificates::list(self.state.store.as_ref()).await?)
    }

    /// Revokes a certificate at once, by its id, or by its name where only one has it.
    ///
    /// # Errors
    /// When there is none, or several have the name.
    pub async fn revoke_certificate(&self, given: &str) -> Result<IssuedCertificateRecord> {
        let store = self.state.store.as_ref();
        let id = match IssuedCertificates::lookup(store, given).await? {
            Some(record) => record.id,
            None => self.id_of_certificate(given).await?,
        };
        let revoked = IssuedCertificates::revoke(store, &id, self.now()).await;
        let revoked = revoked
            .map_err(Into::into)
            .and_then(|record| record.ok_or_else(|| unknown(given)));
        self.record("revoke", "certificate", &id, revoked)
    }

    async fn id_of_certificate(&self, name: &str) -> Result<String> {
        let all = self.list_certificates().await?;
        let mut named = all.into_iter().filter(|record| record.name == name);
        match (named.next(), named.next()) {
            (Some(record), None) => Ok(record.id),
            (Some(_), Some(_)) => bail!(
                "several certificates are called {name:?}, so none was revoked; give an id of \
                 `doorward cert list`"
            ),
            (None, _) => Err(unknown(name)),
        }
    }
}

fn unknown(given: &str) -> anyhow::Error {
    anyhow!("there is no certificate {given:?}; see `doorward cert list`")
}
