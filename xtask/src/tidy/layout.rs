//! The files of the repository, read once.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};

use super::lexer::{self, Split};

/// All files that rules apply to.
pub(crate) struct Sources {
    /// Rust files.
    pub(crate) rust: Vec<RustFile>,
    /// Tests in other languages: path and text.
    pub(crate) scripts: Vec<(String, String)>,
}

/// A Rust file.
pub(crate) struct RustFile {
    /// The path from the root, with `/`.
    pub(crate) path: String,
    /// The text.
    pub(crate) text: String,
    /// The text by kind.
    pub(crate) split: Split,
    /// It is compiled for tests only.
    pub(crate) is_test: bool,
}

const FOLDERS: &[&str] = &["crates", "xtask", "fuzz"];
const SKIPPED: &[&str] = &[
    "target",
    "corpus",
    "artifacts",
    "node_modules",
    "__pycache__",
];

impl Sources {
    /// Reads the repository.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut sources = Self {
            rust: Vec::new(),
            scripts: Vec::new(),
        };
        for folder in FOLDERS {
            sources.walk(root, &root.join(folder))?;
        }
        sources.rust.sort_by(|a, b| a.path.cmp(&b.path));
        sources.scripts.sort();
        sources.mark_test_modules();
        Ok(sources)
    }

    fn walk(&mut self, root: &Path, folder: &Path) -> Result<()> {
        if !folder.is_dir() {
            return Ok(());
        }
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            if path.is_dir() {
                if !name.is_some_and(|name| SKIPPED.contains(&name.as_str())) {
                    self.walk(root, &path)?;
                }
                continue;
            }
            let shown = path
                .strip_prefix(root)?
                .to_string_lossy()
                .replace('\\', "/");
            let read = || std::fs::read_to_string(&path).with_context(|| shown.clone());
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("rs") => {
                    let text = read()?;
                    self.rust.push(RustFile {
                        split: lexer::split(&text),
                        is_test: in_test_folder(&shown),
                        path: shown,
                        text,
                    });
                }
                Some("py" | "js" | "mjs" | "sh" | "lua") if in_test_folder(&shown) => {
                    self.scripts.push((shown.clone(), read()?));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Marks the files of modules that stand behind `#[cfg(test)]`.
    fn mark_test_modules(&mut self) {
        let mut roots = BTreeSet::new();
        for file in &self.rust {
            let mut behind_test = false;
            for line in file.split.code.lines().map(str::trim) {
                let declared = line
                    .trim_start_matches("pub(crate) ")
                    .trim_start_matches("pub ")
                    .strip_prefix("mod ")
                    .and_then(|rest| rest.strip_suffix(';'));
                if line.starts_with("#[cfg(") && line.contains("test") {
                    behind_test = true;
                } else if let Some(module) = declared {
                    if behind_test {
                        roots.insert(format!("{}/{module}", module_folder(&file.path)));
                    }
                    behind_test = false;
                } else if !line.is_empty() && !line.starts_with("#[") {
                    behind_test = false;
                }
            }
        }
        for file in &mut self.rust {
            let stem = file.path.trim_end_matches(".rs");
            file.is_test |= roots
                .iter()
                .any(|root| stem == root || stem.starts_with(&format!("{root}/")));
        }
    }
}

fn in_test_folder(path: &str) -> bool {
    path.split('/').any(|part| part == "tests")
}

/// The folder that a file's modules are in.
fn module_folder(path: &str) -> &str {
    ["/lib.rs", "/main.rs", "/mod.rs", ".rs"]
        .iter()
        .find_map(|ending| path.strip_suffix(ending))
        .unwrap_or(path)
}
