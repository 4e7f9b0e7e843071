//! The sample API of `doorward demo`: orders, invoices, refunds and payroll, with no protection
//! of its own. It trusts whoever reaches it, as many real ones do.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HeaderMap};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Starts the sample API on this machine, with no protection at all.
///
/// # Errors
/// When the port is taken.
pub async fn start(port: u16) -> Result<SocketAddr> {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(wanted).await.with_context(|| {
        format!("the sample API cannot listen on {wanted}; choose another --port")
    })?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = service_fn(|request: Request<Incoming>| async move {
                let response = answer(request.method(), request.uri().path(), request.headers());
                Ok::<_, Infallible>(response.map(Full::new))
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    Ok(address)
}

/// Answers a request. It shows who the door says is calling.
fn answer(method: &Method, path: &str, headers: &HeaderMap) -> Response<Bytes> {
    let caller = headers
        .get("x-doorward-subject")
        .and_then(|value| value.to_str().ok());
    let (status, value) = route(method, path, caller);
    let mut response = Response::new(Bytes::from(format!("{value}\n")));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn route(method: &Method, path: &str, caller: Option<&str>) -> (StatusCode, Value) {
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    match (method.as_str(), segments.as_slice()) {
        ("GET" | "HEAD", ["health"]) => (StatusCode::OK, json!({ "status": "up" })),
        ("GET" | "HEAD", ["orders"]) => (
            StatusCode::OK,
            json!({ "caller": caller, "orders": [
                { "id": 1, "item": "lamp", "total": 40 },
                { "id": 2, "item": "desk", "total": 220 },
            ] }),
        ),
        ("POST", ["orders"]) => (
            StatusCode::CREATED,
            json!({ "caller": caller, "created": { "id": 3 } }),
        ),
        ("GET" | "HEAD", ["orders", id]) => (
            StatusCode::OK,
            json!({ "caller": caller, "order": { "id": id } }),
        ),
        ("DELETE", ["orders", id]) => (StatusCode::OK, json!({ "caller": caller, "deleted": id })),
        ("GET" | "HEAD", ["invoices"]) => (
            StatusCode::OK,
            json!({ "caller": caller, "invoices": [{ "id": 7, "due": 260 }] }),
        ),
        ("POST", ["refunds"]) => (
            StatusCode::CREATED,
            json!({ "caller": caller, "refund": { "id": 9 } }),
        ),
        ("GET" | "HEAD", ["payroll"]) => (
            StatusCode::OK,
            json!({ "caller": caller, "payroll": [{ "name": "Ada", "salary": 100 }] }),
        ),
        _ => (StatusCode::NOT_FOUND, json!({ "error": "not found" })),
    }
}
