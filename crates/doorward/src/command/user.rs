//! `doorward user`

use std::io::{IsTerminal, Read};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail, ensure};
use doorward_core::{ScopeSet, Secret};
use doorward_store::{StoreError, UserName, UserRecord};
use serde_json::{Value, json};

use crate::cli::value::all_scopes;
use crate::cli::{ConfigArgs, One, User, UserAdd, UserImport, UserPasswd, UserSet};
use crate::desk::Desk;
use crate::output;

/// Runs the command.
pub(super) async fn run(user: User) -> Result<ExitCode> {
    match user {
        User::Add(args) => add(args).await?,
        User::Passwd(args) => passwd(args).await?,
        User::Set(args) => set(args).await?,
        User::Disable(args) => disable(args).await?,
        User::Enable(args) => change(args, "enabled").await?,
        User::Remove(args) => change(args, "removed").await?,
        User::List(args) => list(args).await?,
        User::Import(args) => import(args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(args: UserAdd) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let scopes = all_scopes(&args.scopes);
    super::warn_of_unknown(&desk.config, &scopes, &args.roles);
    let (password, made_up) = password(&desk, args.generate)?;
    let added = desk.add_user(&args.name, &password, scopes, args.roles);
    let name = added
        .await
        .map_err(|error| explain_taken(error, &args.name))?;
    desk.announce().await;
    done(&args.config, &name, "added", made_up.then_some(&password));
    Ok(())
}

/// Says of a name that is taken what can be done.
fn explain_taken(error: anyhow::Error, name: &str) -> anyhow::Error {
    match error.downcast_ref() {
        Some(StoreError::Conflict { .. }) => anyhow!(
            "a user is named {name} already; change the password with `doorward user passwd \
             {name}`, or remove the user first"
        ),
        _ => error,
    }
}

async fn passwd(args: UserPasswd) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let (password, made_up) = password(&desk, args.generate)?;
    let name = desk.set_password(&args.name, &password).await?;
    desk.announce().await;
    done(
        &args.config,
        &name,
        "password changed",
        made_up.then_some(&password),
    );
    Ok(())
}

async fn set(args: UserSet) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let (scopes, roles) = (args.grants.new_scopes(), args.grants.new_roles());
    super::warn_of_unknown(
        &desk.config,
        scopes.as_ref().unwrap_or(&ScopeSet::default()),
        roles.as_deref().unwrap_or_default(),
    );
    let user = desk.set_grants(&args.name, scopes, roles).await?;
    let announced = desk.announce().await;
    if args.config.json {
        let mut value = describe(&user);
        super::add_announced(&mut value, &announced);
        output::json(&value);
    } else {
        let (scopes, roles) = (&user.scopes, user.roles.join(" "));
        output::line(format_args!(
            "{}: changed. Scopes: [{scopes}], roles: [{roles}].",
            user.name
        ));
        super::print_announced(&announced);
    }
    Ok(())
}

async fn disable(args: One) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let name = UserName::parse(&args.id)?;
    let at = desk.state.store.users().disable(&name, desk.now()).await;
    let at = desk.record("disable", "user", name.as_str(), at.map_err(Into::into))?;
    at.with_context(|| unknown(&name))?;
    desk.announce().await;
    done(&args.config, &name, "disabled", None);
    Ok(())
}

async fn change(args: One, what: &str) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let name = UserName::parse(&args.id)?;
    let users = desk.state.store.users();
    let known = if what == "enabled" {
        users.enable(&name).await
    } else {
        users.remove(&name).await
    };
    let known = desk.record(what, "user", name.as_str(), known.map_err(Into::into))?;
    ensure!(known, unknown(&name));
    desk.announce().await;
    done(&args.config, &name, what, None);
    Ok(())
}

async fn import(args: UserImport) -> Result<()> {
    let desk = Desk::open(&args.config)?;
    let text = std::fs::read_to_string(&args.file)
        .with_context(|| format!("cannot read {}", args.file.display()))?;
    let scopes = all_scopes(&args.scopes);
    super::warn_of_unknown(&desk.config, &scopes, &args.roles);
    let names = desk
        .import_users(&text, &scopes, &args.roles)
        .await
        .with_context(|| args.file.display().to_string())?;
    ensure!(!names.is_empty(), "{} has no users", args.file.display());
    desk.announce().await;
    if args.config.json {
        output::json(
            &json!({ "imported": names.iter().map(UserName::as_str).collect::<Vec<_>>() }),
        );
    } else {
        output::line(format_args!("Imported users: {}.", names.len()));
    }
    Ok(())
}

async fn list(args: ConfigArgs) -> Result<()> {
    let desk = Desk::open(&args)?;
    let mut users = Vec::new();
    loop {
        let after = users.last().map(|user: &UserRecord| user.name.clone());
        let page = desk.state.store.users().list(after.as_ref(), 500).await?;
        if page.is_empty() {
            break;
        }
        users.extend(page);
    }
    if args.json {
        output::json(&users.iter().map(describe).collect::<Vec<_>>());
    } else {
        if users.is_empty() {
            output::line("No users yet. Add one: doorward user add alice --scope ...");
        }
        for user in &users {
            let state = if user.disabled_at.is_some() {
                "disabled"
            } else {
                "active"
            };
            output::line(format_args!(
                "{:<24} {state:<9} [{}]",
                user.name.as_str(),
                user.scopes
            ));
        }
    }
    Ok(())
}

fn describe(user: &UserRecord) -> Value {
    json!({
        "name": user.name.as_str(),
        "scopes": user.scopes.iter().map(doorward_core::Scope::as_str).collect::<Vec<_>>(),
        "roles": user.roles,
        "disabled_at": user.disabled_at.map(|at| at.to_string()),
        "created_at": user.created_at.to_string(),
        "password_changed_at": user.password_changed_at.to_string(),
    })
}

fn unknown(name: &UserName) -> String {
    format!("no user is named {name}; see `doorward user list`")
}

/// Reads the password from a pipe, or makes one up. The second value tells which.
fn password(desk: &Desk, generate: bool) -> Result<(Secret<String>, bool)> {
    const MAX: u64 = 4096;
    let stdin = std::io::stdin();
    if generate || stdin.is_terminal() {
        return Ok((desk.make_password(), true));
    }
    let mut text = zeroize::Zeroizing::new(String::new());
    stdin
        .take(MAX)
        .read_to_string(&mut text)
        .context("cannot read the password from standard input")?;
    let line = text.trim_end_matches(['\r', '\n']);
    // SECURITY: an empty pipe is mostly a command that failed before it. Making a password up
    // then would lock somebody out who is told nothing.
    if line.is_empty() {
        bail!("standard input has no password: pipe one in, or add --generate to have one made up");
    }
    ensure!(
        !line.contains(char::is_control),
        "standard input has more than one line, or control characters: a password is one line"
    );
    Ok((Secret::new(line.to_owned()), false))
}

fn done(args: &ConfigArgs, name: &UserName, what: &str, made_up: Option<&Secret<String>>) {
    if args.json {
        let mut value = json!({ "name": name.as_str(), "done": what });
        if let (Some(password), Some(object)) = (made_up, value.as_object_mut()) {
            object.insert("password".to_owned(), json!(password.expose()));
        }
        output::json(&value);
        return;
    }
    output::line(format_args!("{name}: {what}."));
    if let Some(password) = made_up {
        output::line(format_args!("Password: {}", password.expose()));
        output::line("This is the only time it is shown.");
    }
}
