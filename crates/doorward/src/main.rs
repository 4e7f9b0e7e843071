//! Doorward: the guard at an API's door.
//!
//! What it is: the command line, the configuration, and the wiring of everything else.
//!
//! Where to start: `cli`, then `command`, then `wiring`.

use std::process::ExitCode;

use clap::Parser;

mod cli;
mod clock;
mod command;
mod config;
mod control_socket;
mod desk;
mod outbound;
mod output;
mod sample_api;
mod state;
mod wiring;

fn main() -> ExitCode {
    command::run(cli::Cli::parse())
}
