//! `doorward explain`

use std::fmt::Write;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64_STANDARD;
use bytes::Bytes;
use doorward_core::decision::{Decision, Journal, NotRecorded};
use doorward_core::front::Front;
use doorward_core::gate::Admission;
use doorward_core::net::ClientAddress;
use doorward_core::policy::{Access, Rule};
use doorward_core::rejection::{Check, Denied, Expired, Rejection};
use doorward_core::request::{Arrival, RequestHead, Session, Transport};
use http::{HeaderName, HeaderValue, Request, Uri};
use serde_json::{Value, json};

use crate::cli::Explain;
use crate::config::Config;
use crate::config::document::Origin;
use crate::control_socket;
use crate::desk::Desk;
use crate::output::{self, Usage};
use crate::wiring::{client_trust, gate, memory::Memory};

/// How long the key sets of issuers may take to be fetched.
const KEYS: Duration = Duration::from_secs(6);

/// Explains a request or a decision. Exit code 1 when it is refused or unknown.
pub(super) async fn run(args: Explain) -> Result<ExitCode> {
    if args.target.contains("://") {
        request(args).await
    } else if args.target.contains(['/', ':', '.']) {
        let text = format!("`{0}` has no scheme: write https://{0}", args.target);
        bail!(Usage(text))
    } else {
        decision(args).await
    }
}

/// Keeps the one record of the judged request.
#[derive(Default)]
struct Kept(Mutex<Option<Value>>);

impl Journal for Kept {
    fn record(&self, decision: &Decision<'_>) -> Result<(), NotRecorded> {
        let mut line = Vec::new();
        decision.write_json(&mut line);
        if let Ok(mut kept) = self.0.lock() {
            *kept = serde_json::from_slice(&line).ok();
        }
        Ok(())
    }
}

async fn request(args: Explain) -> Result<ExitCode> {
    let desk = Desk::open(&args.config)?;
    let memory = Memory::load(&desk).await?;
    memory.wait_for_keys(KEYS).await;
    // What the running server has seen is not known here.
    memory.client_keys.assume_unseen();
    let journal = Arc::new(Kept::default());
    let gate = gate::build(
        &desk.config,
        &memory,
        Arc::clone(&journal) as Arc<dyn Journal>,
    )?;
    let (parts, arrival) = parse_request(&args)?;
    let session = match &args.cert {
        Some(file) => client_trust::session(file, &desk.config, &memory)?,
        None => Session::default(),
    };
    let mut at_path = Vec::new();
    let judged = match gate.receive_in(Front::Proxy, parts, arrival, session) {
        Err(refusal) => Err(refusal),
        Ok(head) => {
            at_path = operations(&desk.config, &head);
            gate.admit(&head).await
        }
    };
    let judged = match judged {
        Ok(Admission::NeedsBody(pending)) => pending.judge(body(&args)?).map(Admission::Permit),
        other => other,
    };
    let record = journal
        .0
        .lock()
        .ok()
        .and_then(|mut kept| kept.take())
        .unwrap_or_default();
    let (status, rejection) = match &judged {
        Ok(Admission::Permit(_) | Admission::NeedsBody(_)) => (200, None),
        Ok(Admission::Preflight(_)) => (204, None),
        Err(refusal) => (
            refusal.response().status().as_u16(),
            Some(refusal.rejection()),
        ),
    };
    let explained = Explained {
        written: place(&args, &desk, &record),
        needs: needs(&desk.config, &record),
        next: rejection.and_then(|rejection| next_step(rejection, &record)),
        at_path,
        record,
        status,
        rejection: rejection.map(Why::of),
    };
    if args.config.json {
        output::json(&explained.to_json());
    } else {
        explained.print(&args);
    }
    Ok(ExitCode::from(u8::from(explained.rejection.is_some())))
}

/// The operations that a path has: `GET /orders/{id}`.
fn operations(config: &Config, head: &RequestHead) -> Vec<String> {
    let rules = config.policy.rules_at(head.host().name(), head.path());
    let mut names: Vec<_> = rules.iter().map(|rule| rule.name.to_string()).collect();
    names.dedup();
    names
}

/// Why a request is refused.
struct Why {
    check: &'static str,
    code: String,
    meaning: String,
    detail: Option<String>,
    fix: String,
}

impl Why {
    fn of(rejection: &Rejection) -> Self {
        let reason = rejection.reason();
        Self {
            check: rejection.check().as_str(),
            code: rejection.code().to_owned(),
            meaning: reason.meaning.to_owned(),
            detail: rejection.detail(),
            fix: reason.fix.to_owned(),
        }
    }
}

/// Where the rule is written: `doorward.toml:34`.
fn place(args: &Explain, desk: &Desk, record: &Value) -> Option<String> {
    let rule = record.get("rule").and_then(Value::as_str)?;
    match desk.config.origin_of_rule(rule)? {
        Origin::Line(line) => Some(format!("{}:{line}", args.config.config.display())),
        Origin::Set(nth) => Some(format!("--set number {nth}")),
        Origin::Absent => None,
    }
}

/// What the rule asks of callers: `api_key or jwt, with refunds:write`.
fn needs(config: &Config, record: &Value) -> Option<String> {
    let name = record.get("rule").and_then(Value::as_str)?;
    let rule = config.policy.rules().iter().find(|r| &*r.name == name)?;
    let Access::Guarded(guarded) = &rule.access else {
        return Some(format!("nothing: it is public{}", limits(rule)));
    };
    let accepts: Vec<_> = guarded
        .accepts
        .iter()
        .map(|accept| match &accept.issuer {
            Some(issuer) => format!("{} of {issuer}", accept.method.as_str()),
            None => accept.method.as_str().to_owned(),
        })
        .collect();
    let accepts = accepts.join(" or ");
    let mut text = accepts;
    if !guarded.scopes.is_empty() {
        let _written = write!(text, ", with {}", guarded.scopes);
    }
    if let Some(owner) = &rule.binding.owner {
        let path = owner
            .path
            .as_ref()
            .map(|place| format!("path {}", place.name));
        let query = owner.query.as_ref().map(|name| format!("query {name}"));
        let body = owner.body.as_ref().map(|pointer| format!("body {pointer}"));
        let places: Vec<_> = [path, query, body].into_iter().flatten().collect();
        let _written = write!(text, ", the caller's own subject in {}", places.join(", "));
        if let Some(unless) = &owner.unless {
            let _written = write!(text, " unless it has {unless}");
        }
    }
    text.push_str(&limits(rule));
    Some(text)
}

/// How often: `; at most orders: 10 calls per 60 s by credential`.
fn limits(rule: &Rule) -> String {
    let all: Vec<_> = rule.limits.iter().map(ToString::to_string).collect();
    if all.is_empty() {
        return String::new();
    }
    format!("; at most {}", all.join(", "))
}

/// The body of the request to explain; none is an empty one.
fn body(args: &Explain) -> Result<Bytes> {
    match args.data.as_deref() {
        None => Ok(Bytes::new()),
        Some(text) => match text.strip_prefix('@') {
            None => Ok(Bytes::copy_from_slice(text.as_bytes())),
            Some(file) => {
                let read = std::fs::read(file).with_context(|| format!("cannot read {file}"))?;
                Ok(read.into())
            }
        },
    }
}

/// The command that mends it, where there is one.
fn next_step(rejection: &Rejection, record: &Value) -> Option<String> {
    let method = record.get("method").and_then(Value::as_str);
    let id = record.get("credential_id").and_then(Value::as_str);
    match (rejection, method, id) {
        (Rejection::Denied(Denied::Scope { required }), Some("api_key"), Some(id)) => {
            Some(format!(
                "doorward key set {id} --scope '{required}', with the scopes that it is to keep"
            ))
        }
        (Rejection::Denied(Denied::Scope { required }), Some("jwt"), _) => Some(format!(
            "doorward token issue --sub NAME --scope '{required}', or ask the token's issuer"
        )),
        (Rejection::Expired(Expired::Past { .. }), Some("api_key"), Some(id)) => {
            Some(format!("doorward key rotate {id}"))
        }
        _ => None,
    }
}

struct Explained {
    written: Option<String>,
    needs: Option<String>,
    next: Option<String>,
    at_path: Vec<String>,
    record: Value,
    status: u16,
    rejection: Option<Why>,
}

const CHECKS: [Check; 4] = [Check::Present, Check::Valid, Check::Expired, Check::Allowed];

impl Explained {
    fn text(&self, name: &str) -> Option<&str> {
        self.record.get(name).and_then(Value::as_str)
    }

    /// `passed`, `failed`, `not judged`, `not reached` or `not needed`, for each check in order.
    /// What stands in the way of judging (a key set, the database, a throttle) does so at the
    /// second check.
    fn checks(&self) -> Vec<(&'static str, &'static str)> {
        let public = self.rejection.is_none() && self.text("method").is_none();
        let mut failed = false;
        CHECKS
            .iter()
            .map(|check| {
                let refused_by = self.rejection.as_ref().map(|why| why.check);
                let here = refused_by == Some(check.as_str());
                let stuck = *check == Check::Valid && refused_by == Some("available");
                let result = match (public, failed, here) {
                    (true, ..) => "not needed",
                    (_, true, _) => "not reached",
                    (.., true) => "failed",
                    _ if stuck => "not judged",
                    _ => "passed",
                };
                failed |= here || stuck;
                (check.as_str(), result)
            })
            .collect()
    }

    fn to_json(&self) -> Value {
        let checks: Vec<_> = self
            .checks()
            .into_iter()
            .map(|(check, result)| json!({ "check": check, "result": result }))
            .collect();
        json!({
            "outcome": self.record.get("outcome"),
            "status": self.status,
            "failed_check": self.record.get("failed_check"),
            "reason": self.record.get("reason"),
            "checks": checks,
            "meaning": self.rejection.as_ref().map(|why| why.meaning.as_str()),
            "detail": self.rejection.as_ref().and_then(|why| why.detail.as_deref()),
            "fix": self.rejection.as_ref().map(|why| why.fix.as_str()),
            "method": self.record.get("method"),
            "credential_id": self.record.get("credential_id"),
            "subject": self.record.get("subject"),
            "route": self.record.get("route"),
            "rule": self.record.get("rule"),
            "rule_written": self.written,
            "rule_needs": self.needs,
            "next": self.next,
            "operations": self.at_path,
        })
    }

    fn print(&self, args: &Explain) {
        output::line(format_args!("{} {}", args.method, args.target));
        output::line(format_args!(
            "rule       {}{}",
            self.text("rule").unwrap_or("none"),
            self.written
                .as_ref()
                .map_or_else(String::new, |place| format!("   ({place})")),
        ));
        if let Some(needs) = &self.needs {
            output::line(format_args!("needs      {needs}"));
        }
        for (n, (check, result)) in self.checks().into_iter().enumerate() {
            let found = match (check, result) {
                ("present", "passed") => self.text("method").unwrap_or_default(),
                ("valid", "passed") => self.text("credential_id").unwrap_or_default(),
                ("expired", "passed") => "it is live",
                ("allowed", "passed") => self.text("subject").unwrap_or_default(),
                _ => "",
            };
            output::line(format_args!("{} {check:<8} {result:<12} {found}", n + 1));
        }
        if let Some(why) = &self.rejection {
            output::line(format_args!("\n{}: {}", why.code, why.meaning));
            if let Some(detail) = &why.detail {
                output::line(format_args!("found      {detail}"));
            }
            output::line(format_args!("fix        {}", why.fix));
            if self.text("rule").is_none() && !self.at_path.is_empty() {
                let operations = self.at_path.join(", ");
                output::line(format_args!("path has   {operations}"));
            }
            if let Some(next) = &self.next {
                output::line(format_args!("next       {next}"));
            }
        }
        output::line(format_args!("answer     {}", self.status));
    }
}

fn parse_request(args: &Explain) -> Result<(http::request::Parts, Arrival)> {
    let uri: Uri = args
        .target
        .parse()
        .map_err(|_| usage(format!("`{}` is not a URL", args.target)))?;
    let authority = uri
        .authority()
        .ok_or_else(|| usage("the URL has no host"))?;
    let target = uri
        .path_and_query()
        .map_or("/", |target| target.as_str())
        .to_owned();
    let mut request = Request::builder().method(args.method.as_str()).uri(target);
    let (mut named_host, mut named_type) = (false, false);
    for line in &args.headers {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| usage(format!("-H {:?}... is not `Name: value`", start(line))))?;
        let name = HeaderName::from_bytes(name.trim().as_bytes())
            .map_err(|_| usage(format!("-H {:?}... has no header name", start(line))))?;
        named_host |= name == http::header::HOST;
        named_type |= name == http::header::CONTENT_TYPE;
        let value = HeaderValue::from_str(value.trim())
            .map_err(|_| usage(format!("-H {name}: the value has control characters")))?;
        request = request.header(name, value);
    }
    if args.data.is_some() && !named_type {
        request = request.header(http::header::CONTENT_TYPE, "application/json");
    }
    if !named_host {
        request = request.header(http::header::HOST, authority.as_str());
    }
    if let Some(user) = &args.user {
        ensure!(user.contains(':'), usage("-u takes USER:PASSWORD"));
        let encoded = BASE64_STANDARD.encode(user);
        request = request.header(http::header::AUTHORIZATION, format!("Basic {encoded}"));
    }
    let (parts, ()) = request
        .body(())
        .map_err(|error| usage(format!("there is no such request: {error}")))?
        .into_parts();
    let transport = match uri.scheme_str() {
        Some("https") => Transport::Tls,
        Some("http") if is_loopback(authority.host()) => Transport::Loopback,
        Some("http") => Transport::Plain,
        _ => bail!(usage("the URL starts with https:// or http://")),
    };
    Ok((
        parts,
        Arrival {
            client: ClientAddress::new(args.client),
            transport,
        },
    ))
}

fn usage(text: impl Into<String>) -> Usage {
    Usage(text.into())
}

/// The start of a header line, before what may be a secret.
fn start(line: &str) -> String {
    line.chars().take(6).collect()
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

async fn decision(args: Explain) -> Result<ExitCode> {
    let desk = Desk::open(&args.config)?;
    let id = args.target.as_str();
    let found = match control_socket::find_decision(&desk.state.dir, id).await {
        Some(record) => Some(record),
        None => in_log(&desk, id)?,
    };
    let Some(record) = found else {
        bail!(
            "no decision has the id {id}: running servers remember the last few thousand, and \
             the decision log (log.decisions) the others"
        );
    };
    if args.config.json {
        output::json(&record);
    } else if let Some(object) = record.as_object() {
        let known = IN_ORDER
            .iter()
            .filter_map(|name| object.get_key_value(*name));
        let others = object
            .iter()
            .filter(|(name, _)| !IN_ORDER.contains(&name.as_str()));
        for (name, value) in known.chain(others).filter(|(_, value)| !value.is_null()) {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            output::line(format_args!("{name:<14} {text}"));
        }
        if let Some(place) = place(&args, &desk, &record) {
            output::line(format_args!("rule written   {place}"));
        }
        let reason = record.get("reason").and_then(Value::as_str);
        if let Some(reason) = reason.and_then(crate::wiring::reasons::find) {
            output::line(format_args!(
                "meaning        {}\nfix            {}",
                reason.meaning, reason.fix
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The order in which people read a decision.
const IN_ORDER: [&str; 16] = [
    "decision_id",
    "ts",
    "client",
    "front",
    "http_method",
    "host",
    "path",
    "route",
    "rule",
    "method",
    "credential_id",
    "subject",
    "outcome",
    "failed_check",
    "reason",
    "detail",
];

/// Looks a decision up in the log file, from its start.
fn in_log(desk: &Desk, id: &str) -> Result<Option<Value>> {
    use std::io::BufRead;
    let crate::config::log::Sink::File(path) = &desk.config.log.decisions else {
        return Ok(None);
    };
    let Ok(file) = std::fs::File::open(path) else {
        return Ok(None);
    };
    for line in std::io::BufReader::new(file).lines() {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        if line.contains(id)
            && let Ok(record) = serde_json::from_str::<Value>(&line)
            && record.get("kind").and_then(Value::as_str) == Some("decision")
            && record.get("decision_id").and_then(Value::as_str) == Some(id)
        {
            return Ok(Some(record));
        }
    }
    Ok(None)
}
