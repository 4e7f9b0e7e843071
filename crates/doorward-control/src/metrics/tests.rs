use std::sync::Arc;

use doorward_core::Timestamp;
use doorward_core::credential::Method;
use doorward_core::rejection::Rejection;
use http::StatusCode;

use super::{Loaded, Metrics};
use crate::decision_log::sample::decision;

fn page(metrics: &Metrics) -> String {
    metrics.render(Timestamp::from_secs(100))
}

fn assert_has(page: &str, lines: &[&str]) {
    for line in lines {
        assert!(page.lines().any(|l| l == *line), "{line} is not in\n{page}");
    }
}

#[test]
fn decisions_are_counted_by_outcome_check_method_and_reason() {
    let metrics = Metrics::new("1.2.3");
    let mut allowed = decision(1);
    allowed.method = Some(Method::Jwt);
    allowed.latency_us = 25;
    let mut refused = decision(2);
    refused.rejection = Some(&Rejection::Missing);
    refused.latency_us = 2_000_000;
    metrics.decision(&allowed);
    metrics.decision(&refused);
    metrics.decision(&refused);
    let page = page(&metrics);
    assert_has(
        &page,
        &[
            "# TYPE doorward_decisions_total counter",
            "doorward_decisions_total{outcome=\"allowed\",failed_check=\"none\",method=\"jwt\"} 1",
            "doorward_decisions_total{outcome=\"refused\",failed_check=\"present\",method=\"none\"} 2",
            "doorward_decisions_total{outcome=\"refused\",failed_check=\"valid\",method=\"basic\"} 0",
            "doorward_refusals_total{reason=\"credential_missing\"} 2",
            "doorward_refusals_total{reason=\"other\"} 0",
            "doorward_gate_duration_seconds_bucket{le=\"0.00001\"} 0",
            "doorward_gate_duration_seconds_bucket{le=\"0.000025\"} 1",
            "doorward_gate_duration_seconds_bucket{le=\"1\"} 1",
            "doorward_gate_duration_seconds_bucket{le=\"+Inf\"} 3",
            "doorward_gate_duration_seconds_sum 4.000025",
            "doorward_gate_duration_seconds_count 3",
            "doorward_build_info{version=\"1.2.3\"} 1",
        ],
    );
}

#[test]
fn traffic_and_state_are_counted() {
    let metrics = Arc::new(Metrics::new("0"));
    let first = metrics.in_flight();
    let second = metrics.in_flight();
    drop(first);
    metrics.response(StatusCode::OK, 10);
    metrics.response(StatusCode::BAD_GATEWAY, 5);
    metrics.upstream_error("connect");
    metrics.set_loaded(Loaded::Users, 7);
    metrics.set_hash_queue(3);
    metrics.feed_read(Timestamp::from_secs(98));
    metrics.issuer("a\"b").fetched(Timestamp::from_secs(40));
    metrics.issuer("new").failed();
    let text = page(&metrics);
    assert_has(
        &text,
        &[
            "doorward_requests_in_flight 1",
            "doorward_responses_total{class=\"2xx\"} 1",
            "doorward_responses_total{class=\"5xx\"} 1",
            "doorward_response_body_bytes_total 15",
            "doorward_upstream_errors_total{kind=\"connect\"} 1",
            "doorward_loaded{kind=\"user\"} 7",
            "doorward_password_hash_queue 3",
            "doorward_change_feed_lag_seconds 2",
            "doorward_jwks_age_seconds{issuer=\"a\\\"b\"} 60",
            "doorward_jwks_refresh_failures_total{issuer=\"new\"} 1",
        ],
    );
    drop(second);
    metrics.retain_issuers(|name| name == "new");
    let text = page(&metrics);
    assert_has(&text, &["doorward_requests_in_flight 0"]);
    assert!(!text.contains("a\\\"b"));
    assert!(!text.contains("doorward_jwks_age_seconds{"));
}

#[test]
fn counters_of_many_threads_add_up() {
    let metrics = Arc::new(Metrics::new("0"));
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                for _ in 0..100 {
                    metrics.response(StatusCode::OK, 1);
                    drop(metrics.in_flight());
                }
            });
        }
    });
    let text = page(&metrics);
    assert_has(
        &text,
        &[
            "doorward_responses_total{class=\"2xx\"} 4000",
            "doorward_requests_in_flight 0",
        ],
    );
}

#[test]
fn every_line_is_a_comment_or_a_sample_of_the_open_family() {
    let metrics = Metrics::new("0");
    let mut family = "";
    let page = page(&metrics);
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert_eq!(rest.split(' ').next().unwrap(), family);
        } else {
            assert!(line.starts_with(family), "{line}");
            let value = line.rsplit(' ').next().unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
