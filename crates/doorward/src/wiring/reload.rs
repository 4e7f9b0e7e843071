//! Reload: on SIGHUP, or when the configuration or a certificate changes on disk; all of it or
//! nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use doorward_control::DecisionLog;
use doorward_proxy::{Door, TlsServer};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::interval;

use super::client_trust::client_auth;
use super::server::{certificate, refuse_changed_addresses};
use super::snapshot;
use crate::cli::ConfigArgs;
use crate::config::{Config, client_ca, listener};
use crate::desk::{Desk, certificate as desk_certificate, load_config};

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often certificates of the development CA are looked at: they are renewed in time.
const RENEW: Duration = Duration::from_secs(12 * 3600);

/// Everything that a reload replaces.
pub struct Reloader {
    args: ConfigArgs,
    desk: Desk,
    door: Arc<Door>,
    parts: snapshot::Parts,
    certificates: Vec<Option<Arc<TlsServer>>>,
    seen: Vec<(PathBuf, Option<SystemTime>)>,
}

impl Reloader {
    /// Watches what a server was started with.
    pub fn new(
        args: ConfigArgs,
        desk: Desk,
        door: Arc<Door>,
        parts: snapshot::Parts,
        certificates: Vec<Option<Arc<TlsServer>>>,
    ) -> Self {
        let seen = look(&args.config, &desk.config);
        Self {
            args,
            desk,
            door,
            parts,
            certificates,
            seen,
        }
    }

    /// Reloads when told or when a file changed, until SIGTERM or Ctrl-C.
    ///
    /// # Errors
    /// When signals cannot be received.
    pub async fn run_until_told_to_stop(&mut self, log: &DecisionLog) -> Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut ticks = interval(LOOK);
        let mut renew = interval(RENEW);
        renew.tick().await;
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = hang_up.recv() => {
                    log.reopen();
                    self.reload_and_report().await;
                }
                _ = renew.tick() => self.reload_and_report().await,
                _ = ticks.tick() => {
                    let now = look(&self.args.config, &self.desk.config);
                    if now != self.seen {
                        self.seen = now;
                        self.reload_and_report().await;
                    }
                }
            }
        }
    }

    async fn reload_and_report(&mut self) {
        match self.reload().await {
            Ok(()) => eprintln!("doorward: configuration reloaded"),
            Err(error) => {
                eprintln!("doorward: reload refused, the old configuration stays: {error:#}");
            }
        }
    }

    async fn reload(&mut self) -> Result<()> {
        let config = load_config(&self.args.config, &self.args.sets)?;
        refuse_changed_addresses(&self.desk.config, &config)?;
        let mut fresh = Vec::with_capacity(config.listeners.len());
        for wanted in &config.listeners {
            fresh.push(certificate(wanted, &config)?);
        }
        let memory = self.parts.memory();
        let (clock, entropy) = (memory.clock.as_ref(), self.desk.entropy.as_ref());
        if desk_certificate::ensure_for(&config, &self.desk.state, clock, entropy).await? {
            memory.load_authority().await?;
        }
        let snapshot = self.parts.snapshot(&config)?;
        // SECURITY: no new issuer meets the old routes, and no old issuer the new ones: in
        // between only those are trusted that both configurations trust.
        memory.narrow(&config).await?;
        // Nothing below can fail half-way: a listener's kind of TLS stays as it is.
        for (number, (shown, fresh)) in self.certificates.iter().zip(fresh).enumerate() {
            let judge = snapshot.client_certificates.get(number);
            let listener = config.listeners.get(number);
            if let (Some(shown), Some(fresh), Some(listener)) = (shown, fresh, listener) {
                let judge = judge.and_then(Option::as_ref);
                shown.replace(fresh, client_auth(listener, judge))?;
            }
        }
        self.door.replace(snapshot);
        memory.declare(&config).await?;
        self.desk.config = config;
        self.seen = look(&self.args.config, &self.desk.config);
        Ok(())
    }
}

/// The files that matter and when they last changed.
fn look(file: &Path, config: &Config) -> Vec<(PathBuf, Option<SystemTime>)> {
    let mut files = vec![file.to_owned()];
    for listener in &config.listeners {
        if let listener::Tls::Files { cert, key } = &listener.tls {
            files.extend([cert.clone(), key.clone()]);
        }
    }
    for upstream in config.upstreams.values() {
        files.extend(upstream.ca.clone());
        let shown = upstream.client_certificate.iter();
        files.extend(shown.flat_map(|(cert, key)| [cert.clone(), key.clone()]));
    }
    for ca in &config.client_cas {
        if let client_ca::Source::File(path) = &ca.source {
            files.push(path.clone());
        }
        files.extend(ca.crl.iter().cloned());
    }
    files
        .into_iter()
        .map(|path| {
            let changed = std::fs::metadata(&path)
                .and_then(|data| data.modified())
                .ok();
            (path, changed)
        })
        .collect()
}
