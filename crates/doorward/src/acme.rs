//! Certificates from an ACME authority (RFC 8555): ordered with TLS-ALPN-01 (RFC 8737), kept with
//! sealed keys, renewed in time (RFC 9773 where the authority offers it). See docs/acme.md.
//!
//! Each host has a certificate and a task of its own: what fails for one does not hold up the
//! others. Until a host has a certificate, handshakes that name it are refused.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use doorward_control::{Check, Metrics};
use doorward_core::{Clock, Entropy, Timestamp};
use doorward_proxy::HostCertificates;
use doorward_store::{AcmeCertificateRecord, StoreError};
use instant_acme::Account;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

use crate::config::acme::AcmeSettings;
use crate::desk::Desk;
use crate::state::State;

mod account;
mod authority;
mod failure;
mod kept;
mod order;
mod renewal;
mod status;

use authority::Authority;
use failure::{Failure, shown};
use kept::{Kept, Obtained};
use renewal::Plan;
use status::Status;

/// How often it is looked whether something is due.
const LOOK: Duration = Duration::from_millis(500);
/// How long one order may take, validation included.
const ORDER: Duration = Duration::from_secs(300);
/// How many orders may go on at once.
const AT_ONCE: usize = 4;
/// How long a certificate that has ended is remembered.
const REMEMBERED: Duration = Duration::from_secs(30 * 86_400);

/// The certificates of an authority: gets them, keeps them, shows them.
pub struct Acme {
    settings: AcmeSettings,
    state: Arc<State>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    authority: Authority,
    hosts: Arc<HostCertificates>,
    status: Arc<Status>,
    /// The account, once the authority was reached.
    account: Mutex<Option<Account>>,
    orders: Semaphore,
}

impl Acme {
    /// Opens what the configuration asks for, and shows the certificates that are kept. Asks
    /// nobody; `None` where nothing is asked for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(desk: &Desk, clock: &Arc<dyn Clock>) -> Result<Option<Arc<Self>>> {
        let Some(settings) = desk.config.acme.clone() else {
            return Ok(None);
        };
        let outbound = crate::wiring::memory::outbound(&desk.config)?;
        let acme = Self {
            state: Arc::clone(&desk.state),
            clock: Arc::clone(clock),
            entropy: Arc::<doorward_crypto::entropy::OsEntropy>::clone(&desk.entropy),
            authority: Authority::new(outbound),
            hosts: HostCertificates::new(),
            status: Arc::new(Status::of(&settings.domains, Arc::clone(clock))),
            account: Mutex::default(),
            orders: Semaphore::new(AT_ONCE),
            settings,
        };
        for host in &acme.settings.domains {
            acme.take_kept(host, None).await?;
        }
        Ok(Some(Arc::new(acme)))
    }

    /// What listeners show.
    pub const fn hosts(&self) -> &Arc<HostCertificates> {
        &self.hosts
    }

    /// Lets metrics and readiness tell of the certificates.
    pub fn show_to_operator(&self, metrics: &Metrics, checks: &mut Vec<Arc<dyn Check>>) {
        checks.push(Arc::<Status>::clone(&self.status));
        metrics.show_certificates(Arc::<Status>::clone(&self.status));
    }

    /// Looks after all hosts until the tasks are dropped.
    pub fn start(self: &Arc<Self>) -> JoinSet<()> {
        let hosts = self.settings.domains.iter().cloned();
        hosts
            .map(|host| Arc::clone(self).look_after(host))
            .collect()
    }

    async fn look_after(self: Arc<Self>, host: Arc<str>) {
        let mut plan = Plan::default();
        loop {
            let known = self.status.known(&host);
            let (now, micros) = (self.clock.now(), self.clock.monotonic_micros());
            if plan.is_due(known.as_deref(), now) && plan.may_try(micros) {
                let old = (known, plan.was_offered());
                let obtained = apart(Arc::clone(&self).obtain(Arc::clone(&host), old));
                match obtained.await {
                    Ok(()) => plan = Plan::default(),
                    Err(failure) => self.failed(&host, &failure, &mut plan),
                }
            } else if let Some(known) = known
                && plan.may_ask(micros)
            {
                match apart(Arc::clone(&self).ask_when(known)).await {
                    Ok((window, again)) => {
                        plan.answer(window, (again, micros), self.entropy.as_ref());
                    }
                    Err(_) => plan.no_answer(micros),
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Gets a certificate, shows it and keeps it.
    async fn obtain(
        self: Arc<Self>,
        host: Arc<str>,
        (old, was_offered): (Option<Arc<Kept>>, bool),
    ) -> Result<(), Failure> {
        let one = self.orders.acquire().await;
        // Another process may have been first.
        if self.take_kept(&host, old.as_deref()).await? {
            return Ok(());
        }
        let account = self.account().await?;
        let old = old.filter(|_| was_offered);
        let replaces = old.and_then(|old| renewal::identifier(old.leaf()));
        let hands = (&self.hosts, self.entropy.as_ref());
        let work = order::place(&account, &host, hands, replaces);
        let obtained = tokio::time::timeout(ORDER, work);
        let obtained = obtained.await.map_err(|_| Failure::slow(ORDER))??;
        drop(one);
        let kept = Kept::read(&host, &obtained, self.clock.now())?;
        let record = self.record(&host, &obtained, &kept)?;
        self.show(&host, kept)?;
        self.status.obtained(&host);
        eprintln!("doorward: acme: {host} has a new certificate");
        if let Err(error) = self.keep(record).await {
            eprintln!("doorward: acme: the certificate of {host} could not be kept: {error}");
        }
        Ok(())
    }

    /// Takes over the certificate that is kept for a host, if it is another one than the one that
    /// is shown. Tells whether there was one.
    async fn take_kept(&self, host: &str, old: Option<&Kept>) -> Result<bool, Failure> {
        let directory = &self.settings.directory;
        let all = self.state.store.acme().certificates(directory).await?;
        let Some(record) = all.into_iter().find(|record| record.host == host) else {
            return Ok(false);
        };
        let opened = kept::open(&self.state.secrets.sealing, &record);
        let kept = match opened.and_then(|obtained| Kept::read_any(host, &obtained)) {
            Ok(kept) => kept,
            Err(failure) => {
                eprintln!("doorward: acme: the kept certificate of {host} is of no use: {failure}");
                return Ok(false);
            }
        };
        let is_later = |old: &Kept| kept.validity().not_after > old.validity().not_after;
        if !old.is_none_or(is_later) {
            return Ok(false);
        }
        self.show(host, kept)?;
        Ok(true)
    }

    fn record(
        &self,
        host: &str,
        obtained: &Obtained,
        kept: &Kept,
    ) -> Result<AcmeCertificateRecord, Failure> {
        let sealing = &self.state.secrets.sealing;
        let place = (self.settings.directory.as_str(), host);
        let now = self.clock.now();
        kept::record(place, obtained, kept, (sealing, self.entropy.as_ref(), now))
    }

    async fn keep(&self, record: AcmeCertificateRecord) -> Result<(), StoreError> {
        let store = self.state.store.acme();
        store.keep_certificate(record).await?;
        store.sweep(self.clock.now().minus(REMEMBERED)).await?;
        Ok(())
    }

    fn show(&self, host: &str, kept: Kept) -> Result<(), Failure> {
        self.hosts.show(host, kept.certificate())?;
        self.status.shows(host, kept);
        Ok(())
    }

    /// The account with the authority, made when there is none.
    async fn account(&self) -> Result<Account, Failure> {
        let mut known = self.account.lock().await;
        if let Some(account) = &*known {
            return Ok(account.clone());
        }
        let parts = account::Parts {
            settings: &self.settings,
            state: &self.state,
            entropy: self.entropy.as_ref(),
            now: self.clock.now(),
            authority: &self.authority,
            forget: self.status.account_is_gone(),
        };
        let account = account::open(&parts).await?;
        self.status.account_is_known();
        *known = Some(account.clone());
        Ok(account)
    }

    /// Asks when the authority wants a certificate renewed (RFC 9773), and when to ask again.
    async fn ask_when(
        self: Arc<Self>,
        known: Arc<Kept>,
    ) -> Result<((Timestamp, Timestamp), Duration), Failure> {
        let name = renewal::identifier(known.leaf());
        let name = name.ok_or_else(|| Failure::before("the certificate has no such name"))?;
        let account = self.account().await?;
        let (info, again) = account
            .renewal_info(&name)
            .await
            .map_err(|e| Failure::of(&e))?;
        Ok((renewal::window(&info), again))
    }

    fn failed(&self, host: &Arc<str>, failure: &Failure, plan: &mut Plan) {
        // The next attempt asks anew where everything is.
        if let Ok(mut account) = self.account.try_lock() {
            *account = None;
        }
        if failure.account_is_gone {
            self.status.account_went();
        }
        self.status.failed(host);
        let told = self.authority.take_retry_after();
        let wait = plan.failed(failure, (self.settings.retry, told), &*self.clock);
        let still = match self.status.known(host) {
            None => "it has none, and handshakes for it are refused",
            Some(known) if known.validity().not_after <= self.clock.now() => {
                "the one that it has is over"
            }
            Some(_) => "the one that it has stays in use",
        };
        eprintln!(
            "doorward: acme: no new certificate for {host}: {}; {still}; tried again in {}",
            shown(failure),
            failure::in_words(wait),
        );
    }
}

/// Does work in a task of its own, which ends with this one.
///
/// SECURITY: the library gives up on some addresses with a panic. An authority that names such a
/// one has failed, and is asked again like any other.
async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let mut task = JoinSet::new();
    task.spawn(work);
    match task.join_next().await {
        Some(Ok(done)) => done,
        _ => Err(Failure::before("the authority's answer made no sense")),
    }
}
