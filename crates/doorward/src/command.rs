//! What commands do. One file per command.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{Cli, Command};
use crate::output;

mod ca;
mod check;
mod completions;
mod demo;
mod explain;
mod issuer;
mod key;
mod protect;
mod serve;
mod signing_key;
mod token;
mod user;

/// Runs a command. Exit codes: 0 done, 1 refused or found something, 2 wrong usage.
pub fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Check(args) => check::run(&args),
        Command::Key(key) => block_on(key::run(key)),
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
        Command::Issuer(issuer) => block_on(issuer::run(issuer)),
    };
    result.unwrap_or_else(|error| output::failed(&error))
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
