//! Asking servers from time to time whether they are well.

use std::sync::{Arc, Weak};

use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode, Uri, Version};
use tokio::time::{sleep, timeout};

use super::http1::dedicated;
use super::server::Server;
use super::{HealthCheck, http2};
use crate::body::Upload;
use crate::fault::Fault;

const US: HeaderValue = HeaderValue::from_static("doorward-health");

/// Asks a server as long as it is in use. Until the answers say otherwise it counts as well.
pub(super) async fn watch(server: Weak<Server>, check: HealthCheck, scheme: http::uri::Scheme) {
    let (mut good, mut bad) = (0_u32, 0_u32);
    loop {
        let Some(server) = server.upgrade() else {
            return;
        };
        let asked = timeout(check.timeout, ask(&server, &check, &scheme)).await;
        if matches!(asked, Ok(Ok(status)) if status.is_success()) {
            (good, bad) = (good.saturating_add(1), 0);
        } else {
            (good, bad) = (0, bad.saturating_add(1));
        }
        if good >= check.healthy {
            server.health.set_down(false);
        } else if bad >= check.unhealthy {
            server.health.set_down(true);
        }
        drop(server);
        sleep(check.interval).await;
    }
}

/// Asks once, on a connection of its own.
async fn ask(
    server: &Arc<Server>,
    check: &HealthCheck,
    scheme: &http::uri::Scheme,
) -> Result<StatusCode, Fault> {
    let connected = server.connector().connect(None).await?;
    let mut request = Request::new(Upload::EMPTY);
    *request.method_mut() = Method::GET;
    request.headers_mut().insert(USER_AGENT, US);
    if !connected.http2 {
        request.headers_mut().insert(HOST, server.host.clone());
        *request.uri_mut() = Uri::from(check.path.clone());
        return Ok(dedicated(connected.io, request).await?.status());
    }
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = Uri::builder()
        .scheme(scheme.clone())
        .authority(server.host.as_bytes())
        .path_and_query(check.path.clone())
        .build()
        .map_err(|_| Fault::Request)?;
    let mut sender = http2::handshake(connected.io).await?;
    Ok(sender.send_request(request).await?.status())
}
