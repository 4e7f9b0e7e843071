//! The configuration: one TOML file, read once into types that cannot hold an impossible mix.
//!
//! Every mistake is reported at once, with its line and a fix. One file per section.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use doorward_authn::message_signature::MessageSignatureSettings;
use doorward_authn::mtls::Mappings;
use doorward_authn::sigv4::SigV4Settings;
use doorward_core::net::Cidrs;
use doorward_oauth::ScopeCatalogue;
use doorward_policy::RouteTable;
use doorward_store::IssuerRecord;

pub mod acme;
pub mod admin;
pub mod api_key;
pub mod basic;
mod binding;
pub mod client_ca;
pub mod client_certificate;
pub mod diagnostic;
pub mod document;
pub mod forward_auth;
pub mod issuer;
pub mod limits;
pub mod listener;
pub mod log;
pub mod message_signature;
pub mod rate_limit;
pub mod route;
pub mod scope;
pub mod section;
pub mod sign_in;
mod signing;
pub mod sigv4;
pub mod trusted_issuer;
pub mod upstream;
mod websocket;

use diagnostic::Diagnostics;
use document::{Node, Origin, Value};
use section::Section;

/// A configuration that may be used.
pub struct Config {
    /// The folder of the state: database, secrets, development CA.
    pub state_dir: PathBuf,
    /// How long the database may be unreadable before guarded calls are refused.
    pub max_staleness: Duration,
    /// Where callers connect. Never empty.
    pub listeners: Vec<listener::Listener>,
    /// The authority that certificates come from.
    pub acme: Option<acme::AcmeSettings>,
    /// Authorities for client certificates.
    pub client_cas: Vec<client_ca::ClientCa>,
    /// Whom the names in client certificates stand for.
    pub client_certificates: Mappings,
    /// The operator's listener.
    pub admin: admin::Admin,
    /// Ourselves as an issuer.
    pub issuer: issuer::OwnIssuer,
    /// The pages for people.
    pub sign_in: sign_in::SignInSettings,
    /// The scopes that clients can ask for.
    pub scopes: ScopeCatalogue,
    /// The protected APIs, by name.
    pub upstreams: BTreeMap<Arc<str>, upstream::UpstreamSettings>,
    /// API keys.
    pub api_key: api_key::ApiKeySettings,
    /// Basic authentication.
    pub basic: basic::BasicSettings,
    /// Signed requests; none are read when absent.
    pub message_signature: Option<MessageSignatureSettings>,
    /// Requests signed in the style of AWS; none are read when absent.
    pub sigv4: Option<SigV4Settings>,
    /// How many verified tokens are remembered.
    pub token_cache: usize,
    /// Issuers of others, from the file.
    pub trusted_issuers: Vec<IssuerRecord>,
    /// Private addresses that key sets may be fetched from.
    pub outbound_allow: Cidrs,
    /// More certificate authorities for key sets, as a PEM file.
    pub outbound_ca: Option<PathBuf>,
    /// More headers that callers may not send through.
    pub managed_headers: Vec<String>,
    /// Records.
    pub log: log::LogSettings,
    /// Bounds on what callers send.
    pub limits: limits::Limits,
    /// What is protected, and how; roles and the scopes they grant.
    pub policy: Arc<RouteTable>,
    /// Where each rule of the policy is written, in their order.
    pub rule_origins: Vec<Origin>,
}

impl Config {
    /// Where a rule is written; none where two have the same name.
    pub fn origin_of_rule(&self, name: &str) -> Option<Origin> {
        let rules = self.policy.rules().iter().zip(&self.rule_origins);
        let mut named = rules.filter(|(rule, _)| &*rule.name == name);
        match (named.next(), named.next()) {
            (Some((_, origin)), None) => Some(*origin),
            _ => None,
        }
    }
}

/// What reading a configuration gives: perhaps a configuration, and what is wrong with it.
pub struct Reading {
    /// Present when there is no error.
    pub config: Option<Config>,
    /// Errors and warnings.
    pub diagnostics: Diagnostics,
}

/// Reads a file and applies `--set` assignments.
pub fn load(file: &Path, sets: &[String]) -> Reading {
    let mut diagnostics = Diagnostics::default();
    let text = match document::read(file) {
        Ok(text) => text,
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            return Reading {
                config: None,
                diagnostics,
            };
        }
    };
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    read_text(&text, &folder, sets)
}

/// Reads a configuration's text. Relative paths start at `folder`.
pub fn read_text(text: &str, folder: &Path, sets: &[String]) -> Reading {
    let mut diagnostics = Diagnostics::default();
    let mut root = document::parse(text, &mut diagnostics);
    if diagnostics.has_errors() {
        return Reading {
            config: None,
            diagnostics,
        };
    }
    for (nth, assignment) in sets.iter().enumerate() {
        document::set(&mut root, nth + 1, assignment, &mut diagnostics);
    }
    let config = read_root(root, folder, &mut diagnostics);
    let config = config.filter(|_| !diagnostics.has_errors());
    Reading {
        config,
        diagnostics,
    }
}

fn read_root(root: Node, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Config> {
    let mut root = Section::open("", root, diagnostics);
    let (state_dir, max_staleness) = child(&mut root, "state", |s| read_state(s, folder));
    let mut client_cas = client_ca::read_all(&mut root, folder);
    let listeners = listener::read_all(&mut root, folder, &mut client_cas);
    let client_certificates = client_certificate::read_all(&mut root, &client_cas);
    let admin = child(&mut root, "admin", admin::read);
    let issuer = child(&mut root, "issuer", |section| {
        issuer::read(section, &listeners)
    });
    let sign_in = child(&mut root, "sign_in", |s| sign_in::read(s, folder));
    let declared = scope::read_all(&mut root);
    let upstreams = upstream::read_all(&mut root, folder);
    let api_key = child(&mut root, "api_key", api_key::read);
    let basic = child(&mut root, "basic", basic::read);
    let token_cache = child(&mut root, "jwt", read_token_cache);
    let message_signature = written(&mut root, "message_signature", message_signature::read);
    let sigv4 = written(&mut root, "sigv4", sigv4::read);
    let (outbound_allow, outbound_ca) = child(&mut root, "outbound", |s| outbound(s, folder));
    let trusted_issuers = trusted_issuer::read_all(&mut root, (folder, &outbound_allow), &issuer);
    let acme = acme::read(&mut root, &listeners, &outbound_allow);
    let managed_headers = child(&mut root, "identity", |s| s.words("strip"));
    let log = child(&mut root, "log", |section| log::read(section, folder));
    let mut limits = child(&mut root, "limits", limits::read);
    let known = route::Known {
        upstreams: &upstreams,
        issuers: &trusted_issuers,
        own: &issuer,
        client_cas: &client_cas,
        listeners: &listeners,
        message_signature: message_signature.is_some(),
        sigv4: sigv4.is_some(),
    };
    let table = route::read_table(&mut root, &known, &mut limits.rates);
    warn_of_plain(&mut root, &listeners);
    if let Some((table, origins)) = &table {
        forward_auth::warn_of_bodies(&mut root, &listeners, (table, origins));
    }
    root.finish();
    let (policy, rule_origins) = table?;
    Some(Config {
        state_dir,
        max_staleness,
        listeners,
        acme,
        client_cas,
        client_certificates,
        admin,
        issuer,
        sign_in,
        scopes: scope::catalogue(declared, &policy),
        upstreams,
        api_key,
        basic,
        message_signature,
        sigv4: sigv4.flatten(),
        token_cache,
        trusted_issuers,
        outbound_allow,
        outbound_ca,
        managed_headers,
        log,
        limits,
        policy: Arc::new(policy),
        rule_origins,
    })
}

/// Reads where the state is, and how long it may be unreadable.
fn read_state(section: &mut Section<'_>, folder: &Path) -> (PathBuf, Duration) {
    let dir = section.file("dir", folder);
    let dir = dir.unwrap_or_else(|| folder.join("doorward-data"));
    (dir, section.duration("max_staleness", MAX_STALENESS))
}

/// Reads a table of the root where it is written.
fn written<T>(
    root: &mut Section<'_>,
    key: &'static str,
    read: impl FnOnce(&mut Section<'_>) -> T,
) -> Option<T> {
    root.has(key).then(|| child(root, key, read))
}

/// Reads a table of the root; a missing table is read as an empty one.
fn child<T>(
    root: &mut Section<'_>,
    key: &'static str,
    read: impl FnOnce(&mut Section<'_>) -> T,
) -> T {
    let node = root.take(key).unwrap_or(Node {
        origin: Origin::Absent,
        value: Value::Table(Vec::new()),
    });
    let mut section = Section::open(key, node, root.diagnostics());
    let value = read(&mut section);
    section.finish();
    value
}

/// Reads the tables of a table whose keys are names: `[upstream.NAME]`.
fn named<T>(
    root: &mut Section<'_>,
    key: &'static str,
    mut read: impl FnMut(&str, &mut Section<'_>) -> Option<T>,
) -> Vec<T> {
    let Some(node) = root.take(key) else {
        return Vec::new();
    };
    let entries = Section::open(key, node, root.diagnostics()).take_all();
    let mut values = Vec::with_capacity(entries.len());
    for (name, node) in entries {
        let path = format!("{key}.{name}");
        let mut section = Section::open(path, node, root.diagnostics());
        values.extend(read(&name, &mut section));
        section.finish();
    }
    values
}

/// `[outbound]`: private addresses that may be reached, and a certificate authority.
fn outbound(section: &mut Section<'_>, folder: &Path) -> (Cidrs, Option<PathBuf>) {
    (section.cidrs("allow"), section.file("ca", folder))
}

/// How many verified tokens are remembered.
fn read_token_cache(section: &mut Section<'_>) -> usize {
    let size = section.integer("cache", 20_000, 0..=10_000_000);
    usize::try_from(size).unwrap_or(20_000)
}

/// Listeners on which no credential is taken.
fn warn_of_plain(root: &mut Section<'_>, listeners: &[listener::Listener]) {
    for listener in listeners {
        if listener.plain_and_open() {
            root.diagnostics().push(diagnostic::Diagnostic::warning(
                listener.origin,
                format!(
                    "listener.{}: plain HTTP on {}; every credential that arrives there is refused",
                    listener.name, listener.address
                ),
                "Use tls = \"local\" or a certificate; or name the TLS terminator in front of it \
                 in trusted_terminators.",
            ));
        }
    }
}

/// The default time that the database may be unreadable.
const MAX_STALENESS: Duration = Duration::from_secs(10);
/// The default time that an upstream may take to answer.
pub const UPSTREAM_TIMEOUT: Duration = Duration::from_secs(60);
