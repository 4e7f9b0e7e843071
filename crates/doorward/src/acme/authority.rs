//! The authority's HTTP, through the program's guarded client.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Collected, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};

use crate::outbound::{Outbound, OutboundError};

/// The longest answer that is read: a chain of certificates is far shorter.
const MAX_ANSWER: usize = 256 * 1024;
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Speaks to the authority. A clone speaks for the same account of waiting times.
#[derive(Clone)]
pub(super) struct Authority {
    outbound: Arc<Outbound>,
    /// Seconds, as the authority last said in an error; zero for nothing said.
    retry_after: Arc<AtomicU64>,
}

impl Authority {
    /// Speaks through this client.
    pub(super) fn new(outbound: Outbound) -> Self {
        Self {
            outbound: Arc::new(outbound),
            retry_after: Arc::default(),
        }
    }

    /// How long the authority wants to be left alone, asked once.
    pub(super) fn take_retry_after(&self) -> Duration {
        Duration::from_secs(self.retry_after.swap(0, Ordering::Relaxed))
    }

    async fn ask(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        let url = request.uri().to_string();
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map(Collected::to_bytes);
        let body = body.map_err(|never| Error::Other(never.into()))?;
        let is_get = parts.method == Method::GET;
        let request = Request::from_parts(parts, body);
        // SECURITY: the authority's directory chooses these addresses: each is checked, and is
        // called over https only (RFC 8555 section 6.1).
        let answer = self.outbound.call(&url, request, (MAX_ANSWER, PATIENCE));
        let answer = answer.await.map_err(|error| Error::Other(error.into()))?;
        self.note(&answer);
        let status = answer.status();
        if is_get && status != StatusCode::OK {
            return Err(Error::Other(OutboundError::Status(status).into()));
        }
        Ok(BytesResponse::from(answer.map(Full::new)))
    }

    /// Remembers how long an authority that is overburdened wants us to wait.
    fn note(&self, answer: &Response<Bytes>) {
        let busy = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::SERVICE_UNAVAILABLE,
        ];
        let said = answer.headers().get(RETRY_AFTER);
        let seconds = said.and_then(|text| text.to_str().ok()?.parse().ok());
        if let Some(seconds) = seconds.filter(|_| busy.contains(&answer.status())) {
            self.retry_after.store(seconds, Ordering::Relaxed);
        }
    }
}

impl HttpClient for Authority {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(self.clone().ask(request))
    }
}
