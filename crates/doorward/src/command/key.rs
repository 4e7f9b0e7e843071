//! `doorward key`

use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use doorward_core::net::Cidrs;
use doorward_core::{ScopeSet, Timestamp};
use doorward_store::{ApiKeyAmendment, ApiKeyRecord};
use serde_json::{Value, json};

use crate::cli::value::all_scopes;
use crate::cli::{Key, KeyCreate, KeyRotate, KeySet, One};
use crate::desk::Desk;
use crate::desk::api_key::{CreatedKey, NewKey};
use crate::output::{self, Usage};

/// Runs the command.
pub(super) async fn run(key: Key) -> Result<ExitCode> {
    match key {
        Key::Create(args) => create(args).await,
        Key::List(args) => {
            let desk = Desk::open(&args)?;
            list(&desk, args.json).await
        }
        Key::Show(args) => {
            let desk = Desk::open(&args.config)?;
            let record = desk.load_key(&args.id).await?;
            show(&record, desk.now(), args.config.json);
            Ok(ExitCode::SUCCESS)
        }
        Key::Set(args) => set(args).await,
        Key::Rotate(args) => rotate(args).await,
        Key::Revoke(args) => revoke(args).await,
    }
}

async fn create(args: KeyCreate) -> Result<ExitCode> {
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
    let created = desk
        .create_key(NewKey {
            owner: args.owner.unwrap_or_else(|| args.name.clone()),
            name: args.name,
            kind: args.kind,
            environment: args.env,
            scopes,
            roles: args.roles,
            allowed_cidrs: cidrs(&args.cidrs)?,
            not_before,
            expires_at,
        })
        .await?;
    desk.announce().await;
    if args.config.json {
        output::json(&with_key(&created, now));
    } else {
        print_created(&created);
    }
    Ok(ExitCode::SUCCESS)
}

async fn set(args: KeySet) -> Result<ExitCode> {
    let desk = Desk::open(&args.config)?;
    let now = desk.now();
    let (scopes, roles) = (args.grants.new_scopes(), args.grants.new_roles());
    super::warn_of_unknown(
        &desk.config,
        scopes.as_ref().unwrap_or(&ScopeSet::default()),
        roles.as_deref().unwrap_or_default(),
    );
    let new_cidrs = args.no_cidr || !args.cidrs.is_empty();
    let amendment = ApiKeyAmendment {
        name: args.name,
        scopes,
        roles,
        allowed_cidrs: new_cidrs.then(|| cidrs(&args.cidrs)).transpose()?,
        expires_at: args.expires.map(|end| end.at(now)),
    };
    let record = desk.amend_key(&args.id, amendment).await?;
    let announced = desk.announce().await;
    if args.config.json {
        let mut value = describe(&record, now);
        super::add_announced(&mut value, &announced);
        output::json(&value);
    } else {
        output::line(format_args!("Changed {} ({}).", record.id, record.name));
        show(&record, now, false);
        super::print_announced(&announced);
    }
    Ok(ExitCode::SUCCESS)
}

fn cidrs(given: &[String]) -> Result<Cidrs> {
    Cidrs::parse(given.iter().map(String::as_str))
        .map_err(|wrong| anyhow!("--cidr {wrong:?} is not an address block"))
}

async fn rotate(args: KeyRotate) -> Result<ExitCode> {
    let desk = Desk::open(&args.config)?;
    let end = args.expires.at(desk.now());
    let old = desk.load_key(&args.id).await?.id;
    let rotated = desk.rotate_key(old.as_str(), args.overlap, end);
    let (created, old_ends) = rotated.await?;
    desk.announce().await;
    if args.config.json {
        let mut value = with_key(&created, desk.now());
        if let Some(object) = value.as_object_mut() {
            object.insert("replaces".to_owned(), json!(old.as_str()));
            object.insert("old_expires_at".to_owned(), json!(old_ends.to_string()));
        }
        output::json(&value);
    } else {
        print_created(&created);
        output::line(format_args!("The old key {old} works until {old_ends}."));
    }
    Ok(ExitCode::SUCCESS)
}

async fn revoke(args: One) -> Result<ExitCode> {
    let desk = Desk::open(&args.config)?;
    let (record, at) = desk.revoke_key(&args.id).await?;
    let announced = desk.announce().await;
    if args.config.json {
        let mut value = json!({ "id": record.id.as_str(), "revoked_at": at.to_string() });
        super::add_announced(&mut value, &announced);
        output::json(&value);
    } else {
        output::line(format_args!(
            "Revoked {} ({}) at {at}.",
            record.id, record.name
        ));
        super::print_announced(&announced);
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(desk: &Desk, as_json: bool) -> Result<ExitCode> {
    let mut records = Vec::new();
    desk.state
        .store
        .api_keys()
        .for_each(&mut |record| records.push(record))
        .await?;
    records.sort_by_key(|record| record.created_at);
    let now = desk.now();
    if as_json {
        output::json(
            &records
                .iter()
                .map(|record| describe(record, now))
                .collect::<Vec<_>>(),
        );
        return Ok(ExitCode::SUCCESS);
    }
    if records.is_empty() {
        output::line("No keys yet. Make one: doorward key create --name reporting --scope ...");
    }
    for record in &records {
        output::line(format_args!(
            "{}  {:<16} {:<10} {}...  [{}]  last used {}",
            record.id,
            record.name,
            state(record, now),
            record.hint,
            record.scopes,
            record
                .last_used_at
                .map_or_else(|| "never".to_owned(), |at| at.to_string()),
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(record: &ApiKeyRecord, now: Timestamp, as_json: bool) {
    let value = describe(record, now);
    if as_json {
        output::json(&value);
    } else if let Some(object) = value.as_object() {
        for (name, value) in object {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            output::line(format_args!("{name:<14} {text}"));
        }
    }
}

fn print_created(created: &CreatedKey) {
    let record = &created.record;
    output::line(format_args!("{}", created.text.expose()));
    output::line("");
    output::line(format_args!("Id      {}", record.id));
    output::line(format_args!("Scopes  {}", record.scopes));
    let ends = record
        .expires_at
        .map_or_else(|| "never".to_owned(), |at| at.to_string());
    output::line(format_args!("Ends    {ends}"));
    output::line("This is the only time the key is shown. Keep it where secrets are kept.");
}

fn with_key(created: &CreatedKey, now: Timestamp) -> Value {
    let mut value = describe(&created.record, now);
    if let Some(object) = value.as_object_mut() {
        object.insert("key".to_owned(), json!(created.text.expose()));
    }
    value
}

fn describe(record: &ApiKeyRecord, now: Timestamp) -> Value {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "id": record.id.as_str(),
        "name": record.name,
        "owner": record.owner,
        "state": state(record, now),
        "kind": record.kind.as_str(),
        "env": record.environment.as_str(),
        "hint": record.hint,
        "scopes": record.scopes.iter().map(doorward_core::Scope::as_str).collect::<Vec<_>>(),
        "roles": record.roles,
        "cidrs": record.allowed_cidrs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "created_at": record.created_at.to_string(),
        "not_before": time(record.not_before),
        "expires_at": time(record.expires_at),
        "revoked_at": time(record.revoked_at),
        "last_used_at": time(record.last_used_at),
        "exposed_at": time(record.exposed_at),
        "replaced_by": record.replaced_by.as_ref().map(|id| id.as_str()),
    })
}

fn state(record: &ApiKeyRecord, now: Timestamp) -> &'static str {
    if record.revoked_at.is_some() {
        "revoked"
    } else if record.expires_at.is_some_and(|end| now >= end) {
        "expired"
    } else if record.not_before.is_some_and(|start| now < start) {
        "not yet"
    } else if record.exposed_at.is_some() {
        "exposed"
    } else if record.replaced_by.is_some() {
        "ending"
    } else {
        "live"
    }
}
