//! The bounds on everything that an outsider controls.

use std::time::Duration;

/// Bounds on connections and request heads. [`Limits::default`] is safe for the open internet.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest request head in bytes; a larger one is answered with 431.
    pub header_bytes: usize,
    /// The largest number of header fields; more are answered with 431.
    pub header_count: usize,
    /// The longest request target in bytes; a longer one is answered with 414.
    pub uri_bytes: usize,
    /// How long a caller may take to send a request head.
    pub header_timeout: Duration,
    /// How long a connection may stay open between requests.
    pub idle_timeout: Duration,
    /// How long a request body may make no progress.
    pub body_idle_timeout: Duration,
    /// The most memory in bytes that the bodies which rules judge take together; beyond it they
    /// are refused with 503. Such a body must arrive as a whole within `body_idle_timeout`.
    pub held_bytes: usize,
    /// The fewest bytes in a second of waiting that a request body may bring, once it was waited
    /// for as long as `body_idle_timeout`. Zero switches it off.
    pub body_rate: u64,
    /// How long a caller may refuse to read a response. Who reads, and in twice that time less
    /// than `body_rate` lets through, is taken for one who does not.
    pub write_timeout: Duration,
    /// Calls that were allowed go on after their credential has ended.
    pub streams_run_on: bool,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long a WebSocket may be silent in both directions.
    pub tunnel_idle_timeout: Duration,
    /// The largest number of open connections.
    pub connections: usize,
    /// The largest number of open connections of one address; trusted terminators are exempt.
    pub connections_per_address: usize,
    /// The largest number of concurrent HTTP/2 streams of one connection.
    pub http2_streams: u32,
    /// How many streams a caller may reset before we accepted them (CVE-2023-44487).
    pub http2_pending_resets: usize,
    /// How many streams we may have to reset because of a caller's mistakes (CVE-2025-8671).
    pub http2_local_resets: usize,
    /// How often a silent HTTP/2 connection is pinged.
    pub http2_ping_interval: Duration,
    /// How long the answer to a ping may take.
    pub http2_ping_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 32 * 1024,
            header_count: 100,
            uri_bytes: 8 * 1024,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            body_idle_timeout: Duration::from_secs(30),
            held_bytes: 64 * 1024 * 1024,
            body_rate: 64,
            write_timeout: Duration::from_secs(30),
            streams_run_on: false,
            handshake_timeout: Duration::from_secs(10),
            tunnel_idle_timeout: Duration::from_secs(600),
            connections: 10_000,
            connections_per_address: 1_000,
            http2_streams: 128,
            http2_pending_resets: 20,
            http2_local_resets: 128,
            http2_ping_interval: Duration::from_secs(30),
            http2_ping_timeout: Duration::from_secs(20),
        }
    }
}

impl Limits {
    /// How often a connection's deadlines are looked at: half the shortest of them.
    pub(crate) fn tick(&self) -> Duration {
        let shortest = self
            .header_timeout
            .min(self.idle_timeout)
            .min(self.write_timeout);
        (shortest / 2).max(Duration::from_millis(5))
    }
}
