//! `doorward client-key`

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use doorward_core::net::Cidrs;
use doorward_core::{Scope, Secret, Timestamp};
use doorward_store::{ClientKeyMaterial, ClientKeyRecord};
use serde_json::{Value, json};

use crate::cli::value::all_scopes;
use crate::cli::{ClientKey, ClientKeyAdd, ConfigArgs, One};
use crate::desk::Desk;
use crate::desk::client_key::{AddedClientKey, NewClientKey};
use crate::output::{self, Usage};

/// Runs the command.
pub(super) async fn run(command: ClientKey) -> Result<ExitCode> {
    match command {
        ClientKey::Add(args) => add(*args).await?,
        ClientKey::List(args) => list(args).await?,
        ClientKey::Show(args) => {
            let desk = Desk::open(&args.config)?;
            let record = desk.load_client_key(&args.id).await?;
            show(&record, desk.now(), args.config.json);
        }
        ClientKey::Revoke(args) => revoke(args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(args: ClientKeyAdd) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let now = desk.now();
    let not_before = args.not_before.map(|span| now.plus(span));
    let expires_at = args.expires.at(now);
    if let (Some(start), Some(end)) = (not_before, expires_at)
        && end <= start
    {
        bail!(Usage(format!(
            "the key would end ({end}) before it starts ({start}): correct --expires or \
             --not-before"
        )));
    }
    let scopes = all_scopes(&args.scopes);
    super::warn_of_unknown(&desk.config, &scopes, &args.roles);
    let added = desk
        .add_client_key(NewClientKey {
            id: args.keyid,
            owner: args.owner.unwrap_or_else(|| args.name.clone()),
            name: args.name,
            algorithm: args.algorithm,
            public_key: args.public_key.as_deref().map(read).transpose()?,
            secret: args.secret_file.as_deref().map(read_secret).transpose()?,
            scopes,
            roles: args.roles,
            allowed_cidrs: Cidrs::parse(args.cidrs.iter().map(String::as_str))
                .map_err(|wrong| anyhow!("--cidr {wrong:?} is not an address block"))?,
            not_before,
            expires_at,
        })
        .await?;
    desk.announce().await;
    print_added(&args.config, &added, now);
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads a shared secret from a file.
///
/// # Errors
/// When it cannot be read.
pub(super) fn read_secret(path: &Path) -> Result<Secret<String>> {
    read(path).map(Secret::new)
}

fn print_added(args: &ConfigArgs, added: &AddedClientKey, now: Timestamp) {
    let record = &added.record;
    if args.json {
        let mut value = describe(record, now);
        if let (Some(object), Some(secret)) = (value.as_object_mut(), &added.secret) {
            object.insert("secret".to_owned(), json!(secret.expose()));
        }
        output::json(&value);
        return;
    }
    if let Some(secret) = &added.secret {
        output::line(secret.expose());
        output::line("");
    }
    output::line(format_args!("Id         {}", record.id));
    output::line(format_args!("Algorithm  {}", record.algorithm));
    output::line(format_args!("Scopes     {}", record.scopes));
    let ends = record
        .expires_at
        .map_or_else(|| "never".to_owned(), |at| at.to_string());
    output::line(format_args!("Ends       {ends}"));
    if added.secret.is_some() {
        output::line("This is the only time the secret is shown. Keep it where secrets are kept.");
    }
}

async fn revoke(args: One) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let (record, at) = desk.revoke_client_key(&args.id).await?;
    let announced = desk.announce().await;
    if args.config.json {
        output::json(&json!({
            "id": record.id.as_str(),
            "revoked_at": at.to_string(),
            "servers_told": announced.servers,
            "servers_silent": announced.silent,
        }));
    } else {
        output::line(format_args!(
            "Revoked {} ({}) at {at}.",
            record.id, record.name
        ));
        super::print_announced(&announced);
    }
    Ok(())
}

async fn list(args: ConfigArgs) -> Result<()> {
    let desk = Desk::open(&args)?;
    let mut records = desk.state.store.client_keys().list().await?;
    records.sort_by_key(|record| record.created_at);
    let now = desk.now();
    if args.json {
        let all: Vec<_> = records.iter().map(|one| describe(one, now)).collect();
        output::json(&all);
        return Ok(());
    }
    if records.is_empty() {
        output::line("No keys yet. Add one: doorward client-key add --name billing --alg ...");
    }
    for record in &records {
        output::line(format_args!(
            "{:<22} {:<16} {:<10} {:<18} [{}]",
            record.id.as_str(),
            record.name,
            state(record, now),
            record.algorithm,
            record.scopes,
        ));
    }
    Ok(())
}

fn show(record: &ClientKeyRecord, now: Timestamp, as_json: bool) {
    let value = describe(record, now);
    if as_json {
        output::json(&value);
    } else if let Some(object) = value.as_object() {
        for (name, value) in object {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            output::line(format_args!("{name:<12} {text}"));
        }
    }
}

fn describe(record: &ClientKeyRecord, now: Timestamp) -> Value {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let public_key = match &record.material {
        ClientKeyMaterial::Public(text) => Some(text.trim()),
        ClientKeyMaterial::Sealed(_) => None,
    };
    json!({
        "id": record.id.as_str(),
        "name": record.name,
        "owner": record.owner,
        "state": state(record, now),
        "alg": record.algorithm,
        "public_key": public_key,
        "scopes": record.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "roles": record.roles,
        "cidrs": record.allowed_cidrs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "created_at": record.created_at.to_string(),
        "not_before": time(record.not_before),
        "expires_at": time(record.expires_at),
        "revoked_at": time(record.revoked_at),
    })
}

fn state(record: &ClientKeyRecord, now: Timestamp) -> &'static str {
    if record.revoked_at.is_some() {
        "revoked"
    } else if record.expires_at.is_some_and(|end| now >= end) {
        "expired"
    } else if record.not_before.is_some_and(|start| now < start) {
        "not yet"
    } else {
        "live"
    }
}
