//! A running server: listeners, gate, background tasks, reload, drain.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use doorward_control::{
    AdminService, Check, DecisionLog, JwksEndpoint, Metrics, OnFailure, Settings, Target,
};
use doorward_proxy::{ClientAuth, Door, Drain, Listener, LocalCa, TlsServer};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::client_trust::client_auth;
use super::memory::Memory;
use super::reload::Reloader;
use super::upstreams::Watched;
use super::{snapshot, tasks};
use crate::acme::Acme;
use crate::cli::ConfigArgs;
use crate::config::log::Sink;
use crate::config::{Config, listener};
use crate::control_socket::{self, Answers, Ask, Reply};
use crate::desk::Desk;

/// How long the log may take to write its last lines.
const LAST_LINES: Duration = Duration::from_secs(5);
/// How long a command waits for a new issuer's keys.
const KEYS: Duration = Duration::from_secs(2);
/// How long others may keep our key set; the next key is published long before it signs.
const JWKS_AGE: Duration = Duration::from_secs(300);

/// Where a server can be reached.
pub struct Ready {
    /// Name, address and whether it speaks TLS, of every listener.
    pub listeners: Vec<(String, SocketAddr, bool)>,
    /// Which of them callers use: the first of the reverse proxy, or the first.
    pub main: usize,
    /// The admin listener.
    pub admin: Option<SocketAddr>,
    /// The development CA, where a listener uses it.
    pub ca_file: Option<PathBuf>,
    /// Ourselves as an issuer.
    pub issuer: String,
}

impl Ready {
    /// The address for callers on this machine.
    pub fn public_url(&self) -> String {
        self.listeners
            .get(self.main)
            .map_or_else(String::new, |(_, address, tls)| {
                let scheme = if *tls { "https" } else { "http" };
                format!("{scheme}://localhost:{}", address.port())
            })
    }

    /// The admin listener's address.
    pub fn admin_url(&self) -> Option<String> {
        self.admin.map(|address| format!("http://{address}"))
    }

    /// As one JSON document.
    pub fn to_json(&self) -> serde_json::Value {
        let listeners: serde_json::Map<_, _> = self
            .listeners
            .iter()
            .map(|(name, address, tls)| {
                let entry =
                    json!({ "address": address.to_string(), "port": address.port(), "tls": tls });
                (name.clone(), entry)
            })
            .collect();
        json!({
            "pid": std::process::id(),
            "url": self.public_url(),
            "admin_url": self.admin_url(),
            "listeners": listeners,
            "admin": self.admin.map(|address| json!({
                "address": address.to_string(), "port": address.port(),
            })),
            "ca_file": self.ca_file,
            "issuer": self.issuer,
        })
    }
}

/// A running server.
pub struct Server {
    ready: Ready,
    reloader: Reloader,
    memory: Arc<Memory>,
    log: Arc<DecisionLog>,
    stop: watch::Sender<bool>,
    fronts: JoinSet<()>,
    _socket: control_socket::Socket,
    _tasks: tasks::Tasks,
    _certificate_tasks: Option<JoinSet<()>>,
}

impl Server {
    /// Starts a server. When this returns, it accepts connections.
    ///
    /// # Errors
    /// What cannot be opened, bound or loaded.
    pub async fn start(args: &ConfigArgs) -> Result<Self> {
        let desk = Desk::open(args)?;
        let config = &desk.config;
        let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")));
        let log = Arc::new(open_log(config, &desk, &metrics)?);
        let memory = Memory::load(&desk).await?;
        let acme = Acme::open(&desk, &memory.clock).await?;
        let jwks = Arc::new(JwksEndpoint::new(JWKS_AGE));
        let parts = snapshot::Parts::new(&desk, &memory, &log, &metrics, &jwks)?;
        let snapshot = parts.snapshot(config)?;
        let judges = snapshot.client_certificates.clone();
        let door = Arc::new(Door::new(snapshot));
        memory.restore_quotas();
        let (stop, stopped) = watch::channel(false);
        let drain = Drain::new(stopped, config.limits.drain);
        let mut fronts = JoinSet::new();
        let mut certificates = Vec::new();
        let mut listeners = Vec::new();
        for (number, wanted) in config.listeners.iter().enumerate() {
            let judge = judges.get(number).and_then(Option::as_ref);
            let tls = tls_server(wanted, config, client_auth(wanted, judge), acme.as_deref())?;
            let bound = bind_listener(wanted, number)?;
            listeners.push((wanted.name.clone(), bound.address(), tls.is_some()));
            certificates.push(tls.clone());
            let (door, drain) = (Arc::clone(&door), drain.clone());
            if wanted.forward_auth.is_some() {
                fronts.spawn(doorward_proxy::serve_forward_auth(bound, tls, door, drain));
            } else {
                fronts.spawn(doorward_proxy::serve(bound, tls, door, drain));
            }
        }
        let mut checks = checks(&door, &memory, &metrics, &log);
        let certificate_tasks = acme.map(|acme| {
            acme.show_to_operator(&metrics, &mut checks);
            acme.start()
        });
        let admin = start_admin(config, &memory, &metrics, checks, (&mut fronts, &drain))?;
        let tasks = tasks::start(
            &memory,
            Arc::clone(&metrics),
            Arc::<doorward_crypto::entropy::OsEntropy>::clone(&desk.entropy),
            config.issuer.rotate_after,
        );
        let answers = Arc::new(Control {
            memory: Arc::clone(&memory),
            log: Arc::clone(&log),
        });
        let socket = control_socket::listen(&config.state_dir, answers)?;
        let ca_file = local_ca_file(config);
        let proxies = |l: &listener::Listener| l.forward_auth.is_none();
        let ready = Ready {
            listeners,
            main: config.listeners.iter().position(proxies).unwrap_or(0),
            admin,
            ca_file,
            issuer: config.issuer.url.clone(),
        };
        let reloader = Reloader::new(args.clone(), desk, door, parts, certificates);
        Ok(Self {
            ready,
            reloader,
            memory,
            log,
            stop,
            fronts,
            _socket: socket,
            _tasks: tasks,
            _certificate_tasks: certificate_tasks,
        })
    }

    /// Where it can be reached.
    pub const fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Writes the ready file: all of it or nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_ready_file(&self, path: &Path) -> Result<()> {
        let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
        let _stale = std::fs::remove_file(&temporary);
        // Made anew: what somebody put there for us to follow is not followed.
        File::create_new(&temporary)
            .and_then(|mut file| writeln!(file, "{}", self.ready.to_json()))
            .and_then(|()| std::fs::rename(&temporary, path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Serves until SIGTERM or Ctrl-C, then finishes what has begun.
    ///
    /// # Errors
    /// When signals cannot be received.
    pub async fn run(mut self) -> Result<ExitCode> {
        self.reloader.run_until_told_to_stop(&self.log).await?;
        eprintln!("doorward: stopping, after what has begun");
        let _stopped = self.stop.send(true);
        while self.fronts.join_next().await.is_some() {}
        if let Err(error) = self.memory.write_back().await {
            eprintln!("doorward: the last uses of keys could not be written: {error:#}");
        }
        if !self.log.close(LAST_LINES) {
            eprintln!("doorward: the last records could not be written");
            return Ok(ExitCode::from(1));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn open_log(config: &Config, desk: &Desk, metrics: &Arc<Metrics>) -> Result<DecisionLog> {
    let target = match &config.log.decisions {
        Sink::Stdout => Target::Stdout,
        Sink::File(path) => Target::File(path.clone()),
        Sink::Off => Target::Off,
    };
    let on_failure = if config.log.refuse_on_failure {
        OnFailure::Refuse
    } else {
        OnFailure::Serve
    };
    Ok(DecisionLog::start(Settings {
        target,
        on_failure,
        clock: Arc::<crate::clock::SystemClock>::clone(&desk.clock),
        metrics: Arc::clone(metrics),
    })?)
}

/// What readiness looks at; shows the upstreams in the metrics as well.
fn checks(
    door: &Arc<Door>,
    memory: &Memory,
    metrics: &Metrics,
    log: &Arc<DecisionLog>,
) -> Vec<Arc<dyn Check>> {
    let watched = Arc::new(Watched(Arc::clone(door)));
    metrics.show_upstreams(Arc::<Watched>::clone(&watched));
    vec![
        Arc::<DecisionLog>::clone(log),
        Arc::<super::feed::Feed>::clone(&memory.feed),
        watched,
    ]
}

fn bind_listener(wanted: &listener::Listener, number: usize) -> Result<Listener> {
    let bound = bind(wanted.address, &format!("listener.{}", wanted.name))?.numbered(number);
    Ok(match &wanted.proxy_protocol {
        Some(peers) => bound.introduced_by(peers.clone()),
        None => bound,
    })
}

fn bind(address: SocketAddr, what: &str) -> Result<Listener> {
    Listener::bind(address).with_context(|| {
        format!(
            "{what} cannot listen; stop the program that has the port, or choose another with \
             --set {what}.address=127.0.0.1:PORT"
        )
    })
}

/// How a listener speaks TLS, if it does.
fn tls_server(
    wanted: &listener::Listener,
    config: &Config,
    clients: Option<ClientAuth>,
    acme: Option<&Acme>,
) -> Result<Option<Arc<TlsServer>>> {
    let server = match acme.filter(|_| wanted.tls == listener::Tls::Acme) {
        Some(acme) => Some(TlsServer::by_host(acme.hosts(), clients)),
        None => certificate(wanted, config)?
            .map(|certificates| TlsServer::asking(certificates, clients)),
    };
    Ok(server.transpose()?.map(Arc::new))
}

/// The certificates that a listener is given: `None` for plain HTTP, an empty list where an
/// authority gives them later.
///
/// # Errors
/// When it cannot be read or made.
pub fn certificate(
    wanted: &listener::Listener,
    config: &Config,
) -> Result<Option<Vec<doorward_proxy::Certificate>>> {
    let named = || format!("listener.{}", wanted.name);
    match &wanted.tls {
        listener::Tls::Off => Ok(None),
        listener::Tls::Acme => Ok(Some(Vec::new())),
        listener::Tls::Files { cert, key } => {
            let certificate = doorward_proxy::Certificate::from_files(cert, key);
            let certificate = certificate.with_context(named)?;
            Ok(Some(vec![certificate]))
        }
        listener::Tls::Local { names } => {
            let folder = crate::state::ca_folder(&config.state_dir);
            let clock = crate::clock::SystemClock::new();
            let ca = LocalCa::open(&folder, &clock).with_context(named)?;
            let certificate = ca.certificate(names, &clock).with_context(named)?;
            Ok(Some(vec![certificate]))
        }
    }
}

fn local_ca_file(config: &Config) -> Option<PathBuf> {
    let local = config
        .listeners
        .iter()
        .any(|l| matches!(l.tls, listener::Tls::Local { .. }));
    let clock = crate::clock::SystemClock::new();
    let ca = local.then(|| LocalCa::open(&crate::state::ca_folder(&config.state_dir), &clock));
    let file = ca.and_then(Result::ok).map(|ca| ca.certificate_file());
    // Whoever is told of it may be in another folder.
    file.map(|path| std::path::absolute(&path).unwrap_or(path))
}

fn start_admin(
    config: &Config,
    memory: &Arc<Memory>,
    metrics: &Arc<Metrics>,
    checks: Vec<Arc<dyn Check>>,
    (fronts, drain): (&mut JoinSet<()>, &Drain),
) -> Result<Option<SocketAddr>> {
    let Some(address) = config.admin.address else {
        return Ok(None);
    };
    let service = AdminService::new(Arc::clone(&memory.clock), Arc::clone(metrics), checks, &[]);
    let bound = bind(address, "admin")?;
    let bound_to = bound.address();
    let answer = move |parts: &http::request::Parts| {
        service.answer(&parts.method, &parts.uri, &parts.headers)
    };
    fronts.spawn(doorward_proxy::serve_plain(
        bound,
        Arc::new(answer),
        drain.clone(),
    ));
    Ok(Some(bound_to))
}

/// Answers commands.
struct Control {
    memory: Arc<Memory>,
    log: Arc<DecisionLog>,
}

impl Answers for Control {
    async fn answer(&self, ask: Ask) -> Reply {
        match ask {
            Ask::Sync => match self.memory.catch_up().await {
                Ok(()) => {
                    // A new issuer's tokens are accepted from the next request on.
                    self.memory.wait_for_keys(KEYS).await;
                    Reply::Done
                }
                Err(error) => Reply::Failed(format!("{error:#}")),
            },
            Ask::Decision { id } => {
                let line = self.log.explain(&id);
                Reply::Decision(line.and_then(|line| serde_json::from_str(&line).ok()))
            }
        }
    }
}

/// Refuses a configuration whose changes a running server cannot take over.
///
/// # Errors
/// What needs a restart.
pub fn refuse_changed_addresses(old: &Config, new: &Config) -> Result<()> {
    let addresses = |config: &Config| -> Vec<(String, SocketAddr, u8, bool)> {
        let of = |l: &listener::Listener| {
            let kind = match l.tls {
                listener::Tls::Off => 0,
                listener::Tls::Acme => 1,
                listener::Tls::Local { .. } | listener::Tls::Files { .. } => 2,
            };
            (l.name.clone(), l.address, kind, l.forward_auth.is_some())
        };
        config.listeners.iter().map(of).collect()
    };
    let asks = |config: &Config| -> Vec<listener::ClientCertificates> {
        let listeners = config.listeners.iter();
        listeners.map(|l| l.client_certificates).collect()
    };
    let introducers = |config: &Config| -> Vec<Option<doorward_core::net::Cidrs>> {
        let listeners = config.listeners.iter();
        listeners.map(|l| l.proxy_protocol.clone()).collect()
    };
    if addresses(old) != addresses(new)
        || asks(old) != asks(new)
        || introducers(old) != introducers(new)
        || old.admin.address != new.admin.address
    {
        bail!("listeners changed, which needs a restart");
    }
    let same = old.state_dir == new.state_dir
        && old.max_staleness == new.max_staleness
        && old.log == new.log
        && old.issuer.url == new.issuer.url
        && old.basic == new.basic
        && old.acme == new.acme
        && old.token_cache == new.token_cache
        && old.outbound_allow == new.outbound_allow
        && old.outbound_ca == new.outbound_ca;
    if !same {
        bail!(
            "[state], [log], [acme], [basic], [jwt], [outbound] or issuer.url changed, which needs a restart"
        );
    }
    Ok(())
}
