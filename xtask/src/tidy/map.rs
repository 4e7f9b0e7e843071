//! Documents that name things: the paths they name exist, and they stay short.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Finding;
use super::layout::Sources;

const ARCHITECTURE: &str = "ARCHITECTURE.md";
const MAX_ARCHITECTURE_LINES: usize = 200;
/// Files at the root that an operator or a contributor looks for.
const EXPECTED: &[&str] = &[
    ARCHITECTURE,
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
];

/// Checks the documents.
pub(super) fn check(root: &Path, sources: &Sources, findings: &mut Vec<Finding>) -> Result<()> {
    for name in EXPECTED {
        if !root.join(name).is_file() {
            findings.push(Finding::new(*name, "is missing"));
        }
    }
    let lines = std::fs::read_to_string(root.join(ARCHITECTURE))?
        .lines()
        .count();
    if lines > MAX_ARCHITECTURE_LINES {
        let rule = format!("{lines} lines; the limit is {MAX_ARCHITECTURE_LINES}");
        findings.push(Finding::new(ARCHITECTURE, rule));
    }
    for document in documents(root)? {
        check_links(root, &document, findings)?;
    }
    check_decisions(root, sources, findings);
    Ok(())
}

fn documents(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/adr"] {
        for entry in std::fs::read_dir(root.join(folder))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Links between documents, and paths between backticks that look like ours.
fn check_links(root: &Path, document: &Path, findings: &mut Vec<Finding>) -> Result<()> {
    let text = std::fs::read_to_string(document)?;
    let shown = document.strip_prefix(root)?.to_string_lossy().into_owned();
    let folder = document.parent().unwrap_or(root);
    for (number, line) in text.lines().enumerate() {
        let links = line
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        let broken_link = links
            .filter(|link| !link.contains("://") && !link.starts_with('#'))
            .map(|link| link.split('#').next().unwrap_or(link))
            .find(|link| !folder.join(link).exists());
        let paths = line.split('`').skip(1).step_by(2);
        let broken_path = paths
            .filter(|path| path.starts_with("crates/") || path.starts_with("xtask/"))
            .filter(|path| !path.contains(['*', ' ', '{', '<', ':', 'N']))
            .find(|path| !root.join(path).exists());
        for broken in broken_link.into_iter().chain(broken_path) {
            let place = format!("{shown}:{}", number + 1);
            findings.push(Finding::new(place, format!("`{broken}` does not exist")));
        }
    }
    Ok(())
}

/// A decision that code refers to exists.
fn check_decisions(root: &Path, sources: &Sources, findings: &mut Vec<Finding>) {
    for file in &sources.rust {
        for part in file.split.comments.split("docs/").skip(1) {
            let end = part
                .find(|c: char| !(c.is_ascii_alphanumeric() || "/-_.".contains(c)))
                .unwrap_or(part.len());
            let name = part.get(..end).unwrap_or("").trim_end_matches('.');
            let named = name.ends_with(".md") && !root.join("docs").join(name).is_file();
            if named {
                let rule = format!("refers to docs/{name}, which does not exist");
                findings.push(Finding::new(&file.path, rule));
            }
        }
    }
}
