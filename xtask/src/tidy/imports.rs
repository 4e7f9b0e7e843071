//! Who may import whom. The table is the one in ARCHITECTURE.md; this checks that it is true.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Finding;
use crate::command;

const DOCUMENT: &str = "ARCHITECTURE.md";
/// Crates that exist for development: product crates may use them in tests only.
const DEVELOPMENT: &[&str] = &["xtask", "rig"];

/// Checks the direct dependencies of every crate.
pub(super) fn check(root: &Path, findings: &mut Vec<Finding>) -> Result<()> {
    let text = std::fs::read_to_string(root.join(DOCUMENT)).context(DOCUMENT)?;
    let crates = rows(&text, "imports");
    let owners = rows(&text, "owners");
    let metadata = metadata(root)?;
    let packages = list(&metadata, "packages");
    let mut present = BTreeSet::new();
    for package in packages {
        let name = text_of(package, "name");
        present.insert(name);
        if DEVELOPMENT.contains(&name) {
            continue;
        }
        check_lints(package, name, findings);
        let Some(allowed) = crates.get(name) else {
            let rule = format!("{name} is not in the import table");
            findings.push(Finding::new(DOCUMENT, rule));
            continue;
        };
        for dependency in list(package, "dependencies") {
            check_dependency(name, dependency, allowed, &owners, findings);
        }
    }
    for name in crates
        .keys()
        .filter(|name| !present.contains(name.as_str()))
    {
        let rule = format!("the import table has `{name}`, which does not exist");
        findings.push(Finding::new(DOCUMENT, rule));
    }
    Ok(())
}

fn check_dependency(
    name: &str,
    dependency: &Value,
    allowed: &BTreeSet<String>,
    owners: &BTreeMap<String, BTreeSet<String>>,
    findings: &mut Vec<Finding>,
) {
    let wanted = text_of(dependency, "name");
    let for_tests = text_of(dependency, "kind") == "dev";
    let place = format!("{name}/Cargo.toml");
    if DEVELOPMENT.contains(&wanted) && !for_tests {
        findings.push(Finding::new(&place, format!("{wanted} is for tests only")));
    } else if wanted.starts_with("doorward") && !allowed.contains(wanted) && !for_tests {
        findings.push(Finding::new(
            &place,
            format!("{name} may not import {wanted}"),
        ));
    }
    if let Some(owners) = owners.get(wanted)
        && !owners.contains(name)
        && !for_tests
    {
        let owners: Vec<&str> = owners.iter().map(String::as_str).collect();
        let rule = format!("only {} may use {wanted}", owners.join(", "));
        findings.push(Finding::new(&place, rule));
    }
}

/// A crate that does not inherit the lints is not checked by them.
fn check_lints(package: &Value, name: &str, findings: &mut Vec<Finding>) {
    let manifest = text_of(package, "manifest_path");
    let text = std::fs::read_to_string(manifest).unwrap_or_default();
    if !text.contains("[lints]\nworkspace = true") {
        findings.push(Finding::new(
            format!("{name}/Cargo.toml"),
            "does not inherit the workspace's lints",
        ));
    }
}

/// The rows of the table after `<!-- NAME -->`: first column to the names in the last one.
fn rows(text: &str, name: &str) -> BTreeMap<String, BTreeSet<String>> {
    let start = format!("<!-- {name} -->");
    text.lines()
        .skip_while(|line| *line != start)
        .skip(1)
        .skip_while(|line| line.is_empty())
        .take_while(|line| line.starts_with('|'))
        .filter_map(|line| {
            let mut cells = line.trim_matches('|').split('|');
            let key = code_words(cells.next()?).into_iter().next()?;
            Some((key, code_words(cells.next_back()?)))
        })
        .collect()
}

/// The words between backticks.
fn code_words(cell: &str) -> BTreeSet<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text_of<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn metadata(root: &Path) -> Result<Value> {
    let output = Command::new(command::cargo())
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn tables_are_read() {
        let text = "x\n<!-- imports -->\n\n| crate | is | may |\n|---|---|---|\n| `a` | `z` | `b`, `c` |\n| `b` | | nothing |\n\n| `d` | | `a` |";
        let rows = rows(text, "imports");
        assert_eq!(rows.len(), 2);
        assert!(rows["a"].contains("b") && !rows["a"].contains("z"));
        assert!(rows["b"].is_empty());
    }
}
