//! Starting other programs.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A program that can be shown as it would be typed.
pub(crate) struct Call {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Call {
    /// Reads a command line. Words are separated by spaces; there are no quotes.
    pub(crate) fn parse(line: &str) -> Self {
        let mut words = line.split_whitespace().map(str::to_owned);
        Self {
            program: words.next().unwrap_or_default(),
            arguments: words.collect(),
            environment: Vec::new(),
        }
    }

    /// Adds an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// The line to type.
    pub(crate) fn shown(&self) -> String {
        let mut line = String::new();
        for (name, value) in &self.environment {
            line.push_str(&format!("{name}='{value}' "));
        }
        line.push_str(&self.program);
        for argument in &self.arguments {
            line.push(' ');
            line.push_str(argument);
        }
        line
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When it does not start or does not succeed.
    pub(crate) fn run(&self) -> Result<()> {
        let program = match self.program.as_str() {
            "cargo" => cargo(),
            other => other.to_owned(),
        };
        let status = Command::new(&program)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .status()
            .with_context(|| format!("cannot start {program}"))?;
        if !status.success() {
            bail!("{status}");
        }
        Ok(())
    }
}

/// The cargo that runs us.
pub(crate) fn cargo() -> String {
    env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// The path of an installed program.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}
