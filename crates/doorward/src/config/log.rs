//! `[log]`: where records go.

use std::path::{Path, PathBuf};

use super::section::Section;

/// Where records go.
#[derive(PartialEq, Eq)]
pub struct LogSettings {
    /// One line per decision.
    pub decisions: Sink,
    /// One line per answered request.
    pub access: bool,
    /// Refuse calls whose decision cannot be recorded.
    pub refuse_on_failure: bool,
}

/// A place for records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sink {
    /// Standard output.
    Stdout,
    /// A file, appended to.
    File(PathBuf),
    /// Nowhere; decisions are still remembered for `explain`.
    Off,
}

pub(super) fn read(section: &mut Section<'_>, folder: &Path) -> LogSettings {
    let decisions = match section.text("decisions").as_deref() {
        None | Some("stdout") => Sink::Stdout,
        Some("off") => Sink::Off,
        Some(path) => Sink::File(folder.join(path)),
    };
    LogSettings {
        decisions,
        access: section.boolean("access", true),
        refuse_on_failure: section.choice(
            "on_failure",
            false,
            &[("serve", false), ("refuse", true)],
        ),
    }
}
