//! Pages of other origins.

use crate::world::{World, ask, empty};

const PAGE: &str = "https://app.example";

#[tokio::test]
async fn g21_a_preflight_is_answered_and_never_reaches_the_service() {
    let world = World::new();
    let layer = world.layer();
    let preflight = |origin: &str| {
        let request = ask("OPTIONS", "/orders").header("origin", origin);
        let request = request.header("access-control-request-headers", "x-api-key");
        request
            .header("access-control-request-method", "GET")
            .body(empty())
            .unwrap()
    };
    let answer = world.send(&layer, preflight(PAGE)).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(answer.header("access-control-allow-origin"), PAGE);
    assert_eq!(
        answer.header("doorward-decision"),
        world.record()["decision_id"]
    );
    let answer = world.send(&layer, preflight("https://evil.example")).await;
    assert_eq!((answer.status, &*answer.code()), (403, "forbidden"));
    // An OPTIONS that is no preflight is a call like any other.
    let answer = world
        .send(&layer, ask("OPTIONS", "/orders").body(empty()).unwrap())
        .await;
    assert_eq!(answer.status, 401);
    assert!(world.got().is_empty());
}

#[tokio::test]
async fn g21_answers_are_shared_with_the_pages_of_the_rule_and_no_others() {
    let world = World::new();
    let layer = world.layer();
    for (origin, shared) in [(PAGE, Some(PAGE)), ("https://evil.example", None)] {
        for request in [ask("GET", "/orders"), world.ask("GET", "/orders")] {
            let request = request.header("origin", origin).body(empty()).unwrap();
            let answer = world.send(&layer, request).await;
            let told = answer.headers.get("access-control-allow-origin");
            assert_eq!(
                told.map(|value| value.to_str().unwrap()),
                shared,
                "{answer:?}"
            );
            assert_eq!(answer.header("vary"), "Origin");
        }
    }
}
