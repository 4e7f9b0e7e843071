//! `doorward protect`

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use doorward_core::ScopeSet;
use doorward_core::net::Cidrs;
use doorward_store::{Environment, KeyKind};
use serde_json::json;

use super::serve;
use crate::cli::{Protect, Serve};
use crate::desk::Desk;
use crate::desk::api_key::{CreatedKey, NewKey};
use crate::output;
use crate::wiring::server::{Ready, Server};

/// How long the first key lives.
const FIRST_KEY_LIFE: std::time::Duration = std::time::Duration::from_secs(90 * 86_400);

/// Writes the configuration and the first key, then serves.
pub(super) fn run(args: Protect) -> Result<ExitCode> {
    let text = include_str!("../template/protect.toml")
        .replace("{upstream}", &args.upstream)
        .replace("{port}", &args.port.to_string())
        .replace("{admin_port}", &next_port(args.port).to_string());
    write_new(&args.config.config, &text)?;
    let key = super::block_on(first_key(&args))?;
    if args.no_serve {
        announce(&args, &key, None);
        return Ok(ExitCode::SUCCESS);
    }
    super::wait_on_all_cores(async move {
        let started = Server::start(&args.config).await;
        // The key is shown this once, so also when the server does not start.
        announce(&args, &key, started.as_ref().ok().map(Server::ready));
        let serve = Serve {
            ready_file: args.ready_file,
            config: args.config,
        };
        serve::run_started(started?, &serve).await
    })
}

/// The port after this one; any free one after 0.
pub(super) fn next_port(port: u16) -> u16 {
    if port == 0 { 0 } else { port.saturating_add(1) }
}

/// Writes a file that must not be there yet.
///
/// # Errors
/// When it is there, or cannot be written.
pub(super) fn write_new(path: &Path, text: &str) -> Result<()> {
    let shown = path.display();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => anyhow!(
                "{shown} is there already: serve it with `doorward serve --config {shown}`, or \
                 name another file with --config"
            ),
            _ => anyhow!("cannot write {shown}: {error}"),
        })?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write {shown}"))
}

async fn first_key(args: &Protect) -> Result<CreatedKey> {
    let desk = Desk::open(&args.config)?;
    let end = desk.now().plus(FIRST_KEY_LIFE);
    desk.create_key(NewKey {
        name: "first".to_owned(),
        owner: "first".to_owned(),
        kind: KeyKind::Secret,
        environment: Environment::Live,
        scopes: ScopeSet::parse("api:read api:write")?,
        roles: Vec::new(),
        allowed_cidrs: Cidrs::default(),
        not_before: None,
        expires_at: Some(end),
    })
    .await
}

/// Where callers find the door: the real address when it serves, the configured one before. A
/// port that is still to be chosen has none.
fn url(args: &Protect, ready: Option<&Ready>) -> Option<String> {
    let configured = || (args.port != 0).then(|| format!("https://localhost:{}", args.port));
    ready.map(Ready::public_url).or_else(configured)
}

fn admin_url(args: &Protect, ready: Option<&Ready>) -> Option<String> {
    let configured = || {
        let port = next_port(args.port);
        (port != 0).then(|| format!("http://127.0.0.1:{port}"))
    };
    ready.and_then(Ready::admin_url).or_else(configured)
}

fn announce(args: &Protect, key: &CreatedKey, ready: Option<&Ready>) {
    let file = args.config.config.display().to_string();
    let url = url(args, ready);
    if args.config.json {
        output::json(&json!({
            "config_file": file,
            "key_id": key.record.id.as_str(),
            "api_key": key.text.expose(),
            "url": url,
            "admin_url": admin_url(args, ready),
            "upstream_url": args.upstream,
        }));
        return;
    }
    output::line(format_args!(
        "Wrote {file}: edit its routes to what your API has."
    ));
    output::line("The first key, shown this once (it may read and write, and ends in 90 days):");
    output::line(format_args!("\n  {}\n", key.text.expose()));
    let option = match file.as_str() {
        "doorward.toml" => String::new(),
        other => format!(" --config {other}"),
    };
    if args.no_serve {
        output::line(format_args!("Serve it:\n  doorward serve{option}\n"));
    }
    if let Some(url) = url {
        output::line(format_args!(
            "Try it:\n  curl --cacert \"$(doorward ca --path{option})\" -H 'Authorization: Bearer {}' {url}/\n",
            key.text.expose(),
        ));
    }
}
