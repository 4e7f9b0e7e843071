//! What commands print. A closed pipe ends them quietly.

use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;

/// Prints a line to standard output.
pub fn line(text: impl std::fmt::Display) {
    write(&format!("{text}\n"));
}

/// Prints one JSON document on one line.
pub fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => line(text),
        Err(error) => eprintln!("error: cannot print JSON: {error}"),
    }
}

/// Prints text to standard output.
pub fn write(text: &str) {
    let mut out = std::io::stdout().lock();
    if out
        .write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .is_err()
    {
        // Nobody reads any more, and a command that was piped into `head` did its work.
        std::process::exit(0);
    }
}

/// Prints an error with its causes to standard error; exit code 1.
pub fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::from(1)
}
