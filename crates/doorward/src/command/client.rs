//! `doorward client`

use std::process::ExitCode;

use anyhow::Result;
use doorward_core::{Scope, Timestamp};
use doorward_store::{ClientAuthMethod, ClientRecord, GrantType};
use serde_json::{Value, json};

use crate::cli::value::all_scopes;
use crate::cli::{Client, ClientAdd, ClientRotate, ConfigArgs, One};
use crate::desk::Desk;
use crate::desk::client::WithSecret;
use crate::output;

/// Runs the command.
pub(super) async fn run(command: Client) -> Result<ExitCode> {
    match command {
        Client::Add(args) => add(*args).await?,
        Client::List(args) => list(args).await?,
        Client::Show(args) => {
            let desk = Desk::open(&args.config)?;
            show(&desk.load_client(&args.id).await?, args.config.json);
        }
        Client::Rotate(args) => rotate(args).await?,
        Client::Remove(args) => remove(args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(args: ClientAdd) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let scopes = all_scopes(&args.scopes);
    for scope in scopes.iter() {
        if desk.config.scopes.get(scope).is_none() {
            output::warn(format_args!(
                "{scope} is neither declared nor needed by a route: it is never granted"
            ));
        }
    }
    let auth_method = match (args.public, args.secret_post) {
        (true, _) => ClientAuthMethod::None,
        (_, true) => ClientAuthMethod::SecretPost,
        _ => ClientAuthMethod::SecretBasic,
    };
    let grant_types = match (args.grants.as_slice(), args.redirect_uris.as_slice()) {
        ([], []) => vec![GrantType::ClientCredentials],
        ([], _) => vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        (given, _) => given.to_vec(),
    };
    let new = ClientRecord {
        name: args.name.unwrap_or_else(|| args.id.as_str().to_owned()),
        id: args.id,
        auth_method,
        secret: None,
        old_secret: None,
        jwks: None,
        jwks_uri: None,
        grant_types,
        redirect_uris: args.redirect_uris,
        post_logout_redirect_uris: Vec::new(),
        scopes,
        audiences: args.audiences,
        require_pkce: true,
        created_at: desk.now(),
    };
    let added = desk.add_client(new, !args.public).await?;
    desk.announce().await;
    print_secret(&args.config, &added, None);
    Ok(())
}

async fn rotate(args: ClientRotate) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let until = desk.now().plus(args.overlap);
    let rotated = desk.rotate_client(&args.id, until).await?;
    desk.announce().await;
    print_secret(&args.config, &rotated, Some(until));
    Ok(())
}

fn print_secret(args: &ConfigArgs, made: &WithSecret, old_until: Option<Timestamp>) {
    let record = &made.record;
    if args.json {
        let mut value = describe(record);
        if let (Some(object), Some(secret)) = (value.as_object_mut(), &made.secret) {
            object.insert("client_secret".to_owned(), json!(secret.expose()));
        }
        output::json(&value);
        return;
    }
    output::line(format_args!("client_id      {}", record.id));
    if let Some(secret) = &made.secret {
        output::line(format_args!("client_secret  {}", secret.expose()));
    }
    output::line(format_args!(
        "method         {}",
        record.auth_method.as_str()
    ));
    output::line(format_args!("scopes         {}", record.scopes));
    if let Some(until) = old_until {
        output::line(format_args!("The old secret works until {until}."));
    }
    if made.secret.is_some() {
        output::line("This is the only time the secret is shown. Keep it where secrets are kept.");
    }
}

async fn remove(args: One) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let record = desk.remove_client(&args.id).await?;
    let announced = desk.announce().await;
    if args.config.json {
        let mut value = json!({ "removed": record.id.as_str() });
        super::add_announced(&mut value, &announced);
        output::json(&value);
    } else {
        output::line(format_args!("Removed {} ({}).", record.id, record.name));
        super::print_announced(&announced);
    }
    Ok(())
}

async fn list(args: ConfigArgs) -> Result<()> {
    let desk = Desk::open(&args)?;
    let mut records = desk.state.store.clients().list().await?;
    records.sort_by_key(|record| record.created_at);
    if args.json {
        output::json(&records.iter().map(describe).collect::<Vec<_>>());
        return Ok(());
    }
    if records.is_empty() {
        output::line("No clients yet. Add one: doorward client add reporting --scope orders:read");
    }
    for record in &records {
        output::line(format_args!(
            "{:<26} {:<20} {:<20} [{}]",
            record.id.as_str(),
            record.name,
            record.auth_method.as_str(),
            record.scopes,
        ));
    }
    Ok(())
}

fn show(record: &ClientRecord, as_json: bool) {
    let value = describe(record);
    if as_json {
        output::json(&value);
    } else if let Some(object) = value.as_object() {
        for (name, value) in object {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            output::line(format_args!("{name:<28} {text}"));
        }
    }
}

fn describe(record: &ClientRecord) -> Value {
    let grants = record.grant_types.iter();
    let old_until = record.old_secret.as_ref().and_then(|old| old.expires_at);
    json!({
        "client_id": record.id.as_str(),
        "client_name": record.name,
        "token_endpoint_auth_method": record.auth_method.as_str(),
        "grant_types": grants.map(|one| one.as_str()).collect::<Vec<_>>(),
        "redirect_uris": record.redirect_uris,
        "scopes": record.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "audiences": record.audiences,
        "created_at": record.created_at.to_string(),
        "old_secret_expires_at": old_until.map(|at| at.to_string()),
    })
}
