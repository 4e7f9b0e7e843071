//! `[limits]`: bounds on what callers may send and how long they may take.

use std::time::Duration;

use super::rate_limit::RateLimits;
use super::section::Section;

/// Bounds on what callers may send and how long they may take.
#[derive(Clone)]
pub struct Limits {
    /// How often callers may call.
    pub rates: RateLimits,
    /// Bytes of a request's headers.
    pub header_bytes: usize,
    /// Number of header fields.
    pub header_count: usize,
    /// Bytes of path and query.
    pub uri_bytes: usize,
    /// Time for a request's head to arrive.
    pub header_timeout: Duration,
    /// Time between bytes of a body.
    pub body_idle: Duration,
    /// The fewest bytes of a body in a second.
    pub body_rate: u64,
    /// Time for which a caller may read nothing of an answer.
    pub write_idle: Duration,
    /// Calls go on after their credential has ended.
    pub long_calls_run_on: bool,
    /// Bytes that all bodies which rules judge take together.
    pub held_bodies: usize,
    /// Time between requests of a connection.
    pub idle: Duration,
    /// Connections altogether.
    pub connections: usize,
    /// Connections of one address.
    pub connections_per_address: usize,
    /// Requests of one HTTP/2 connection at a time.
    pub streams: u32,
    /// Callers that are counted one by one, for each limit on how often they may call.
    pub counted_callers: usize,
    /// Time for open requests to end after SIGTERM.
    pub drain: Duration,
}

impl Limits {
    /// The data plane's bounds; what cannot be configured keeps its default.
    pub fn to_proxy(&self) -> doorward_proxy::Limits {
        doorward_proxy::Limits {
            header_bytes: self.header_bytes,
            header_count: self.header_count,
            uri_bytes: self.uri_bytes,
            header_timeout: self.header_timeout,
            idle_timeout: self.idle,
            body_idle_timeout: self.body_idle,
            body_rate: self.body_rate,
            write_timeout: self.write_idle,
            streams_run_on: self.long_calls_run_on,
            held_bytes: self.held_bodies,
            connections: self.connections,
            connections_per_address: self.connections_per_address,
            http2_streams: self.streams,
            ..doorward_proxy::Limits::default()
        }
    }
}

pub(super) fn read(section: &mut Section<'_>) -> Limits {
    let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let secs = Duration::from_secs;
    Limits {
        rates: RateLimits::of_names(section),
        header_bytes: size(section.integer("header_bytes", 32 * 1024, 8192..=1024 * 1024)),
        header_count: size(section.integer("header_count", 100, 16..=1000)),
        uri_bytes: size(section.integer("uri_bytes", 8192, 256..=65_536)),
        header_timeout: section.duration("header_timeout", secs(10)),
        body_idle: section.duration("body_idle", secs(30)),
        body_rate: section.integer("body_rate", 64, 0..=1 << 30),
        write_idle: section.duration("write_idle", secs(30)),
        long_calls_run_on: section.choice(
            "long_calls",
            false,
            &[("end-at-expiry", false), ("run-on", true)],
        ),
        held_bodies: size(section.integer("held_bodies", 64 << 20, 1 << 20..=16 << 30)),
        idle: section.duration("idle", secs(60)),
        connections: size(section.integer("connections", 10_000, 1..=1_000_000)),
        connections_per_address: size(section.integer(
            "connections_per_address",
            2048,
            1..=1_000_000,
        )),
        streams: u32::try_from(section.integer("streams", 128, 1..=10_000)).unwrap_or(128),
        counted_callers: size(section.integer("counted_callers", 100_000, 1000..=10_000_000)),
        drain: section.duration("drain", secs(30)),
    }
}
