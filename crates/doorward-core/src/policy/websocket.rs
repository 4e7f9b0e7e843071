//! What a rule bounds of WebSockets.

use std::time::Duration;

/// Bounds on what a caller sends over a WebSocket (RFC 6455 section 5). What is absent is not
/// bounded: the frames of such a rule are not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebSocketBounds {
    /// The largest payload of a frame, in bytes as they are sent.
    pub max_frame: Option<u64>,
    /// The largest payload of a message, over all of its frames, in bytes as they are sent.
    pub max_message: Option<u64>,
    /// How long both directions may be silent; the listener's bound when absent.
    pub idle: Option<Duration>,
}

impl WebSocketBounds {
    /// Nothing of its own.
    pub const NONE: Self = Self {
        max_frame: None,
        max_message: None,
        idle: None,
    };

    /// Tells whether frames have to be looked at.
    #[must_use]
    pub const fn counts_bytes(&self) -> bool {
        self.max_frame.is_some() || self.max_message.is_some()
    }
}
