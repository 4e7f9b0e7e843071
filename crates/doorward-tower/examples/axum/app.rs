//! The service, and the gate around it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Path};
use axum::routing::{get, post};
use doorward_core::Gate;
use doorward_tower::{Admitted, Arrived, Caller, GuardLayer};
use tower_layer::Layer;

/// The whole router behind the gate. The outer router has no route of its own: nothing chooses
/// a handler before the gate has judged.
pub(crate) fn guarded(gate: Arc<Gate>) -> Router {
    let guard = GuardLayer::new(gate)
        .before_routing()
        .arrival_from_extension(|ConnectInfo(peer): &ConnectInfo<SocketAddr>| {
            Arrived::over_plain(*peer)
        });
    Router::new().fallback_service(guard.layer(routes()))
}

/// What the service does for callers who may.
pub(crate) fn routes() -> Router {
    Router::new()
        .route("/orders", get(list).post(order))
        .route("/orders/{id}", get(show))
        .route("/notes", post(note))
        .route("/health", get(async || "well\n"))
}

async fn list(caller: Caller) -> String {
    format!("the orders of {}\n", caller.identity().subject)
}

async fn show(caller: Caller, Path(id): Path<String>) -> String {
    format!("order {id} of {}\n", caller.identity().subject)
}

/// The gate has judged this body: it has the members that the rule allows, and no others.
async fn order(caller: Caller, admitted: Admitted, body: String) -> String {
    let (subject, decision) = (&caller.identity().subject, admitted.decision_id());
    format!("{subject} orders {body} ({decision})\n")
}

async fn note(caller: Option<Caller>, body: String) -> String {
    let who = caller.map_or_else(
        || "somebody".to_owned(),
        |who| who.identity().subject.to_string(),
    );
    format!("{who} notes {} bytes\n", body.len())
}
