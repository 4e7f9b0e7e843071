//! What commands do. One file per command.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use doorward_core::policy::Access;
use doorward_core::{Scope, ScopeSet};

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::control_socket::Announced;
use crate::output;

mod ca;
mod cert;
mod check;
mod client;
mod client_key;
mod completions;
mod demo;
mod explain;
mod issuer;
mod key;
mod protect;
mod serve;
mod sign;
mod signing_key;
mod token;
mod user;

/// Runs a command line. Exit codes: 0 done, 1 refused or found something, 2 wrong usage.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<_> = arguments.into_iter().collect();
    // Looked for before parsing, so that a command line that cannot be parsed answers a script
    // in the form it asked for.
    let as_json = arguments.iter().any(|argument| argument == "--json");
    match Cli::try_parse_from(arguments) {
        Ok(cli) => dispatch(cli).unwrap_or_else(|error| output::failed(&error, as_json)),
        Err(error) => output::misused(&error, as_json),
    }
}

fn dispatch(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Check(args) => check::run(&args),
        Command::Key(key) => block_on(key::run(key)),
        Command::Client(command) => block_on(client::run(command)),
        Command::ClientKey(command) => block_on(client_key::run(command)),
        Command::Sign(args) => sign::run(&args),
        Command::User(user) => block_on(user::run(user)),
        Command::Token(token) => block_on(token::run(token)),
        Command::SigningKey(key) => block_on(signing_key::run(key)),
        Command::Completions { shell } => Ok(completions::print(shell)),
        Command::Man { folder } => completions::write_man_pages(&folder),
        Command::Demo(args) => demo::run(&args),
        Command::Protect(args) => protect::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Explain(args) => block_on(explain::run(args)),
        Command::Ca(args) => ca::run(&args),
        Command::Cert(cert) => block_on(cert::run(cert)),
        Command::Issuer(issuer) => block_on(issuer::run(issuer)),
    }
}

/// Runs a short command to its end on this thread.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// Runs a server to its end, on all cores.
fn wait_on_all_cores(work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// Says whether running servers honour a change already.
fn print_announced(announced: &Announced) {
    match (announced.servers, announced.silent) {
        (_, 1..) => output::line("A running server did not answer; it notices within a second."),
        (0, _) => output::line("No server is running here."),
        _ => output::line("The running server honours it from now on."),
    }
}

/// Adds to a JSON answer how many running servers honour a change already.
fn add_announced(value: &mut serde_json::Value, announced: &Announced) {
    if let Some(object) = value.as_object_mut() {
        object.insert("servers_told".to_owned(), announced.servers.into());
        object.insert("servers_silent".to_owned(), announced.silent.into());
    }
}

/// Warns of scopes that no route needs and of roles that grant nothing: mostly typing mistakes.
fn warn_of_unknown(config: &Config, scopes: &ScopeSet, roles: &[String]) {
    let needed = |scope: &Scope| {
        config.policy.rules().iter().any(|rule| match &rule.access {
            Access::Public => false,
            Access::Guarded(guarded) => guarded.scopes.contains(scope),
        })
    };
    for scope in scopes.iter().filter(|scope| !needed(scope)) {
        output::warn(format_args!("no route needs the scope {}", scope.as_str()));
    }
    for role in roles {
        if !config.policy.roles().contains(role) {
            output::warn(format_args!("[roles] has no {role:?}: it grants nothing"));
        }
    }
}
