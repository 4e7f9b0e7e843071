//! Handlers of axum that ask who calls.

use axum::Router;
use axum::routing::get;
use doorward_tower::{Admitted, Caller};
use http::Request;
use http_body_util::BodyExt;
use tower_layer::Layer;
use tower_service::Service;

use crate::world::{World, ask};

/// Every way to ask.
fn routes() -> Router {
    Router::new()
        .route(
            "/orders",
            get(async |caller: Caller| caller.identity().subject.to_string()),
        )
        .route("/health", get(async |_: Caller| "known"))
        .route(
            "/orders/caller",
            get(async |caller: Option<Caller>| {
                caller.map_or_else(
                    || "nobody".to_owned(),
                    |who| who.identity().subject.to_string(),
                )
            }),
        )
        .route(
            "/orders/admitted",
            get(async |admitted: Admitted| admitted.rule().name.to_string()),
        )
}

async fn ask_router(mut router: Router, request: Request<axum::body::Body>) -> (u16, String) {
    let answer = router.call(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn g29_a_handler_without_a_gate_fails_and_nobody_is_anonymous_there() {
    for path in ["/orders", "/health", "/orders/caller", "/orders/admitted"] {
        let request = ask("GET", path).body(axum::body::Body::empty()).unwrap();
        let (status, body) = ask_router(routes(), request).await;
        assert_eq!(status, 500, "{path}");
        assert!(body.contains("\"code\":\"unguarded\""), "{body}");
    }
}

#[tokio::test]
async fn g29_a_handler_that_needs_a_caller_fails_on_a_public_route() {
    let world = World::new();
    // Inside of a router, and around it: both ways to add a layer.
    let inside = routes().layer(world.layer());
    let around = Router::new().fallback_service(world.layer().before_routing().layer(routes()));
    for router in [inside, around] {
        let ask = async |path: &str| {
            let request = world
                .ask("GET", path)
                .body(axum::body::Body::empty())
                .unwrap();
            ask_router(router.clone(), request).await
        };
        assert_eq!(ask("/orders").await, (200, "alice".to_owned()));
        assert_eq!(ask("/orders/caller").await, (200, "alice".to_owned()));
        assert_eq!(
            ask("/orders/admitted").await,
            (200, "GET /orders/{id}".to_owned())
        );
        assert_eq!(ask("/health").await.0, 500);
        assert_eq!(ask("/elsewhere").await.0, 403);
    }
}
