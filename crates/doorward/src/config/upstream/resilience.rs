//! Several servers of an upstream: balance, health, and how much it takes at once.

use std::time::Duration;

use doorward_proxy::{Balance, BreakerConfig, Eject, FailedAnswers, HealthCheck};
use http::uri::PathAndQuery;

use super::super::section::Section;
use super::no_effect;

/// The shortest pause between two questions, and the shortest time for an answer.
const SHORTEST: Duration = Duration::from_millis(100);

/// Reads how a server is chosen, how many others are tried, and when all are used.
pub(super) fn balance(section: &mut Section<'_>, servers: usize) -> (Balance, u8, u8) {
    let origin = section.origin_of("balance");
    if section.has("balance") && servers == 1 {
        let fix = "Write several servers in `urls`, or remove `balance`.";
        no_effect(
            section,
            origin,
            "`balance` has no effect: there is one server",
            fix,
        );
    }
    let words = [
        ("round_robin", Balance::RoundRobin),
        ("least_requests", Balance::LeastRequests),
    ];
    let balance = section.choice("balance", Balance::default(), &words);
    let retries = section.integer("retries", 2, 0..=63);
    let panic = section.integer("panic", 30, 0..=100);
    (
        balance,
        u8::try_from(retries).unwrap_or(2),
        u8::try_from(panic).unwrap_or(30),
    )
}

/// Reads `eject`.
pub(super) fn eject(section: &mut Section<'_>, servers: usize) -> Eject {
    let safe = Eject::default();
    let origin = section.origin_of("eject");
    let written = section.has("eject");
    let eject = table(section, "eject", |section| {
        let failures = section.integer("failures", 5, 0..=10_000);
        let words = [
            ("none", FailedAnswers::None),
            ("gateway", FailedAnswers::Gateway),
            ("all", FailedAnswers::All),
        ];
        let base = section.duration("base", safe.base);
        let max_origin = section.origin_of("max");
        let max = section.duration("max", safe.max.max(base));
        if max < base || base.is_zero() {
            let message = "`max` is shorter than `base`, or `base` is zero";
            section.error(
                max_origin,
                message,
                "Write for example base = \"10s\", max = \"5m\".",
            );
        }
        Eject {
            failures: u32::try_from(failures).unwrap_or(safe.failures),
            base,
            max,
            answers: section.choice("answers", safe.answers, &words),
        }
    });
    if written && servers == 1 {
        let fix = "Write several servers in `urls`, or remove `eject`.";
        no_effect(
            section,
            origin,
            "`eject` has no effect: the only server is never left out",
            fix,
        );
    }
    eject.unwrap_or(safe)
}

/// Reads `health`.
pub(super) fn health(section: &mut Section<'_>) -> Option<HealthCheck> {
    table(section, "health", |section| {
        let origin = section.origin_of("path");
        let text = section.required_text("path", "\"/healthz\"")?;
        let path = Some(text.as_str())
            .filter(|text| text.starts_with('/') && !text.contains('#'))
            .and_then(|text| PathAndQuery::try_from(text).ok());
        if path.is_none() {
            let message = format!("`path = \"{text}\"` is not a path");
            section.error(origin, message, "Write for example path = \"/healthz\".");
        }
        let interval_origin = section.origin_of("interval");
        let interval = section.duration("interval", Duration::from_secs(5));
        let timeout = section.duration("timeout", Duration::from_secs(2));
        if interval < SHORTEST || timeout < SHORTEST {
            let message = "`interval` and `timeout` are at least 100ms";
            section.error(
                interval_origin,
                message,
                "Write for example interval = \"5s\".",
            );
        }
        let healthy = section.integer("healthy", 2, 1..=100);
        let unhealthy = section.integer("unhealthy", 3, 1..=100);
        Some(HealthCheck {
            path: path?,
            interval,
            timeout,
            healthy: u32::try_from(healthy).unwrap_or(2),
            unhealthy: u32::try_from(unhealthy).unwrap_or(3),
        })
    })
    .flatten()
}

/// Reads `breaker`. What an upstream speaks must be said where it bounds the connections.
pub(super) fn breaker(section: &mut Section<'_>, negotiated: bool) -> BreakerConfig {
    let safe = BreakerConfig::default();
    let breaker = table(section, "breaker", |section| {
        let connections_origin = section.origin_of("max_connections");
        let pending_origin = section.origin_of("max_pending");
        let max_requests = bound(section, "max_requests");
        let max_connections = bound(section, "max_connections");
        if max_connections.is_some() && negotiated {
            section.error(
                connections_origin,
                "what `max_connections` bounds depends on what is spoken",
                "Write protocol = \"http1\" or \"http2\".",
            );
        }
        let pending = section.integer("max_pending", 0, 0..=1_000_000);
        let patience = section.duration("pending_timeout", safe.pending_timeout);
        if pending > 0 && max_requests.is_none() && max_connections.is_none() {
            section.error(
                pending_origin,
                "nothing waits where nothing is bounded",
                "Add `max_requests`, or remove `max_pending`.",
            );
        }
        BreakerConfig {
            max_requests,
            max_connections,
            max_pending: usize::try_from(pending).unwrap_or(0),
            pending_timeout: patience,
        }
    });
    breaker.unwrap_or(safe)
}

fn bound(section: &mut Section<'_>, key: &'static str) -> Option<usize> {
    let written = section.has(key);
    let value = section.integer(key, 1, 1..=1_000_000);
    usize::try_from(value).ok().filter(|_| written)
}

/// Reads a table within the section, if it is there.
fn table<T>(
    section: &mut Section<'_>,
    key: &'static str,
    read: impl FnOnce(&mut Section<'_>) -> T,
) -> Option<T> {
    let node = section.take(key)?;
    let mut inner = Section::open(format!("upstream.{key}"), node, section.diagnostics());
    let value = read(&mut inner);
    inner.finish();
    Some(value)
}
