//! What commands print. A closed pipe ends them quietly.

use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;

/// What was asked makes no sense: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

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
    if !written(text) {
        // Nobody reads any more, and a command that was piped into `head` did its work.
        std::process::exit(0);
    }
}

/// Prints text to standard output and tells whether somebody reads it, for those that have
/// something to put away before they end.
pub fn written(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .is_ok()
}

/// Says to standard error that something was done which may not be what was meant.
pub fn warn(text: impl std::fmt::Display) {
    eprintln!("warning: {text}");
}

/// Prints an error with its causes: to standard error, or as JSON to standard output.
pub fn failed(error: &anyhow::Error, as_json: bool) -> ExitCode {
    if as_json {
        json(&json!({ "error": format!("{error:#}") }));
    } else {
        eprintln!("error: {error:#}");
    }
    ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
}

/// Prints what is wrong with a command line, or the help that it asked for.
pub fn misused(error: &clap::Error, as_json: bool) -> ExitCode {
    if as_json && error.use_stderr() {
        let text = error.to_string();
        let first = text.split("\n\n").next().unwrap_or_default();
        let sentence = first.strip_prefix("error: ").unwrap_or(first).trim();
        json(&json!({ "error": sentence }));
    } else {
        let _closed = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
