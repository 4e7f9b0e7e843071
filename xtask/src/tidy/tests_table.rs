//! The tables from an id to the tests that carry it in their name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Generated;
use super::layout::Sources;

/// A list of things that need a test.
pub(crate) struct Table {
    /// Where the table is.
    pub(crate) path: &'static str,
    /// Its first lines.
    pub(crate) head: &'static str,
    /// Sections of rows.
    pub(crate) sections: &'static [Section],
}

/// Rows that belong together.
pub(crate) struct Section {
    /// The heading.
    pub(crate) title: &'static str,
    /// Where what has no test yet will be built.
    pub(crate) later: &'static str,
    /// Ids and short names.
    pub(crate) rows: &'static [(&'static str, &'static str)],
}

/// Makes the document.
pub(super) fn document(sources: &Sources, table: &Table) -> Generated {
    let tests = tests_by_id(sources);
    let mut text = String::from(table.head);
    let rows = || table.sections.iter().flat_map(|section| section.rows);
    let done = rows().filter(|(id, _)| tests.contains_key(*id)).count();
    let _written = writeln!(text, "\n{done} of {} rows have a test.", rows().count());
    for section in table.sections {
        let _written = writeln!(
            text,
            "\n## {}\n\n| id | what | tests |\n|---|---|---|",
            section.title
        );
        for (id, what) in section.rows {
            let names = match tests.get(*id) {
                Some(names) => names.join("<br>"),
                None => format!("not yet: {}", section.later),
            };
            let _written = writeln!(text, "| {id} | {what} | {names} |");
        }
    }
    Generated {
        path: table.path,
        text,
    }
}

/// All tests that carry an id.
fn tests_by_id(sources: &Sources) -> BTreeMap<String, Vec<String>> {
    let mut tests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let rust = sources
        .rust
        .iter()
        .map(|file| (&file.path, &file.split.code, "fn "));
    let scripts = sources
        .scripts
        .iter()
        .map(|(path, text)| (path, text, "def "));
    for (path, text, keyword) in rust.chain(scripts) {
        let krate = path.split('/').nth(1).unwrap_or("");
        for (at, _) in text.match_indices(keyword) {
            let name: String = text
                .get(at + keyword.len()..)
                .unwrap_or("")
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            for id in ids(&name) {
                let shown = format!("`{krate}::{name}`");
                let names = tests.entry(id).or_default();
                if !names.contains(&shown) {
                    names.push(shown);
                }
            }
        }
    }
    tests
}

/// The ids at the start of a test's name: `g01_g03_dot_segments` has two.
fn ids(name: &str) -> Vec<String> {
    name.strip_prefix("test_")
        .unwrap_or(name)
        .split('_')
        .map_while(|part| {
            let digits = part.strip_prefix(['g', 'i', 'k', 'r'])?;
            let wanted = if part.starts_with('r') { 3 } else { 2 };
            let good = digits.len() == wanted && digits.bytes().all(|b| b.is_ascii_digit());
            good.then(|| part.to_ascii_uppercase())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::ids;

    #[test]
    fn ids_are_read_from_names() {
        assert_eq!(ids("g01_g03_dot_segments"), ["G01", "G03"]);
        assert_eq!(ids("test_r014_padding"), ["R014"]);
        assert!(ids("k1_key").is_empty());
        assert!(ids("grant_g01").is_empty());
    }
}
