//! Rules for Rust files: sizes, names, module documentation, unfinished work.

use super::Finding;
use super::layout::{RustFile, Sources};

const MAX_FILE_LINES: usize = 600;
const MAX_FUNCTION_LINES: usize = 70;
const MIN_CRATE_DOC_LINES: usize = 5;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "helper", "helpers", "manager", "common", "misc", "base",
];
/// Marks of unfinished work. They are written in two parts so that this file has none.
const UNFINISHED: &[&str] = &[
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("XX", "X"),
];

/// Checks every file.
pub(crate) fn check(sources: &Sources, findings: &mut Vec<Finding>) {
    for file in &sources.rust {
        check_size(file, findings);
        check_names(file, findings);
        check_docs(file, sources, findings);
        check_unfinished(file, findings);
        if !file.is_test {
            check_functions(file, findings);
        }
    }
}

fn check_size(file: &RustFile, findings: &mut Vec<Finding>) {
    let lines = file.text.lines().count();
    if lines > MAX_FILE_LINES && !file.is_test {
        let rule = format!("{lines} lines; the limit is {MAX_FILE_LINES}");
        findings.push(Finding::new(&file.path, rule));
    }
}

fn check_names(file: &RustFile, findings: &mut Vec<Finding>) {
    for part in file.path.trim_end_matches(".rs").split('/') {
        if EMPTY_NAMES.contains(&part) {
            let rule = format!("`{part}` says nothing; name it after what it holds");
            findings.push(Finding::new(&file.path, rule));
        }
    }
}

fn check_docs(file: &RustFile, sources: &Sources, findings: &mut Vec<Finding>) {
    let lines = doc_lines(&file.text).count();
    let library = file.path.replace("/src/main.rs", "/src/lib.rs");
    let is_root = file.path.ends_with("/src/lib.rs")
        || file.path.ends_with("/src/main.rs")
            && !sources.rust.iter().any(|other| other.path == library);
    if lines == 0 && !file.is_test {
        findings.push(Finding::new(&file.path, "does not open with a `//!` line"));
    } else if is_root && lines < MIN_CRATE_DOC_LINES {
        let rule = "opens with too little: say what it is, what it never does, where to start";
        findings.push(Finding::new(&file.path, rule));
    }
}

/// The lines of a module's documentation, without the marks.
pub(crate) fn doc_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .skip_while(|line| !line.starts_with("//!"))
        .map_while(|line| line.strip_prefix("//!"))
}

fn check_unfinished(file: &RustFile, findings: &mut Vec<Finding>) {
    for (number, comment) in file.split.comments.lines().enumerate() {
        let words = || comment.split(|c: char| !c.is_ascii_alphanumeric());
        if let Some(mark) = words().find(|word| UNFINISHED.contains(word)) {
            let place = format!("{}:{}", file.path, number + 1);
            findings.push(Finding::new(
                place,
                format!("{mark}: finish it, or make it an issue"),
            ));
        }
    }
    for (number, line) in file.split.code.lines().enumerate() {
        let place = || format!("{}:{}", file.path, number + 1);
        if line.contains("#[ignore") {
            findings.push(Finding::new(place(), "a test that does not run is no test"));
        }
        if line.contains(concat!("todo", "!(")) || line.contains(concat!("unimplemented", "!(")) {
            findings.push(Finding::new(place(), "unfinished code"));
        }
    }
}

fn check_functions(file: &RustFile, findings: &mut Vec<Finding>) {
    for function in functions(&file.split.code) {
        if function.lines > MAX_FUNCTION_LINES {
            let place = format!("{}:{}", file.path, function.line);
            let rule = format!(
                "fn {} has {} lines; the limit is {MAX_FUNCTION_LINES}",
                function.name, function.lines
            );
            findings.push(Finding::new(place, rule));
        }
    }
}

/// A function outside of test modules.
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// Finds the functions with a body, leaving out what stands in `mod tests { .. }`.
fn functions(code: &str) -> Vec<Function> {
    let code = match code.find("mod tests {") {
        Some(at) => code.get(..at).unwrap_or(code),
        None => code,
    };
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let preceded = code.get(..at).and_then(|before| before.chars().next_back());
        let Some(rest) = code.get(at + 3..) else {
            continue;
        };
        let name: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if name.is_empty() || preceded.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        if let Some(body) = body(rest) {
            let line = code
                .get(..at)
                .map_or(1, |before| before.matches('\n').count() + 1);
            let lines = body.matches('\n').count() + 1;
            found.push(Function { name, line, lines });
        }
    }
    found
}

/// A function's text from its name to its closing brace; none when it has no body.
fn body(rest: &str) -> Option<&str> {
    let mut brackets = 0_i32;
    let mut braces = 0_i32;
    for (at, c) in rest.char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            ';' if brackets == 0 && braces == 0 => return None,
            '{' => braces += 1,
            '}' => {
                braces -= 1;
                if braces == 0 && brackets == 0 {
                    return rest.get(..=at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::functions;

    #[test]
    fn functions_are_measured() {
        let code = "trait T { fn no_body(&self) -> [u8; 3]; }\nfn two(a: [u8; 2]) {\n}\n\
                    mod tests {\nfn three() {\n\n}\n}";
        let found = functions(code);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].name.as_str(), found[0].line, found[0].lines),
            ("two", 2, 2)
        );
    }
}
