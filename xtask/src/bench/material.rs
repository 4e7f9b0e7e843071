//! What is needed before anything can be measured: binaries, keys, users, tokens.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::command;

/// The binaries that are measured and that help to.
pub(super) struct Binaries {
    /// The product.
    pub(super) doorward: PathBuf,
    /// The servers to compare with, which allow everything.
    pub(super) authorizer: PathBuf,
    material: PathBuf,
}

impl Binaries {
    /// Builds them in release mode.
    pub(super) fn build(root: &Path) -> Result<Self> {
        println!("building in release mode");
        let line = "cargo build --release --package doorward --package rig --bins";
        command::Call::parse(line).run()?;
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let release = target.join("release");
        Ok(Self {
            doorward: release.join("doorward"),
            authorizer: release.join("bench-authorizer"),
            material: release.join("bench-material"),
        })
    }

    /// Makes `es256.txt`, `rs256.txt`, `eddsa.txt` with `count` credentials each, and `jwks.json`.
    pub(super) fn make_tokens(&self, folder: &Path, count: u32) -> Result<()> {
        let mut command = Command::new(&self.material);
        command.arg("tokens").arg(folder).arg(count.to_string());
        output(command, "").map(drop)
    }

    /// Puts `count` API keys into a state folder and writes some of them to a file.
    pub(super) fn make_keys(&self, state: &Path, count: u32, file: &Path) -> Result<()> {
        let mut command = Command::new(&self.material);
        command
            .arg("keys")
            .arg(state)
            .arg(count.to_string())
            .arg(file);
        output(command, "").map(drop)
    }

    /// Runs a command of the product; gives what it printed.
    pub(super) fn say(&self, config: &Path, words: &[&str], input: &str) -> Result<String> {
        let mut command = Command::new(&self.doorward);
        command.args(words).arg("--config").arg(config);
        output(command, input)
    }
}

fn output(mut command: Command, input: &str) -> Result<String> {
    let shown = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| shown.clone())?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{shown}: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}
