//! An axum service behind a gate: API keys and the tokens of one issuer.
//!
//! Run it with `cargo run -p doorward-tower --example axum`; it prints the calls to try.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use doorward_core::decision::{Decision, Journal, NotRecorded};

mod app;
mod door;

/// Prints the record of every decision.
struct Printed;

impl Journal for Printed {
    fn record(&self, decision: &Decision<'_>) -> Result<(), NotRecorded> {
        let mut line = Vec::new();
        decision.write_json(&mut line);
        eprint!("{}", String::from_utf8_lossy(&line));
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "3000".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    let door = door::open(Arc::new(Printed))?;
    let url = format!("http://{}", listener.local_addr()?);
    let (key, token) = (&door.key, &door.token);
    println!("Refused, 401:   curl -i {url}/orders");
    println!("Allowed:        curl -i {url}/orders -H 'X-API-Key: {key}'");
    println!("Allowed:        curl -i {url}/orders/7 -H 'Authorization: Bearer {token}'");
    println!("Allowed:        curl -i {url}/health");
    let json = "-H 'Content-Type: application/json' -d";
    println!(
        "Allowed:        curl -i {url}/orders -H 'X-API-Key: {key}' {json} '{{\"item\":\"tea\"}}'"
    );
    println!("Refused, 403:   curl -i {url}/orders -H 'X-API-Key: {key}' {json} '{{\"price\":0}}'");
    let app = app::guarded(door.gate);
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).await?;
    Ok(())
}
