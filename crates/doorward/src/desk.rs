//! The key desk: issues, changes and ends credentials, for the command line and for `demo`.
//!
//! Every change is in the database when a function returns, and running servers have heard of
//! it when [`Desk::announce`] returns.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use doorward_core::{Clock, Timestamp};
use doorward_crypto::entropy::OsEntropy;

use crate::cli::ConfigArgs;
use crate::clock::SystemClock;
use crate::config::diagnostic::Report;
use crate::config::{self, Config};
use crate::control_socket;
use crate::state::State;

pub mod api_key;
pub mod audit;
pub mod certificate;
pub mod client;
pub mod client_key;
pub mod signing_key;
pub mod token;
pub mod user;

/// An open desk.
pub struct Desk {
    /// The configuration.
    pub config: Config,
    /// The state.
    pub state: Arc<State>,
    /// Tells the time.
    pub clock: Arc<SystemClock>,
    /// Draws secrets.
    pub entropy: Arc<OsEntropy>,
    audit: audit::Audit,
}

impl Desk {
    /// Reads the configuration and opens the state.
    ///
    /// # Errors
    /// Every mistake of the configuration, or what cannot be opened.
    pub fn open(args: &ConfigArgs) -> Result<Self> {
        let config = load_config(&args.config, &args.sets)?;
        let entropy = Arc::new(OsEntropy::new());
        let state = Arc::new(State::open(&config.state_dir, entropy.as_ref())?);
        let clock = Arc::new(SystemClock::new());
        let audit = audit::Audit::open(&state.dir, entropy.as_ref())?;
        Ok(Self {
            config,
            state,
            clock,
            entropy,
            audit,
        })
    }

    /// Records a change that was made, or what stopped it, and passes the result on.
    ///
    /// # Errors
    /// The change's own error, or that it could not be recorded.
    pub fn record<T>(&self, action: &str, entity: &str, id: &str, result: Result<T>) -> Result<T> {
        let change = audit::Change {
            action,
            entity,
            id,
            detail: None,
        };
        self.record_change(&change, result)
    }

    /// As [`Desk::record`], for a change that is told in detail.
    ///
    /// # Errors
    /// The change's own error, or that it could not be recorded.
    pub fn record_change<T>(&self, change: &audit::Change<'_>, result: Result<T>) -> Result<T> {
        self.audit.record(self.now(), change, result)
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Tells running servers to take over what changed, and waits until they have.
    pub async fn announce(&self) -> control_socket::Announced {
        control_socket::announce(&self.state.dir).await
    }
}

/// Loads a configuration; prints warnings to standard error.
///
/// # Errors
/// The report of every mistake.
pub fn load_config(file: &Path, sets: &[String]) -> Result<Config> {
    let reading = config::load(file, sets);
    let name = file.to_string_lossy();
    let report = Report {
        file: &name,
        diagnostics: &reading.diagnostics,
    };
    match reading.config {
        Some(config) => {
            eprint!("{report}");
            Ok(config)
        }
        None => bail!(
            "the configuration cannot be used\n{}",
            report.to_string().trim_end()
        ),
    }
}
