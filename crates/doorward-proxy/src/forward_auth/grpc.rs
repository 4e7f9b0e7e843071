//! Envoy's `ext_authz` over gRPC: one call of `envoy.service.auth.v3.Authorization/Check` for
//! each question. Spoken over the HTTP/2 of every listener (see ADR 0012).

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use doorward_core::decision::DecisionId;
use doorward_core::request::RequestFault;
use http::header::{CONTENT_TYPE, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version};
use http_body::Body;
use prost::Message;
use tokio::time::timeout;

use super::Asker;
use super::judge::{Call, Verdict, judge_call};
use crate::body::CallerBody;
use crate::door::Snapshot;
use crate::fault::Fault;
use doorward_core::room::Place;

mod allowance;
mod fields;
mod frame;
mod message;
mod reply;
mod told;

use message::CheckRequest;

/// The one method of the service.
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
/// The largest message in bytes: a head, and the largest body that can be judged.
const MOST: usize = 2 * 1024 * 1024;
/// The headers of HTTP/2 that Envoy shows beside the others, with some to spare.
const PSEUDO: usize = 8;
/// The longest that a question may take, whatever the front allows.
const LONGEST: Duration = Duration::from_secs(10);

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// Codes of gRPC.
const OK: HeaderValue = HeaderValue::from_static("0");
const UNIMPLEMENTED: HeaderValue = HeaderValue::from_static("12");
const INTERNAL: HeaderValue = HeaderValue::from_static("13");

/// An answer of gRPC: its head, its message, its trailers.
pub(super) struct Unary {
    pub(super) head: Response<()>,
    pub(super) message: Bytes,
    pub(super) trailers: HeaderMap,
    pub(super) decision: Option<DecisionId>,
}

/// Answers one question. What is read of it takes memory in `place`, until it is answered.
pub(super) async fn answer(
    snapshot: &Arc<Snapshot>,
    asker: Asker<'_>,
    (parts, body): (Parts, CallerBody),
    mut place: Place,
) -> Unary {
    if parts.version != Version::HTTP_2 || !is_grpc(&parts.headers) {
        return Unary::bare(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    if parts.method != Method::POST || parts.uri.path() != CHECK {
        return Unary::failed(UNIMPLEMENTED);
    }
    let unread = |fault| {
        let call = (&Method::POST, CHECK);
        let gate = &snapshot.gate;
        let refusal = gate.refuse_unread(asker.settings.front(), call, asker.peer.client, fault);
        Verdict::Refused(Some(refusal.decision_id()), refusal.response())
    };
    if !asker.settings.peers.contains(asker.peer.client) {
        return Unary::saying(unread(RequestFault::PeerNotTrusted));
    }
    let bound = deadline(&parts.headers).min(LONGEST);
    let judged = timeout(bound, async {
        let message = read(body, &mut place, snapshot.limits.held_bytes).await?;
        let malformed = RequestFault::OriginalMalformed("message");
        let Some(message) = frame::read(message) else {
            return Ok(unread(malformed));
        };
        // SECURITY: an empty header takes two bytes here and a hundred once it is decoded.
        match fields::headers(&message) {
            Some(count) if count <= snapshot.limits.header_count + PSEUDO => {}
            Some(_) => return Err(Fault::HeadTooLarge),
            None => return Ok(unread(malformed)),
        }
        let Ok(message) = CheckRequest::decode(message) else {
            return Ok(unread(malformed));
        };
        let managed = snapshot.gate.managed();
        let tale = match told::read(message, managed) {
            Ok(tale) => tale,
            Err(fault) => return Ok(unread(fault)),
        };
        if tale.headers.len() > snapshot.limits.header_count {
            return Err(Fault::HeadTooLarge);
        }
        let call = Call {
            client: tale.client,
            original: tale.original,
            headers: tale.headers,
            body: tale.body,
        };
        Ok(judge_call(snapshot, asker, call).await)
    })
    .await;
    let verdict = match judged.unwrap_or(Err(Fault::ResponseTimeout)) {
        Ok(verdict) => verdict,
        Err(fault) => Verdict::Refused(None, fault.response(None)),
    };
    Unary::saying(verdict)
}

impl Unary {
    /// An answer that says what was decided.
    fn saying(verdict: Verdict) -> Self {
        let decision = verdict.decision_id();
        let message = match verdict {
            Verdict::Allowed(allowed) => allowance::write(allowed),
            Verdict::Refused(_, refusal) => frame::write(&reply::refuse(refusal, decision)),
            // SECURITY: answered, and in the place of the API's answer.
            Verdict::Preflight(_, answer) => {
                frame::write(&reply::refuse(answer.map(|()| Bytes::new()), decision))
            }
        };
        match message {
            Some(message) => Self {
                message,
                decision,
                ..Self::ended(OK)
            },
            None => Self::failed(INTERNAL),
        }
    }

    /// An answer that is not one of gRPC: 200 is not among the statuses that are used.
    fn bare(status: StatusCode) -> Self {
        let mut head = Response::new(());
        *head.status_mut() = status;
        Self {
            head,
            message: Bytes::new(),
            trailers: HeaderMap::new(),
            decision: None,
        }
    }

    /// No answer at all, for those who ask for something else.
    fn failed(status: HeaderValue) -> Self {
        let mut failed = Self::ended(status.clone());
        failed.head.headers_mut().insert(STATUS, status);
        failed.trailers.clear();
        failed
    }

    fn ended(status: HeaderValue) -> Self {
        let mut unary = Self::bare(StatusCode::OK);
        let grpc = HeaderValue::from_static("application/grpc");
        unary.head.headers_mut().insert(CONTENT_TYPE, grpc);
        unary.trailers.insert(STATUS, status);
        unary
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let said = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    matches!(said, Some(b"application/grpc" | b"application/grpc+proto"))
}

/// Reads a body of one message.
async fn read(mut body: CallerBody, place: &mut Place, room: usize) -> Result<Bytes, Fault> {
    let mut all = BytesMut::new();
    loop {
        let next = std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx));
        let Some(frame) = next.await else { break };
        let Ok(data) = frame.map_err(|_| Fault::BodyBroken)?.into_data() else {
            continue;
        };
        if data.len() > MOST.saturating_sub(all.len()) || !place.grow(data.len(), room) {
            return Err(Fault::BodyTooLarge);
        }
        all.extend_from_slice(&data);
    }
    Ok(all.freeze())
}

/// How long the front waits: up to eight digits and a unit.
fn deadline(headers: &HeaderMap) -> Duration {
    let read = || {
        let said = headers.get(TIMEOUT)?.to_str().ok()?;
        let (unit, digits) = (
            said.chars().last()?,
            said.get(..said.len().checked_sub(1)?)?,
        );
        let count = u64::from(digits.parse::<u32>().ok()?);
        match unit {
            'H' => Some(Duration::from_secs(count * 3600)),
            'M' => Some(Duration::from_secs(count * 60)),
            'S' => Some(Duration::from_secs(count)),
            'm' => Some(Duration::from_millis(count)),
            'u' => Some(Duration::from_micros(count)),
            'n' => Some(Duration::from_nanos(count)),
            _ => None,
        }
    };
    read().unwrap_or(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r114_the_fronts_deadline_is_read() {
        for (said, millis) in [
            ("500m", 500),
            ("2S", 2_000),
            ("1M", 60_000),
            ("1H", 3_600_000),
            ("7000u", 7),
            ("99999999n", 99),
            ("", 10_000),
            ("m", 10_000),
            ("-1S", 10_000),
            ("5", 10_000),
            ("99999999999S", 10_000),
            ("5\u{20ac}", 10_000),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(TIMEOUT, HeaderValue::from_bytes(said.as_bytes()).unwrap());
            assert_eq!(deadline(&headers).as_millis(), millis, "{said}");
        }
    }
}
