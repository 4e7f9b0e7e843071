//! Bodies that are read to their end and judged before anything is passed on.

use bytes::{Bytes, BytesMut};
use doorward_core::gate::PendingBody;
use doorward_core::rejection::BodyFault;
use doorward_core::{Permit, Refusal};
use http::header::{CONTENT_LENGTH, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue};
use http_body::Body;
use tokio::time::timeout;

use super::CallerBody;
use crate::limits::Limits;
use doorward_core::room::Place;

/// Reads a body and has it judged. What is left of the caller's body takes its place in memory
/// along, until the call is over.
///
/// # Errors
/// A recorded refusal, whatever went wrong: no body passes unjudged.
pub(crate) async fn judge(
    pending: PendingBody,
    mut body: CallerBody,
    place: Place,
    limits: &Limits,
) -> Result<(Permit, CallerBody), Refusal> {
    let mut reading = Reading {
        most: pending.max_bytes(),
        limit: limits.held_bytes,
        place,
    };
    let read = timeout(limits.body_idle_timeout, reading.all(&mut body)).await;
    match read.unwrap_or(Err(BodyFault::Stalled)) {
        Err(fault) => Err(pending.refuse(fault)),
        Ok(bytes) => {
            let permit = pending.judge(bytes)?;
            body.keep(reading.place);
            Ok((permit, body))
        }
    }
}

/// Puts the body that a permit was made for in the place of the caller's.
///
/// SECURITY: the bytes come from the permit, so that what is passed on is what was judged.
pub(crate) fn replace(permit: &Permit, body: CallerBody, headers: &mut HeaderMap) -> CallerBody {
    let Some(bytes) = permit.body() else {
        return body;
    };
    headers.remove(TRANSFER_ENCODING);
    headers.remove(TRAILER);
    if !bytes.is_empty() || headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
    body.with(bytes.clone())
}

struct Reading {
    /// The largest body.
    most: usize,
    /// The most that all bodies take together.
    limit: usize,
    place: Place,
}

impl Reading {
    /// Reads to the end. Trailers end here.
    async fn all(&mut self, body: &mut CallerBody) -> Result<Bytes, BodyFault> {
        let mut all = BytesMut::new();
        while let Some(frame) = next(body).await {
            let Ok(frame) = frame else {
                return Err(BodyFault::Broken);
            };
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if data.len() > self.most.saturating_sub(all.len()) {
                return Err(BodyFault::TooLarge);
            }
            if !self.place.grow(data.len(), self.limit) {
                return Err(BodyFault::NoRoom);
            }
            all.extend_from_slice(&data);
        }
        Ok(all.freeze())
    }
}

async fn next(body: &mut CallerBody) -> Option<Result<http_body::Frame<Bytes>, hyper::Error>> {
    std::future::poll_fn(|cx| std::pin::Pin::new(&mut *body).poll_frame(cx)).await
}
