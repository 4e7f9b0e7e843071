//! Bodies that are read to their end and judged before anything is passed on.

use bytes::{Bytes, BytesMut};
use doorward_core::gate::PendingBody;
use doorward_core::rejection::BodyFault;
use doorward_core::verified::Principal;
use doorward_core::{Permit, Refusal};
use http::header::{CONTENT_LENGTH, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue};
use http_body::Body;
use tokio::time::timeout;

use super::CallerBody;
use crate::limits::Limits;
use doorward_core::room::Place;

/// Reads a body and has it judged. What is left of the caller's body takes its place in memory
/// along, until the call is over. `has_changed` tells whether a caller's credential has changed
/// since the head was judged.
///
/// # Errors
/// A recorded refusal, whatever went wrong: no body passes unjudged.
pub(crate) async fn judge(
    pending: PendingBody,
    mut body: CallerBody,
    mut place: Place,
    (limits, has_changed): (&Limits, impl Fn(&Principal) -> bool),
) -> Result<(Permit, CallerBody), Refusal> {
    match read(&mut body, &mut place, pending.max_bytes(), limits).await {
        Err(fault) => Err(pending.refuse(fault)),
        // SECURITY: what was revoked while the body came is revoked.
        Ok(_) if pending.principal().is_some_and(has_changed) => {
            Err(pending.refuse(BodyFault::Late))
        }
        Ok(bytes) => {
            let permit = pending.judge(bytes)?;
            body.keep(place);
            Ok((permit, body))
        }
    }
}

/// Reads the body of a request to a path of ours.
///
/// # Errors
/// Why it cannot be read whole.
pub(crate) async fn read(
    body: &mut CallerBody,
    place: &mut Place,
    most: usize,
    limits: &Limits,
) -> Result<Bytes, BodyFault> {
    let reading = read_all(body, place, most, limits.held_bytes);
    let read = timeout(limits.body_idle_timeout, reading).await;
    read.unwrap_or(Err(BodyFault::Stalled))
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

/// Reads to the end, at most `most` bytes, and at most `limit` for all bodies together. Trailers
/// end here.
async fn read_all(
    body: &mut CallerBody,
    place: &mut Place,
    most: usize,
    limit: usize,
) -> Result<Bytes, BodyFault> {
    let mut all = BytesMut::new();
    while let Some(frame) = next(body).await {
        let Ok(frame) = frame else {
            return Err(BodyFault::Broken);
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > most.saturating_sub(all.len()) {
            return Err(BodyFault::TooLarge);
        }
        if !place.grow(data.len(), limit) {
            return Err(BodyFault::NoRoom);
        }
        all.extend_from_slice(&data);
    }
    Ok(all.freeze())
}

async fn next(body: &mut CallerBody) -> Option<Result<http_body::Frame<Bytes>, hyper::Error>> {
    std::future::poll_fn(|cx| std::pin::Pin::new(&mut *body).poll_frame(cx)).await
}
