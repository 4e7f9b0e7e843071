//! The page of metrics.

use std::sync::atomic::Ordering;

use doorward_core::Timestamp;
use doorward_core::credential::Method;
use doorward_core::rejection::Check;

use super::shard::{BOUNDS_US, METHODS};
use super::text::Page;
use super::{Metrics, check_number, method_number};

const CHECKS: [Check; 5] = [
    Check::Present,
    Check::Valid,
    Check::Expired,
    Check::Allowed,
    Check::Available,
];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Renders all metrics.
pub(super) fn page(metrics: &Metrics, now: Timestamp) -> String {
    let mut page = Page::default();
    decisions(metrics, &mut page);
    latency(metrics, &mut page);
    traffic(metrics, &mut page);
    state(metrics, now, &mut page);
    issuers(metrics, now, &mut page);
    if let Some(upstreams) = metrics.upstreams.get() {
        super::upstream::render(&upstreams.upstreams(), &mut page);
    }
    if let Some(certificates) = metrics.certificates.get() {
        super::certificate::render(&certificates.certificates(), now, &mut page);
    }
    log(metrics, &mut page);
    page.into_text()
}

fn decisions(metrics: &Metrics, page: &mut Page) {
    let name = "doorward_decisions_total";
    page.family(name, "counter", "Calls judged by the gate.");
    let outcomes = CHECKS.map(|check| (check_number(check), "refused", check.as_str()));
    for (outcome, word, check) in [(0, "allowed", "none")].into_iter().chain(outcomes) {
        for method in [None].into_iter().chain(Method::ALL.map(Some)) {
            let cell = outcome * METHODS + method_number(method);
            let labels = [
                ("outcome", word),
                ("failed_check", check),
                ("method", method.map_or("none", Method::as_str)),
            ];
            let count = metrics.shards.sum(|shard| &shard.decisions, cell);
            page.sample(name, &labels, count);
        }
    }
    let name = "doorward_refusals_total";
    page.family(name, "counter", "Refused calls by reason.");
    for (number, code) in metrics.reasons.known() {
        let count = metrics.shards.sum(|shard| &shard.refusals, number);
        page.sample(name, &[("reason", code)], count);
    }
}

fn latency(metrics: &Metrics, page: &mut Page) {
    let name = "doorward_gate_duration_seconds";
    page.family(name, "histogram", "Time that the gate took for a decision.");
    let bucket = format!("{name}_bucket");
    let mut total = 0;
    for (at, bound) in BOUNDS_US.iter().enumerate() {
        total += metrics.shards.sum(|shard| &shard.latency, at);
        page.sample(&bucket, &[("le", &seconds(*bound))], total);
    }
    total += metrics.shards.sum(|shard| &shard.latency, BOUNDS_US.len());
    page.sample(&bucket, &[("le", "+Inf")], total);
    let sum = metrics.shards.sum(|shard| &shard.latency_sum_us, 0);
    page.sample(&format!("{name}_sum"), &[], seconds(sum));
    page.sample(&format!("{name}_count"), &[], total);
}

fn traffic(metrics: &Metrics, page: &mut Page) {
    // In this order, or a request that ends in between would be counted below zero.
    let finished = metrics.shards.sum(|shard| &shard.requests, 1);
    let started = metrics.shards.sum(|shard| &shard.requests, 0);
    page.single(
        "doorward_requests_in_flight",
        "gauge",
        "Requests that are being answered.",
        started.saturating_sub(finished),
    );
    let name = "doorward_responses_total";
    page.family(name, "counter", "Finished responses by class of status.");
    for (at, class) in CLASSES.iter().enumerate() {
        let count = metrics.shards.sum(|shard| &shard.responses, at);
        page.sample(name, &[("class", class)], count);
    }
    page.single(
        "doorward_response_body_bytes_total",
        "counter",
        "Bytes of response bodies handed to callers.",
        metrics.shards.sum(|shard| &shard.response_bytes, 0),
    );
    let name = "doorward_upstream_errors_total";
    page.family(
        name,
        "counter",
        "Permitted calls that could not be passed on.",
    );
    for (number, kind) in metrics.upstream_kinds.known() {
        let count = metrics.shards.sum(|shard| &shard.upstream_errors, number);
        page.sample(name, &[("kind", kind)], count);
    }
}

fn state(metrics: &Metrics, now: Timestamp, page: &mut Page) {
    let name = "doorward_loaded";
    page.family(name, "gauge", "Records in memory by kind.");
    for (kind, count) in ["api_key", "user", "issuer"].iter().zip(&metrics.loaded) {
        page.sample(name, &[("kind", kind)], count.load(Ordering::Relaxed));
    }
    page.single(
        "doorward_password_hash_queue",
        "gauge",
        "Password checks that wait for a thread.",
        metrics.hash_queue.load(Ordering::Relaxed),
    );
    let name = "doorward_change_feed_lag_seconds";
    page.family(
        name,
        "gauge",
        "Time since changes and revocations were last read.",
    );
    let seen = metrics.feed_seen_at.load(Ordering::Relaxed);
    if seen != 0 {
        let lag = now.since(Timestamp::from_millis(seen)).as_secs_f64();
        page.sample(name, &[], lag);
    }
    let name = "doorward_build_info";
    page.family(name, "gauge", "The running version, always 1.");
    page.sample(name, &[("version", &metrics.version)], 1);
}

fn issuers(metrics: &Metrics, now: Timestamp, page: &mut Page) {
    let issuers = metrics.issuers.read();
    let name = "doorward_jwks_age_seconds";
    page.family(name, "gauge", "Age of the keys in use of a trusted issuer.");
    for (issuer, measured) in issuers.iter() {
        if let Some(at) = measured.fetched_at() {
            page.sample(name, &[("issuer", issuer)], now.since(at).as_secs_f64());
        }
    }
    let name = "doorward_jwks_refresh_failures_total";
    page.family(
        name,
        "counter",
        "Fetches of a trusted issuer's keys that failed.",
    );
    for (issuer, measured) in issuers.iter() {
        page.sample(name, &[("issuer", issuer)], measured.failures());
    }
}

fn log(metrics: &Metrics, page: &mut Page) {
    page.single(
        "doorward_log_write_failures_total",
        "counter",
        "Writes of the decision log that failed.",
        metrics.log_write_failures.load(Ordering::Relaxed),
    );
    page.single(
        "doorward_log_records_lost_total",
        "counter",
        "Records that were given up because they could not be written.",
        metrics.log_records_lost.load(Ordering::Relaxed),
    );
}

/// Microseconds in seconds, as a decimal.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
