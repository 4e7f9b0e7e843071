//! A configuration file as a tree whose every value knows where it was written.

use std::fmt;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Diagnostic, Diagnostics};

/// Where a value was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A line of the file, counted from one.
    Line(usize),
    /// `--set`, the nth, counted from one.
    Set(usize),
    /// Nowhere: the value is missing.
    Absent,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Set(nth) => write!(f, "--set number {nth}"),
            Self::Absent => f.write_str("not written"),
        }
    }
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where.
    pub origin: Origin,
    /// What.
    pub value: Value,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A boolean.
    Boolean(bool),
    /// A list.
    List(Vec<Node>),
    /// A table, in the order of the file.
    Table(Vec<(String, Node)>),
    /// A float or a date: no setting takes one.
    Other(&'static str),
}

impl Value {
    /// What it is called in messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Boolean(_) => "a boolean",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }
}

/// Parses a file's text. Of syntax errors the first is reported: what comes after it is guessed.
pub fn parse(text: &str, diagnostics: &mut Diagnostics) -> Node {
    let (table, errors) = DeTable::parse_recoverable(text);
    let start = |span: std::ops::Range<usize>| span.start;
    if let Some(error) = errors.iter().min_by_key(|error| error.span().map(start)) {
        let line = error
            .span()
            .map_or(Origin::Absent, |span| line_of(text, span.start));
        diagnostics.push(Diagnostic::new(
            line,
            error.message().to_owned(),
            "Mend the TOML syntax; https://toml.io describes it.",
        ));
    }
    let origin = Origin::Line(1);
    Node {
        origin,
        value: table_value(text, table.get_ref()),
    }
}

fn line_of(text: &str, offset: usize) -> Origin {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    Origin::Line(1 + before.iter().filter(|byte| **byte == b'\n').count())
}

fn table_value(text: &str, table: &DeTable<'_>) -> Value {
    let mut entries: Vec<(usize, String, Node)> = table
        .iter()
        .map(|(key, value)| {
            let start = key.span().start;
            let mut node = node(text, value);
            node.origin = line_of(text, start);
            (start, key.get_ref().to_string(), node)
        })
        .collect();
    entries.sort_by_key(|(start, ..)| *start);
    Value::Table(
        entries
            .into_iter()
            .map(|(_, key, node)| (key, node))
            .collect(),
    )
}

fn node(text: &str, value: &Spanned<DeValue<'_>>) -> Node {
    let origin = line_of(text, value.span().start);
    let value = match value.get_ref() {
        DeValue::String(string) => Value::Text(string.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number that is too large"), Value::Integer),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Float(_) => Value::Other("a float"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(array) => Value::List(array.iter().map(|item| node(text, item)).collect()),
        DeValue::Table(table) => table_value(text, table),
    };
    Node { origin, value }
}

/// Applies one `--set section.key=value`. The value is TOML, or a bare string.
pub fn set(root: &mut Node, nth: usize, assignment: &str, diagnostics: &mut Diagnostics) {
    let origin = Origin::Set(nth);
    let Some((path, text)) = assignment.split_once('=') else {
        diagnostics.push(Diagnostic::new(
            origin,
            format!("`{assignment}` is not an assignment"),
            "Write --set section.key=value.",
        ));
        return;
    };
    let document = format!("value = {text}");
    let (table, errors) = DeTable::parse_recoverable(&document);
    let parsed = table.get_ref().get("value").filter(|_| errors.is_empty());
    let mut value = match parsed {
        Some(value) => node(&document, value),
        None => Node {
            origin,
            value: Value::Text(text.trim().to_owned()),
        },
    };
    mark(&mut value, origin);
    let mut here = root;
    let mut keys = path.trim().split('.').peekable();
    while let Some(key) = keys.next() {
        let Value::Table(entries) = &mut here.value else {
            diagnostics.push(Diagnostic::new(
                origin,
                format!("`{path}` goes through something that is not a table"),
                "Name a section and a key, for example listener.main.address.",
            ));
            return;
        };
        if keys.peek().is_none() {
            entries.retain(|(name, _)| name != key);
            entries.push((key.to_owned(), value));
            return;
        }
        let position = entries
            .iter()
            .position(|(name, _)| name == key)
            .unwrap_or_else(|| {
                entries.push((
                    key.to_owned(),
                    Node {
                        origin,
                        value: Value::Table(Vec::new()),
                    },
                ));
                entries.len() - 1
            });
        match entries.get_mut(position) {
            Some((_, next)) => here = next,
            None => return,
        }
    }
}

fn mark(node: &mut Node, origin: Origin) {
    node.origin = origin;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| mark(item, origin)),
        Value::Table(entries) => entries.iter_mut().for_each(|(_, item)| mark(item, origin)),
        _ => {}
    }
}

/// Reads a file, bounded to 16 MiB.
pub fn read(path: &Path) -> Result<String, Diagnostic> {
    const MAX: u64 = 16 * 1024 * 1024;
    let failed = |error: &dyn fmt::Display| {
        Diagnostic::new(
            Origin::Absent,
            format!("cannot read {}: {error}", path.display()),
            "Check the path and its permissions, or make a file with `doorward protect URL`.",
        )
    };
    let size = std::fs::metadata(path)
        .map_err(|error| failed(&error))?
        .len();
    if size > MAX {
        return Err(failed(&"it is larger than 16 MiB"));
    }
    std::fs::read_to_string(path).map_err(|error| failed(&error))
}
