//! `cargo xtask tidy`: the rules of this repository that no compiler checks.
//!
//! It is also a test, so that `cargo test` alone finds what it finds.

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

mod imports;
mod layout;
mod lexer;
mod map;
mod requirements;
mod rust_rules;
mod specs;
mod tests_table;
mod threats;

/// What happens to the generated tables.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tables {
    /// A table that differs is a finding.
    Compare,
    /// They are written.
    Write,
}

/// A broken rule.
#[derive(Debug)]
pub(crate) struct Finding {
    place: String,
    rule: String,
}

impl Finding {
    fn new(place: impl Into<String>, rule: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            rule: rule.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.rule)
    }
}

/// Checks everything and prints what is wrong.
pub(crate) fn run(root: &Path, tables: Tables) -> Result<()> {
    let findings = check(root, tables)?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: nothing found");
        return Ok(());
    }
    bail!("tidy: {} findings", findings.len())
}

fn check(root: &Path, tables: Tables) -> Result<Vec<Finding>> {
    let sources = layout::Sources::read(root)?;
    let mut findings = Vec::new();
    imports::check(root, &mut findings)?;
    rust_rules::check(&sources, &mut findings);
    for document in [
        specs::document(&sources, &mut findings),
        tests_table::document(&sources, &threats::TABLE),
        tests_table::document(&sources, &requirements::TABLE),
    ] {
        document.settle(root, tables, &mut findings)?;
    }
    map::check(root, &sources, &mut findings)?;
    Ok(findings)
}

/// A document that is made from the sources.
struct Generated {
    path: &'static str,
    text: String,
}

impl Generated {
    fn settle(&self, root: &Path, tables: Tables, findings: &mut Vec<Finding>) -> Result<()> {
        let file = root.join(self.path);
        let present = std::fs::read_to_string(&file).unwrap_or_default();
        if present == self.text {
            return Ok(());
        }
        match tables {
            Tables::Write => {
                std::fs::write(&file, &self.text)?;
                println!("wrote {}", self.path);
            }
            Tables::Compare => findings.push(Finding::new(
                self.path,
                "is out of date; run `cargo xtask tidy --write`",
            )),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Tables, check};

    #[test]
    fn the_repository_is_tidy() {
        let findings = check(&crate::root().unwrap(), Tables::Compare).unwrap();
        let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "\n{}", shown.join("\n"));
    }
}
