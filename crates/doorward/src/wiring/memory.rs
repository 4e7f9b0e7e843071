//! What the methods know, in memory: loaded once, kept up to date from the change log.
//!
//! It outlives reloads of the configuration. A request never waits for the database.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use doorward_authn::api_key::KeyIndex;
use doorward_authn::basic::{BasicCost, BasicParts, BasicState, UserIndex};
use doorward_authn::client_key::ClientKeyIndex;
use doorward_authn::jwt::{
    IssuerConfig, IssuerSet, IssuerSetParts, LocalKeys, RefreshPolicy, Revocations, TokenCache,
};
use doorward_authn::mtls::{IssuedIndex, OWN_AUTHORITY};
use doorward_control::{JwksEndpoint, Loaded, Metrics};
use doorward_core::Clock;
use doorward_core::clock::SteadyClock;
use doorward_core::decision::DecisionIds;
use doorward_core::gate::RevocationFeed;
use doorward_crypto::entropy::OsEntropy;
use doorward_crypto::hash::Argon2Params;
use doorward_crypto::proof::chain::Authority;
use doorward_oauth::ClientIndex;
use doorward_policy::Counts;
use doorward_proxy::Endings;
use doorward_store::{
    ApiKeyId, ApiKeys, Change, ChangeFeed, ClientId, ClientKeyId, ClientKeyRecord, ClientKeys,
    ClientRecord, Clients, Entity, IssuedCertificates, IssuerRecord, Issuers, RevokedToken,
    RevokedTokens, SigningKeys, Store, UserName, UserRecord, Users,
};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::feed::Feed;
use super::key_sets::KeptKeySets;
use super::quotas::{KeptQuotas, long_keys};
use super::signer::Signer;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::desk::{Desk, certificate, signing_key};
use crate::outbound::Outbound;
use crate::state::State;

/// The issuers of a configuration.
#[derive(Clone)]
struct Declared {
    own: String,
    audience: String,
    trusted: Vec<IssuerRecord>,
}

impl Declared {
    fn of(config: &Config) -> Self {
        Self {
            own: config.issuer.url.clone(),
            audience: config.issuer.audience.clone(),
            trusted: config.trusted_issuers.clone(),
        }
    }
}

/// How many changes are taken over at a time.
const BATCH: usize = 1000;

/// What the methods know.
pub struct Memory {
    /// The state it mirrors.
    pub state: Arc<State>,
    /// Tells the time that calls are judged by.
    pub clock: Arc<dyn Clock>,
    /// The same clock, which knows whether the machine's was set back.
    steady: Arc<SteadyClock<Arc<SystemClock>>>,
    /// Whether that was told.
    set_back: AtomicBool,
    /// API keys.
    pub keys: Arc<KeyIndex>,
    /// OAuth clients.
    pub clients: Arc<ClientIndex>,
    /// Keys with which clients sign.
    pub client_keys: Arc<ClientKeyIndex>,
    /// Users, and what checking passwords needs.
    pub basic: Arc<BasicState>,
    /// Issuers, ourselves among them, and their keys.
    pub issuers: Arc<IssuerSet>,
    /// Tokens that were verified.
    pub tokens: Arc<TokenCache>,
    /// Tokens that were revoked.
    pub revocations: Arc<Revocations>,
    /// Certificates of our own authority.
    pub issued: Arc<IssuedIndex>,
    /// What we sign with.
    pub signer: Arc<Signer>,
    /// How often callers called.
    pub counts: Arc<Counts>,
    /// What is used of quotas, kept.
    quotas: Arc<KeptQuotas>,
    /// Credentials that changed, for calls that are going on.
    pub endings: Arc<Endings>,
    /// How fresh all this is.
    pub feed: Arc<Feed>,
    /// Numbers of decisions.
    pub ids: Arc<DecisionIds>,
    /// The certificate of our own authority for client certificates.
    authority: parking_lot::Mutex<Option<Vec<u8>>>,
    /// Our own public keys, as the JWT method sees them.
    own_keys: LocalKeys,
    /// The issuers of the configuration, ourselves first.
    declared: parking_lot::Mutex<Declared>,
    /// Key sets that are being fetched since issuers were taken over.
    fetching: parking_lot::Mutex<Vec<JoinHandle<()>>>,
    /// Issuers whose keys could not be fetched, and why.
    failing: parking_lot::Mutex<HashMap<Arc<str>, String>>,
    /// Where our public keys are published.
    published: parking_lot::Mutex<Option<Arc<JwksEndpoint>>>,
    /// The last change that was taken over.
    position: Mutex<i64>,
}

impl Memory {
    /// Loads everything.
    ///
    /// # Errors
    /// When the database cannot be read, or its signing key cannot be opened.
    pub async fn load(desk: &Desk) -> Result<Arc<Self>> {
        let state = Arc::clone(&desk.state);
        let steady = Arc::new(SteadyClock::new(Arc::clone(&desk.clock)));
        let clock: Arc<dyn Clock> = Arc::<SteadyClock<_>>::clone(&steady);
        let signing = signing_key::ensure(&state, clock.as_ref(), desk.entropy.as_ref()).await?;
        certificate::ensure_for(&desk.config, &state, clock.as_ref(), desk.entropy.as_ref())
            .await?;
        let outbound = outbound(&desk.config)?;
        let issuers = IssuerSet::new(IssuerSetParts {
            fetch: Arc::new(outbound),
            last_good: Arc::new(KeptKeySets::open(&state.dir)?),
            clock: Arc::clone(&clock),
            policy: RefreshPolicy::default(),
        });
        let basic = BasicState::new(BasicParts {
            index: Arc::new(UserIndex::new(state.secrets.digest_key("basic-names"))),
            clock: Arc::clone(&clock),
            entropy: Arc::<OsEntropy>::clone(&desk.entropy),
            cost: cost(&desk.config)?,
        })?;
        let memory = Self {
            basic: Arc::new(basic),
            issuers: Arc::new(issuers),
            tokens: Arc::new(TokenCache::new(desk.config.token_cache)),
            revocations: Arc::default(),
            issued: Arc::default(),
            own_keys: LocalKeys::default(),
            authority: parking_lot::Mutex::default(),
            declared: parking_lot::Mutex::new(Declared::of(&desk.config)),
            signer: Arc::new(Signer::open(&state, &signing, clock.now())?),
            counts: Arc::new(Counts::new(Arc::clone(&clock), long_keys(&state.secrets))),
            quotas: Arc::new(KeptQuotas::of(&state)),
            endings: Arc::default(),
            feed: Arc::new(Feed::new(Arc::clone(&clock), desk.config.max_staleness)),
            ids: Arc::new(DecisionIds::new(desk.entropy.as_ref())),
            keys: Arc::default(),
            clients: Arc::default(),
            client_keys: Arc::new(ClientKeyIndex::new(clock.now())),
            fetching: parking_lot::Mutex::default(),
            failing: parking_lot::Mutex::default(),
            published: parking_lot::Mutex::default(),
            position: Mutex::new(0),
            set_back: AtomicBool::new(false),
            state,
            steady,
            clock,
        };
        let mut position = memory.position.lock().await;
        *position = memory
            .load_all()
            .await
            .context("cannot load the database")?;
        drop(position);
        Ok(Arc::new(memory))
    }

    fn store(&self) -> &dyn Store {
        self.state.store.as_ref()
    }

    /// Our own authority for client certificates.
    ///
    /// # Errors
    /// When there is none.
    pub fn own_authority(&self) -> Result<Authority> {
        let Some(certificate) = self.authority.lock().clone() else {
            bail!("there is no client CA of our own yet: make it with `doorward cert ca`");
        };
        let certificates = [certificate.as_slice().into()];
        Ok(Authority::from_der(OWN_AUTHORITY, &certificates)?)
    }

    /// Reads all entities; returns the change from which to go on.
    async fn load_all(&self) -> Result<i64> {
        let started = self.clock.monotonic_micros();
        let head = ChangeFeed::head(self.store()).await?;
        let mut reload = self.keys.reload();
        ApiKeys::visit_all(self.store(), &mut reload).await?;
        reload.finish();
        let client_keys = ClientKeys::list(self.store()).await?;
        self.client_keys.retain(&client_keys);
        client_keys.iter().for_each(|key| self.take_client_key(key));
        let clients = Clients::list(self.store()).await?;
        self.clients.retain(&clients);
        clients
            .into_iter()
            .for_each(|client| self.take_client(client));
        self.basic.index().replace(&load_users(self.store()).await?);
        for token in RevokedTokens::list(self.store()).await? {
            self.revocations.insert(token);
        }
        self.issued
            .replace(&IssuedCertificates::list(self.store()).await?);
        self.load_authority().await?;
        self.reload_signing_keys().await?;
        let declared = self.declared.lock().clone();
        self.reload_issuers(declared).await?;
        self.feed.read(started);
        Ok(head)
    }

    /// Takes over what changed in the database. When it returns, the next request sees it.
    ///
    /// The reading is done on a thread of its own: a database that is locked makes whoever reads
    /// it wait, and that must not be a thread that serves callers.
    ///
    /// # Errors
    /// When the database cannot be read; what was known stays known.
    pub async fn catch_up(self: &Arc<Self>) -> Result<()> {
        let (memory, runtime) = (Arc::clone(self), Handle::current());
        tokio::task::spawn_blocking(move || runtime.block_on(memory.follow())).await?
    }

    async fn follow(&self) -> Result<()> {
        let mut position = self.position.lock().await;
        loop {
            let started = self.clock.monotonic_micros();
            let changes = ChangeFeed::since(self.store(), *position, BATCH).await?;
            if !changes.complete_from_seq {
                *position = self.load_all().await?;
                self.endings.note_all();
                continue;
            }
            let Some(last) = changes.entries.last().map(|change| change.seq) else {
                self.feed.read(started);
                return Ok(());
            };
            self.take_over(&changes.entries).await?;
            *position = last;
        }
    }

    async fn take_over(&self, changes: &[Change]) -> Result<()> {
        let (mut signing, mut issuers) = (false, false);
        for change in changes {
            match change.entity {
                Entity::ApiKey => self.take_over_key(&change.id).await?,
                Entity::ClientKey => self.take_over_client_key(&change.id).await?,
                Entity::Client => self.take_over_client(&change.id).await?,
                Entity::SigningKey => signing = true,
                Entity::Issuer => issuers = true,
                Entity::RevokedToken => self.take_over_revocation(&change.id).await?,
                Entity::User => self.take_over_user(&change.id).await?,
                Entity::IssuedCertificate => self.take_over_certificate(&change.id).await?,
            }
            self.note_change(change);
        }
        if signing {
            self.reload_signing_keys().await?;
        }
        if issuers {
            let declared = self.declared.lock().clone();
            self.reload_issuers(declared).await?;
        }
        Ok(())
    }

    /// Ends calls that are going on with a credential that changed. What is judged from here on is
    /// judged by what it is now.
    fn note_change(&self, change: &Change) {
        match change.entity {
            Entity::ApiKey | Entity::User | Entity::IssuedCertificate | Entity::ClientKey => {
                self.endings.note(&change.id);
            }
            Entity::RevokedToken => {
                if let Some((_, jti)) = RevokedToken::parse_change_id(&change.id) {
                    self.endings.note(jti);
                }
            }
            Entity::Issuer | Entity::SigningKey | Entity::Client => {}
        }
    }

    async fn take_over_key(&self, id: &str) -> Result<()> {
        let id = ApiKeyId::parse(id)?;
        match ApiKeys::lookup(self.store(), &id).await? {
            Some(record) => self.keys.insert(&record),
            None => self.keys.remove(&id),
        }
        Ok(())
    }

    async fn take_over_client_key(&self, id: &str) -> Result<()> {
        let id = ClientKeyId::parse(id)?;
        match ClientKeys::lookup(self.store(), &id).await? {
            Some(record) => self.take_client_key(&record),
            None => self.client_keys.remove(&id),
        }
        Ok(())
    }

    async fn take_over_client(&self, id: &str) -> Result<()> {
        let id = ClientId::parse(id)?;
        match Clients::lookup(self.store(), &id).await? {
            Some(record) => self.take_client(record),
            None => self.clients.remove(&id),
        }
        Ok(())
    }

    /// A client that cannot be used gets no token, and must not stop us from hearing of others.
    fn take_client(&self, record: ClientRecord) {
        let id = record.id.clone();
        if let Err(error) = self.clients.insert(record) {
            eprintln!("doorward: the client {id} is not used: {error}");
        }
    }

    /// A key that cannot be used opens nothing, and must not stop us from hearing of revocations.
    fn take_client_key(&self, record: &ClientKeyRecord) {
        let taken = self.client_keys.insert(record, &self.state.secrets.sealing);
        if let Err(error) = taken {
            eprintln!(
                "doorward: the client key {} is not used: {error}",
                record.id
            );
        }
    }

    async fn take_over_user(&self, id: &str) -> Result<()> {
        let name = UserName::parse(id)?;
        match Users::lookup(self.store(), &name).await? {
            Some(record) => self.basic.index().insert(&record),
            None => self.basic.index().remove(&name),
        }
        Ok(())
    }

    async fn take_over_certificate(&self, id: &str) -> Result<()> {
        if id == "authority" {
            return self.load_authority().await;
        }
        match IssuedCertificates::lookup(self.store(), id).await? {
            Some(record) => self.issued.insert(&record),
            None => self.issued.remove(id),
        }
        Ok(())
    }

    /// Reads the certificate of our own authority.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn load_authority(&self) -> Result<()> {
        let record = IssuedCertificates::authority(self.store()).await?;
        *self.authority.lock() = record.map(|record| record.certificate);
        Ok(())
    }

    async fn take_over_revocation(&self, id: &str) -> Result<()> {
        let (issuer, jti) = RevokedToken::parse_change_id(id).context("a change names no token")?;
        if let Some(token) = RevokedTokens::lookup(self.store(), issuer, jti).await? {
            self.revocations.insert(token);
        }
        Ok(())
    }

    /// Trusts only the issuers that a new configuration trusts by the same rules as the old one.
    ///
    /// # Errors
    /// When one of the new ones cannot be used; then nothing changes.
    pub async fn narrow(&self, config: &Config) -> Result<()> {
        for record in &config.trusted_issuers {
            let named = || format!("trusted_issuer.{}", record.name);
            IssuerConfig::from_record(record).with_context(named)?;
        }
        let _ordered = self.position.lock().await;
        let mut common = self.declared.lock().clone();
        common
            .trusted
            .retain(|old| config.trusted_issuers.contains(old));
        self.reload_issuers(common).await
    }

    /// Takes over the issuers of a new configuration.
    ///
    /// # Errors
    /// When one of them cannot be used; the old ones stay.
    pub async fn declare(&self, config: &Config) -> Result<()> {
        // The position's lock orders this with what the change log brings, which would put the
        // old issuers back in force.
        let _ordered = self.position.lock().await;
        let declared = Declared::of(config);
        self.reload_issuers(declared.clone()).await?;
        *self.declared.lock() = declared;
        Ok(())
    }

    async fn reload_issuers(&self, declared: Declared) -> Result<()> {
        let audiences = vec![declared.audience];
        let mut configs = vec![IssuerConfig::own(&declared.own, audiences, &self.own_keys)?];
        let stored = Issuers::list(self.store()).await?;
        for record in &declared.trusted {
            let named = || format!("trusted_issuer.{}", record.name);
            configs.push(IssuerConfig::from_record(record).with_context(named)?);
        }
        for record in &stored {
            let known = |config: &IssuerConfig| **config.issuer() == *record.issuer;
            match IssuerConfig::from_record(record) {
                // The file's rules count; a stored twin or a record that cannot be used trusts
                // nobody, and must not stop us from hearing of revocations.
                Ok(_) if configs.iter().any(known) => {
                    eprintln!(
                        "doorward: the configuration replaces the stored issuer {}",
                        record.name
                    );
                }
                Ok(config) => configs.push(config),
                Err(error) => {
                    eprintln!(
                        "doorward: the stored issuer {} is not used: {error}",
                        record.name
                    );
                }
            }
        }
        self.issuers.configure(configs)?;
        self.fetching.lock().extend(self.issuers.tick());
        Ok(())
    }

    async fn reload_signing_keys(&self) -> Result<()> {
        let records = SigningKeys::list(self.store()).await?;
        self.signer
            .replace(&self.state, &records, self.clock.now())?;
        let public = &self.signer.current().public;
        self.own_keys
            .set(serde_json::json!({ "keys": public }).to_string().as_bytes())?;
        if let Some(endpoint) = self.published.lock().as_ref() {
            endpoint.publish(&self.signer.current().public)?;
        }
        Ok(())
    }

    /// Writes what requests left behind: last uses, exposures, new digests and hashes.
    ///
    /// # Errors
    /// When the database cannot be written; what was taken is lost, and noted again at the next
    /// use.
    pub async fn write_back(&self) -> Result<()> {
        let (quotas, counts) = (Arc::clone(&self.quotas), Arc::clone(&self.counts));
        let kept = tokio::task::spawn_blocking(move || quotas.keep(&counts)).await?;
        let used = self.keys.take_used();
        if !used.is_empty() {
            ApiKeys::touch(self.store(), &used).await?;
        }
        for (id, at) in self.keys.take_exposed() {
            ApiKeys::mark_exposed(self.store(), &id, at).await?;
        }
        for rehash in self.keys.take_rehash() {
            let (old, new) = (rehash.old_digest.as_bytes(), rehash.new_digest.as_bytes());
            ApiKeys::rehash(self.store(), &rehash.id, old, new, rehash.pepper.as_str()).await?;
        }
        for upgrade in self.basic.take_upgrades() {
            Users::upgrade_password(self.store(), &upgrade.name, upgrade.old, upgrade.new).await?;
        }
        kept
    }

    /// Counts quotas on where another process stopped. Their limits must be known already.
    pub fn restore_quotas(&self) {
        self.quotas.restore(&self.counts);
    }

    /// Publishes our public keys, now and whenever they change.
    ///
    /// # Errors
    /// When one of them is not a public key.
    pub fn publish_to(&self, endpoint: Arc<JwksEndpoint>) -> Result<()> {
        endpoint.publish(&self.signer.current().public)?;
        *self.published.lock() = Some(endpoint);
        Ok(())
    }

    /// Tells once when the machine's clock was set back, and once when it is believed again.
    fn watch_clock(&self) {
        // Asking for the time is what lets the clock see that it stands still elsewhere.
        let _now = self.steady.now();
        let by = self.steady.set_back_by();
        if self.set_back.swap(by.is_some(), Ordering::Relaxed) == by.is_some() {
            return;
        }
        match by {
            Some(by) => eprintln!(
                "doorward: the machine's clock was set back by {} s; calls are judged by the time it had, \
                 for a day or until a restart",
                by.as_secs()
            ),
            None => eprintln!("doorward: the machine's clock is believed again"),
        }
    }

    /// Notes what is in memory for the metrics.
    pub fn measure(&self, metrics: &Metrics) {
        self.watch_clock();
        metrics.set_loaded(Loaded::ApiKeys, self.keys.len());
        metrics.set_loaded(Loaded::Users, self.basic.index().len());
        metrics.set_hash_queue(self.basic.queue_len());
        let now = self.clock.now();
        if self.feed.is_fresh() {
            metrics.feed_read(now);
        }
        let issuers = self.issuers.status();
        metrics.set_loaded(Loaded::Issuers, issuers.len());
        metrics.retain_issuers(|name| issuers.iter().any(|known| &*known.issuer == name));
        let mut failing = self.failing.lock();
        failing.retain(|name, _| issuers.iter().any(|known| known.issuer == *name));
        for status in issuers {
            let measured = metrics.issuer(&status.issuer);
            if let (Some(age), None) = (status.age, &status.last_error) {
                measured.fetched(now.minus(age));
            }
            // The status says what went wrong last; it is counted and told when it is new.
            let old = match &status.last_error {
                Some(error) => failing.insert(Arc::clone(&status.issuer), error.clone()),
                None => failing.remove(&status.issuer),
            };
            if let Some(error) = status
                .last_error
                .filter(|error| old.as_ref() != Some(error))
            {
                measured.failed();
                eprintln!("doorward: the keys of {}: {error}", status.issuer);
            }
        }
    }

    /// Waits for the key sets of issuers that were just taken over, but not for long.
    pub async fn wait_for_keys(&self, patience: Duration) {
        let fetching = std::mem::take(&mut *self.fetching.lock());
        let all = async {
            for fetch in fetching {
                let _fetched = fetch.await;
            }
        };
        let _in_time = tokio::time::timeout(patience, all).await;
    }
}

/// The guarded client for key sets and the ACME authority.
///
/// # Errors
/// When the file of authorities cannot be read.
pub fn outbound(config: &Config) -> Result<Outbound> {
    let read = |path: &PathBuf| {
        std::fs::read(path).with_context(|| format!("outbound.ca: cannot read {}", path.display()))
    };
    let ca = config.outbound_ca.as_ref().map(read).transpose()?;
    Outbound::new(config.outbound_allow.clone(), ca.as_deref())
}

async fn load_users(store: &dyn Store) -> Result<Vec<UserRecord>> {
    let mut users: Vec<UserRecord> = Vec::new();
    loop {
        let after = users.last().map(|user| user.name.clone());
        let page = Users::list(store, after.as_ref(), BATCH).await?;
        if page.is_empty() {
            return Ok(users);
        }
        users.extend(page);
    }
}

fn cost(config: &Config) -> Result<BasicCost> {
    let basic = &config.basic;
    Ok(BasicCost {
        params: Argon2Params::new(basic.memory_kib, basic.passes, basic.lanes)?,
        workers: basic.workers,
        queue: basic.queue,
        cache: basic.cache,
    })
}
