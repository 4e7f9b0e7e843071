//! `doorward completions` and `doorward man`

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::cli::Cli;
use crate::output;

/// Prints completions for a shell.
pub(super) fn print(shell: clap_complete::Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "doorward", &mut script);
    output::write(&String::from_utf8_lossy(&script));
    ExitCode::SUCCESS
}

/// Writes one man page per command.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn write_man_pages(folder: &Path) -> Result<ExitCode> {
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .with_context(|| format!("cannot write man pages to {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
