//! Automation of this repository: `cargo xtask ci`, `tidy`, `fuzz`, `e2e` and `bench`.
//!
//! What it never does: change the system, or link the product. What has to link the product (the
//! benchmark's key maker, the fuzz targets) is the package `rig` beside this one.
//!
//! Where to start: `ci`, the list of everything that is checked, then `tidy`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it talks to people"
)]

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

mod bench;
mod ci;
mod command;
mod e2e;
mod first_command;
mod fuzz;
mod tidy;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  ci [--fast]           everything that CI runs, quick things first; --fast leaves out the slow ones
  tidy [--write]        the rules of this repository; --write makes the generated tables anew
  fuzz [--seconds N]    the fuzz targets on seeds and N seconds of mutations, on stable Rust
  e2e                   the end-to-end tests of the binary
  first-command         the README's first command, on a release build
  bench [SUITE] [--json FILE] [--rounds N] [--seconds N]
                        measures a release build; SUITE is `gate` or `fronts`
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let root = root()?;
    env::set_current_dir(&root)?;
    let (command, rest) = arguments.split_first().context(USAGE)?;
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    match (command.as_str(), rest.as_slice()) {
        ("ci", []) => ci::run(ci::Extent::Everything),
        ("ci", ["--fast"]) => ci::run(ci::Extent::Fast),
        ("tidy", []) => tidy::run(&root, tidy::Tables::Compare),
        ("tidy", ["--write"]) => tidy::run(&root, tidy::Tables::Write),
        ("fuzz", rest) => fuzz::run(rest),
        ("e2e", []) => e2e::run(),
        ("first-command", []) => first_command::run(),
        ("bench", rest) => bench::run(&root, rest),
        ("help" | "--help" | "-h", _) => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("{USAGE}"),
    }
}

/// The folder of the workspace.
fn root() -> Result<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    Ok(here
        .parent()
        .context("xtask is not in a workspace")?
        .to_owned())
}
