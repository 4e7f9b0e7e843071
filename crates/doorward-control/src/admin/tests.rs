use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};

use super::{AdminService, Check, Probe};
use crate::decision_log::sample::TestClock;
use crate::metrics::Metrics;

fn service(clock: &Arc<TestClock>, checks: Vec<Arc<dyn Check>>) -> AdminService {
    let metrics = Arc::new(Metrics::new("1"));
    AdminService::new(
        Arc::clone(clock) as _,
        metrics,
        checks,
        &["Admin.Example:9000".to_owned()],
    )
}

fn ask(service: &AdminService, method: &str, uri: &str, hosts: &[&str]) -> Response<Bytes> {
    let mut headers = HeaderMap::new();
    for host in hosts {
        headers.append("host", HeaderValue::from_str(host).unwrap());
    }
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    service.answer(&method, &uri.parse::<Uri>().unwrap(), &headers)
}

fn header<'r>(response: &'r Response<Bytes>, name: &str) -> &'r str {
    response
        .headers()
        .get(name)
        .map_or("", |v| v.to_str().unwrap())
}

#[test]
fn pages_are_read_with_get_and_head_only() {
    let service = service(&Arc::default(), Vec::new());
    let page = ask(&service, "GET", "/healthz", &["localhost:8444"]);
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(page.body(), "{\"status\":\"alive\"}\n");
    assert_eq!(header(&page, "cache-control"), "no-store");
    let head = ask(&service, "HEAD", "/healthz", &["localhost:8444"]);
    assert_eq!(
        header(&head, "content-length"),
        page.body().len().to_string()
    );
    assert!(head.body().is_empty());
    let metrics = ask(&service, "GET", "/metrics", &["localhost"]);
    assert_eq!(
        header(&metrics, "content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    for method in ["POST", "DELETE", "OPTIONS", "get"] {
        let response = ask(&service, method, "/metrics", &["localhost"]);
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(header(&response, "allow"), "GET, HEAD");
    }
}

#[test]
fn r123_everything_else_is_a_problem_without_details() {
    let service = service(&Arc::default(), Vec::new());
    for path in [
        "/",
        "/version",
        "/healthz/",
        "//healthz",
        "/Healthz",
        "/healthz%20",
        "/debug/pprof",
        "/metrics/x",
    ] {
        let response = ask(&service, "GET", path, &["127.0.0.1"]);
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(
            header(&response, "content-type"),
            "application/problem+json"
        );
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["status"], 404);
        assert_eq!(body["code"], "not_found");
    }
}

#[test]
fn names_that_a_page_could_rebind_are_refused() {
    let service = service(&Arc::default(), Vec::new());
    for known in [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1:8444",
        "[::1]",
        "10.0.0.7:80",
        "admin.example",
    ] {
        let response = ask(&service, "GET", "/healthz", &[known]);
        assert_eq!(response.status(), StatusCode::OK, "{known}");
    }
    for unknown in [
        &["evil.example"][..],
        &["127.0.0.1.evil.example"],
        &["localhost.evil.example"],
        &["localhost."],
        &["1.2.3.4.5"],
        &["2130706433"],
        &[""],
        &["localhost", "localhost"],
        &["user@localhost"],
        &[],
    ] {
        for path in ["/healthz", "/metrics", "/nothing"] {
            let response = ask(&service, "GET", path, unknown);
            assert_eq!(
                response.status(),
                StatusCode::MISDIRECTED_REQUEST,
                "{unknown:?}"
            );
        }
    }
    let uri = "http://evil.example/metrics";
    let response = ask(&service, "GET", uri, &["localhost"]);
    assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST);
}

#[test]
fn readiness_needs_every_check_and_recent_ones() {
    let clock = Arc::new(TestClock::default());
    let probe = |name, age| Arc::new(Probe::new(name, Arc::clone(&clock) as _, age));
    let store = probe("store", Some(Duration::from_secs(10)));
    let keys = probe("keys", None);
    let service = service(
        &clock,
        vec![Arc::clone(&store) as _, Arc::clone(&keys) as _],
    );
    let ready = || {
        let response = ask(&service, "GET", "/readyz", &["localhost"]);
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        let status = if body["status"] == "ready" { 200 } else { 503 };
        assert_eq!(response.status().as_u16(), status);
        format!("{}/{}", body["checks"]["store"], body["checks"]["keys"])
    };
    assert_eq!(ready(), "\"not checked yet\"/\"not checked yet\"");
    store.pass();
    assert_eq!(ready(), "\"ok\"/\"not checked yet\"");
    keys.pass();
    assert_eq!(ready(), "\"ok\"/\"ok\"");
    clock.advance(Duration::from_secs(10));
    assert_eq!(ready(), "\"ok\"/\"ok\"");
    clock.advance(Duration::from_millis(1));
    assert_eq!(ready(), "\"the last check is too long ago\"/\"ok\"");
    store.fail("the store does not answer");
    assert_eq!(ready(), "\"the store does not answer\"/\"ok\"");
    store.pass();
    assert_eq!(ready(), "\"ok\"/\"ok\"");
}
