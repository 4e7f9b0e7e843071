//! The `doorward` binary.

use std::process::ExitCode;

use clap::Parser;
use doorward::{cli::Cli, command};

fn main() -> ExitCode {
    command::run(Cli::parse())
}
