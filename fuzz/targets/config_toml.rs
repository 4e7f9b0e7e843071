//! The configuration file.

use std::path::Path;

#[path = "../../crates/doorward/src"]
mod program {
    #[expect(
        dead_code,
        unreachable_pub,
        reason = "one function of a program is used"
    )]
    pub(super) mod config;
}

/// A text is a configuration, or there is an error that says why not.
pub(super) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let reading = program::config::read_text(text, Path::new("/nowhere"), &[]);
    assert_ne!(reading.config.is_some(), reading.diagnostics.has_errors());
}
