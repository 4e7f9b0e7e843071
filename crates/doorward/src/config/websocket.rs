//! `websocket` of a `[[route]]`: what callers may send over a WebSocket.

use std::time::Duration;

use doorward_core::policy::WebSocketBounds;

use super::section::Section;

/// The largest bound that can be written, in bytes.
const MOST: u64 = 1 << 40;

/// Reads the table; without one, nothing is bounded.
pub(super) fn read(section: &mut Section<'_>) -> WebSocketBounds {
    let Some(node) = section.take("websocket") else {
        return WebSocketBounds::NONE;
    };
    let mut table = Section::open("route.websocket", node, section.diagnostics());
    let mut bytes = |key| {
        let written = table.has(key);
        let bytes = table.integer(key, MOST, 1..=MOST);
        written.then_some(bytes)
    };
    let (max_frame, max_message) = (bytes("max_frame"), bytes("max_message"));
    let idle = table
        .has("idle")
        .then(|| table.duration("idle", Duration::from_secs(600)));
    table.finish();
    WebSocketBounds {
        max_frame,
        max_message,
        idle,
    }
}
