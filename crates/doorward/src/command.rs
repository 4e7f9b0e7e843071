//! What commands do. One file per command.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{Cli, Command};
use crate::output;

mod check;
mod completions;
mod key;
mod signing_key;
mod token;
mod user;

/// Runs a command. Exit codes: 0 done, 1 refused or found something, 2 wrong usage.
pub fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Check(args) => check::run(&args),
        Command::Key(key) => wait(key::run(key)),
        Command::User(user) => wait(user::run(user)),
        Command::Token(token) => wait(token::run(token)),
        Command::SigningKey(key) => wait(signing_key::run(key)),
        Command::Completions { shell } => Ok(completions::print(shell)),
        Command::Man { folder } => completions::write_man_pages(&folder),
        _ => Ok(ExitCode::from(2)),
    };
    result.unwrap_or_else(|error| output::failed(&error))
}

/// Runs a short command to its end on this thread.
fn wait(work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}
