//! Mistakes in a configuration: what, where, and what to do.

use std::fmt;

use super::document::Origin;

/// How bad a mistake is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// The configuration works and should be changed.
    Warning,
}

/// One mistake.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub origin: Origin,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub fix: String,
}

impl Diagnostic {
    /// An error.
    pub fn new(origin: Origin, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            origin,
            message: message.into(),
            fix: fix.into(),
        }
    }

    /// A warning.
    pub fn warning(origin: Origin, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::new(origin, message, fix)
        }
    }
}

/// All the mistakes of a configuration, in the order in which they were found.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds an error.
    pub fn error(&mut self, origin: Origin, message: impl Into<String>, fix: impl Into<String>) {
        self.push(Diagnostic::new(origin, message, fix));
    }

    /// Takes an error back that turned out to follow from another one.
    pub fn retract(&mut self, origin: Origin, message: &str) {
        self.0
            .retain(|known| known.origin != origin || known.message != message);
    }

    /// Tells whether an error of a section was reported.
    pub fn has_errors_in(&self, path: &str) -> bool {
        let of_section = |message: &str| {
            let rest = message.strip_prefix(path);
            rest.is_some_and(|rest| rest.starts_with([':', '`']))
        };
        self.0.iter().any(|known| {
            known.severity == Severity::Error && of_section(known.message.trim_start_matches('`'))
        })
    }

    /// Tells whether the configuration cannot be used.
    pub fn has_errors(&self) -> bool {
        self.0
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// All of them, by line.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_key(|diagnostic| match diagnostic.origin {
            Origin::Absent => (0, 0),
            Origin::Line(line) => (1, line),
            Origin::Set(nth) => (2, nth),
        });
        all
    }
}

/// One mistake per paragraph: `file:line: error: message` and the fix below it.
pub struct Report<'a> {
    /// The file's name.
    pub file: &'a str,
    /// The mistakes.
    pub diagnostics: &'a Diagnostics,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in self.diagnostics.sorted() {
            match diagnostic.origin {
                Origin::Line(line) => write!(f, "{}:{line}: ", self.file)?,
                Origin::Set(_) => write!(f, "{}: ", diagnostic.origin)?,
                Origin::Absent => write!(f, "{}: ", self.file)?,
            }
            let severity = match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            writeln!(f, "{severity}: {}", diagnostic.message)?;
            writeln!(f, "  fix: {}", diagnostic.fix)?;
        }
        Ok(())
    }
}
