//! The account with the authority: its key is made once, and kept sealed.

use doorward_core::{Entropy, Secret, Timestamp};
use doorward_store::AcmeAccountRecord;
use instant_acme::{Account, AccountCredentials, NewAccount};

use super::authority::Authority;
use super::failure::Failure;
use crate::config::acme::AcmeSettings;
use crate::state::State;

/// What opening an account needs.
pub(super) struct Parts<'a> {
    pub(super) settings: &'a AcmeSettings,
    pub(super) state: &'a State,
    pub(super) entropy: &'a dyn Entropy,
    pub(super) now: Timestamp,
    pub(super) authority: &'a Authority,
    /// The authority said that it does not know the account that is kept.
    pub(super) forget: bool,
}

/// Opens the account that is kept, or makes one.
pub(super) async fn open(parts: &Parts<'_>) -> Result<Account, Failure> {
    let directory = &parts.settings.directory;
    let known = parts.state.store.acme().account(directory).await?;
    let credentials = match known.filter(|_| !parts.forget) {
        Some(record) => unseal(parts, &record),
        None => None,
    };
    let builder = Account::builder_with_http(Box::new(parts.authority.clone()));
    match credentials {
        Some(credentials) => {
            let opened = builder.from_credentials(credentials).await;
            opened.map_err(|error| Failure::of(&error))
        }
        None => make(parts).await,
    }
}

async fn make(parts: &Parts<'_>) -> Result<Account, Failure> {
    let settings = parts.settings;
    let contact: Vec<&str> = settings.contact.iter().map(String::as_str).collect();
    let new = NewAccount {
        contact: &contact,
        // The configuration is refused without.
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let builder = Account::builder_with_http(Box::new(parts.authority.clone()));
    let made = builder.create(&new, settings.directory.clone(), None);
    let (account, credentials) = made.await.map_err(|error| Failure::of(&error))?;
    let text = serde_json::to_vec(&credentials).map(Secret::new);
    let text = text.map_err(Failure::before)?;
    let context = context(&settings.directory);
    let sealing = &parts.state.secrets.sealing;
    let record = AcmeAccountRecord {
        directory: settings.directory.clone(),
        sealed: sealing.seal(&context, text.expose(), parts.entropy)?,
        created_at: parts.now,
    };
    parts.state.store.acme().keep_account(record).await?;
    eprintln!("doorward: acme: a new account with {}", settings.directory);
    Ok(account)
}

/// Opens what is kept; an account that cannot be opened is replaced.
fn unseal(parts: &Parts<'_>, record: &AcmeAccountRecord) -> Option<AccountCredentials> {
    let sealing = &parts.state.secrets.sealing;
    let opened = sealing.open(&context(&record.directory), &record.sealed);
    let read = opened
        .ok()
        .and_then(|text| serde_json::from_slice(text.expose()).ok());
    if read.is_none() {
        eprintln!("doorward: acme: the kept account cannot be opened; another one is made");
    }
    read
}

fn context(directory: &str) -> String {
    format!("acme-account\0{directory}")
}
