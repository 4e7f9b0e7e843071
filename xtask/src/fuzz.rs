//! `cargo xtask fuzz`: the fuzz targets on stable Rust, as a smoke test.

use anyhow::{Result, bail};

use crate::command::Call;

/// Runs every target over its seeds and over mutations of them.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let seconds = match arguments {
        [] => 20,
        ["--seconds", number] => number.parse()?,
        _ => bail!("usage: cargo xtask fuzz [--seconds N]"),
    };
    Call::parse(&format!(
        "cargo run --quiet --package rig --bin fuzz-smoke -- --seconds {seconds}"
    ))
    .run()
}
