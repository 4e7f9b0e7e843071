//! Reads one table of a configuration, key by key, and reports what is wrong or left over.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use doorward_core::ScopeSet;
use doorward_core::net::Cidrs;

use super::diagnostic::Diagnostics;
use super::document::{Node, Origin, Value};

/// A table being read. Every key that is asked for is marked as known; [`Section::finish`]
/// reports the others.
pub struct Section<'d> {
    path: String,
    origin: Origin,
    entries: Vec<(String, Node)>,
    known: Vec<&'static str>,
    /// What was reported because a key is missing: the keys that would do, place and message.
    missing: Vec<(Vec<&'static str>, Origin, String)>,
    diagnostics: &'d mut Diagnostics,
}

impl<'d> Section<'d> {
    /// Opens a table; anything else is reported and read as empty.
    pub fn open(path: impl Into<String>, node: Node, diagnostics: &'d mut Diagnostics) -> Self {
        let path = path.into();
        let entries = match node.value {
            Value::Table(entries) => entries,
            other => {
                let message = format!("`{path}` is {}, not a table", other.kind());
                diagnostics.error(node.origin, message, format!("Write it as [{path}]."));
                Vec::new()
            }
        };
        Self {
            path,
            origin: node.origin,
            entries,
            known: Vec::new(),
            missing: Vec::new(),
            diagnostics,
        }
    }

    /// Where the table starts.
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// Takes a value out of the table.
    pub fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        let position = self.entries.iter().position(|(name, _)| name == key)?;
        Some(self.entries.remove(position).1)
    }

    /// Takes the entries that are tables, for sections whose subtables have names.
    pub fn take_tables(&mut self) -> Vec<(String, Node)> {
        let is_table = |entry: &mut (String, Node)| matches!(entry.1.value, Value::Table(_));
        self.entries.extract_if(.., is_table).collect()
    }

    /// Tells whether a key is there.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name == key)
    }

    /// Where a key is written, before it is taken.
    pub fn origin_of(&self, key: &str) -> Origin {
        let found = self.entries.iter().find(|(name, _)| name == key);
        found.map_or(self.origin, |(_, node)| node.origin)
    }

    /// Takes all the entries, for tables whose keys are names.
    pub fn take_all(&mut self) -> Vec<(String, Node)> {
        std::mem::take(&mut self.entries)
    }

    /// Reports a mistake at a place.
    pub fn error(&mut self, origin: Origin, message: impl Into<String>, fix: impl Into<String>) {
        let message = self.named(message.into());
        self.diagnostics.error(origin, message, fix);
    }

    /// Reports that one of some keys is missing. It is taken back when one of them turns out to
    /// be there in another spelling.
    pub fn missing(
        &mut self,
        keys: &[&'static str],
        origin: Origin,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let message = self.named(message.into());
        self.missing.push((keys.to_vec(), origin, message.clone()));
        self.diagnostics.error(origin, message, fix);
    }

    fn named(&self, message: String) -> String {
        if self.path.is_empty() {
            message
        } else {
            format!("{}: {message}", self.path)
        }
    }

    /// The list to which mistakes go.
    pub const fn diagnostics(&mut self) -> &mut Diagnostics {
        self.diagnostics
    }

    fn wrong(&mut self, key: &str, node: &Node, wanted: &str) {
        let message = format!("`{key}` is {}, not {wanted}", node.value.kind());
        self.error(node.origin, message, format!("Give `{key}` {wanted}."));
    }

    /// A string.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        let node = self.take(key)?;
        match node.value {
            Value::Text(text) => Some(text),
            _ => {
                self.wrong(key, &node, "a string");
                None
            }
        }
    }

    /// A string that must be there.
    pub fn required_text(&mut self, key: &'static str, example: &str) -> Option<String> {
        if !self.has(key) {
            self.known.push(key);
            let message = format!("`{key}` is missing");
            let fix = format!("Add `{key} = {example}`.");
            self.missing(&[key], self.origin, message, fix);
            return None;
        }
        self.text(key)
    }

    /// A boolean, or the default.
    pub fn boolean(&mut self, key: &'static str, default: bool) -> bool {
        match self.take(key) {
            None => default,
            Some(Node {
                value: Value::Boolean(value),
                ..
            }) => value,
            Some(node) => {
                self.wrong(key, &node, "true or false");
                default
            }
        }
    }

    /// An integer within bounds, or the default.
    pub fn integer(
        &mut self,
        key: &'static str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> u64 {
        let Some(node) = self.take(key) else {
            return default;
        };
        match node.value {
            Value::Integer(value) if u64::try_from(value).is_ok_and(|v| range.contains(&v)) => {
                u64::try_from(value).unwrap_or(default)
            }
            Value::Integer(value) => {
                let message = format!("`{key}` is {value}, which is out of bounds");
                let fix = format!("Give a number from {} to {}.", range.start(), range.end());
                self.error(node.origin, message, fix);
                default
            }
            _ => {
                self.wrong(key, &node, "an integer");
                default
            }
        }
    }

    /// A list of strings, with where each is written.
    pub fn texts(&mut self, key: &'static str) -> Option<Vec<(String, Origin)>> {
        let node = self.take(key)?;
        let Value::List(items) = node.value else {
            self.wrong(key, &node, "a list of strings");
            return None;
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item.value {
                Value::Text(text) => texts.push((text, item.origin)),
                _ => self.wrong(key, &item, "a string"),
            }
        }
        Some(texts)
    }

    /// A list of strings, or none.
    pub fn words(&mut self, key: &'static str) -> Vec<String> {
        self.texts(key)
            .unwrap_or_default()
            .into_iter()
            .map(|(text, _)| text)
            .collect()
    }

    /// A time span such as `30s`, or the default.
    pub fn duration(&mut self, key: &'static str, default: Duration) -> Duration {
        let origin = self.origin_of(key);
        let Some(text) = self.text(key) else {
            return default;
        };
        parse_duration(&text).unwrap_or_else(|| {
            let message = format!("`{key} = \"{text}\"` is not a time span");
            self.error(
                origin,
                message,
                "Write a number and a unit: 500ms, 30s, 15m, 24h or 90d.",
            );
            default
        })
    }

    /// A socket address, or the default.
    pub fn address(&mut self, key: &'static str, default: SocketAddr) -> SocketAddr {
        let origin = self.origin_of(key);
        let Some(text) = self.text(key) else {
            return default;
        };
        text.parse().unwrap_or_else(|_| {
            let message = format!("`{key} = \"{text}\"` is not an address and port");
            self.error(
                origin,
                message,
                "Write for example 127.0.0.1:8443 or [::]:8443.",
            );
            default
        })
    }

    /// A path, taken from the file's folder when it is relative.
    pub fn file(&mut self, key: &'static str, folder: &Path) -> Option<PathBuf> {
        self.text(key).map(|text| folder.join(text))
    }

    /// Address blocks.
    pub fn cidrs(&mut self, key: &'static str) -> Cidrs {
        let origin = self.origin_of(key);
        let words = self.words(key);
        Cidrs::parse(words.iter().map(String::as_str)).unwrap_or_else(|wrong| {
            let message = format!("`{key}` has `{wrong}`, which is not an address block");
            self.error(
                origin,
                message,
                "Write for example 10.0.0.0/8 or 192.0.2.7.",
            );
            Cidrs::default()
        })
    }

    /// A list of scopes.
    pub fn scopes(&mut self, key: &'static str) -> Option<ScopeSet> {
        let texts = self.texts(key)?;
        let mut scopes = Vec::with_capacity(texts.len());
        for (text, origin) in texts {
            match doorward_core::Scope::parse(&text) {
                Ok(scope) => scopes.push(scope),
                Err(error) => {
                    let message = format!("`{key}` has `{text}`, which is not a scope");
                    self.error(origin, message, format!("Mend it: {error}."));
                }
            }
        }
        Some(scopes.into_iter().collect())
    }

    /// One of a few words, or the default.
    pub fn choice<T: Copy>(&mut self, key: &'static str, default: T, of: &[(&str, T)]) -> T {
        let origin = self.origin_of(key);
        let Some(text) = self.text(key) else {
            return default;
        };
        if let Some((_, value)) = of.iter().find(|(name, _)| *name == text) {
            return *value;
        }
        let names: Vec<_> = of.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let message = format!("`{key} = \"{text}\"` is not known");
        self.error(
            origin,
            message,
            format!("Write one of {}.", names.join(", ")),
        );
        default
    }

    /// Reports the keys that nobody asked for.
    pub fn finish(mut self) {
        for (name, node) in std::mem::take(&mut self.entries) {
            let near = nearest(&name, &self.known);
            for (keys, origin, message) in &self.missing {
                if near.is_some_and(|near| keys.contains(&near)) {
                    self.diagnostics.retract(*origin, message);
                }
            }
            let fix = near.map_or_else(
                || format!("Remove it. Known here: {}.", self.known.join(", ")),
                |near| format!("Did you mean `{near}`?"),
            );
            self.error(node.origin, format!("`{name}` is not a known key"), fix);
        }
    }
}

/// Parses `500ms`, `30s`, `15m`, `24h` or `90d`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let millis = match text.get(digits.len()..)? {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// The known name that is at most two edits away.
fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    known
        .iter()
        .map(|candidate| match is_swapped(name, candidate) {
            true => (1, *candidate),
            false => (distance(name, candidate), *candidate),
        })
        .filter(|(edits, candidate)| *edits <= 2.min(candidate.len() / 2))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Tells whether two neighbours have changed places: `kye` for `key`.
fn is_swapped(a: &str, b: &str) -> bool {
    let mut differing = a
        .bytes()
        .zip(b.bytes())
        .enumerate()
        .filter(|(_, (x, y))| x != y);
    let (first, second) = (differing.next(), differing.next());
    let swapped = match (first, second) {
        (Some((i, (x, y))), Some((j, (z, w)))) => j == i + 1 && x == w && y == z,
        _ => false,
    };
    swapped && differing.next().is_none() && a.len() == b.len()
}

/// Levenshtein's distance, in bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (slot, y) in row.iter_mut().skip(1).zip(b.bytes()) {
            let substituted = diagonal + usize::from(x != y);
            diagonal = *slot;
            left = substituted.min(left + 1).min(*slot + 1);
            *slot = left;
        }
    }
    row.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{distance, nearest, parse_duration};

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(
            parse_duration("90d"),
            Some(Duration::from_secs(90 * 86_400))
        );
        for bad in [
            "",
            "5",
            "s",
            "5 s",
            "-5s",
            "5w",
            "99999999999999999999s",
            "1.5h",
        ] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn near_names_are_found() {
        assert_eq!(distance("adress", "address"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("adress", &["address", "tls"]), Some("address"));
        assert_eq!(nearest("kye", &["key", "tls"]), Some("key"));
        assert_eq!(nearest("yek", &["key", "tls"]), None);
        assert_eq!(nearest("zzz", &["address", "tls"]), None);
    }
}
