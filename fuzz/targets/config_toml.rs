//! The configuration file.

use std::path::Path;

use doorward::config;

/// A text is a configuration, or there is an error that says why not.
pub(super) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let reading = config::read_text(text, Path::new("/nowhere"), &[]);
    assert_ne!(reading.config.is_some(), reading.diagnostics.has_errors());
}
