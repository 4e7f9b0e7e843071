//! Bodies that are read to their end and judged before the service hears of the call.

use std::pin::{Pin, pin};

use bytes::{Buf, Bytes, BytesMut};
use doorward_core::gate::PendingBody;
use doorward_core::rejection::BodyFault;
use doorward_core::room::Place;
use doorward_core::{Permit, Refusal};
use http_body::Body;
use tokio::time::timeout;

use crate::body::{GuardedBody, fits};
use crate::layer::GuardLayer;

impl GuardLayer {
    /// Reads a body within the rule's bound and has it judged.
    ///
    /// # Errors
    /// A recorded refusal, whatever went wrong: no body passes unjudged.
    pub(crate) async fn judge<B: Body>(
        &self,
        pending: PendingBody,
        body: B,
    ) -> Result<(Permit, GuardedBody<B>), Refusal> {
        let mut place = self.room.place();
        let most = pending.max_bytes();
        let body = pin!(body);
        let reading = read_all(body, most, (&mut place, self.held_bytes));
        let read = timeout(self.body_time, reading).await;
        let bytes = match read.unwrap_or(Err(BodyFault::Stalled)) {
            Ok(bytes) => bytes,
            Err(fault) => return Err(pending.refuse(fault)),
        };
        let permit = pending.judge(bytes)?;
        // SECURITY: the bytes come from the permit, so that the service gets what was judged.
        let bytes = permit.body().cloned().unwrap_or_default();
        if !fits(permit.body_expectation(), &bytes) {
            return Err(permit.refuse_body(BodyFault::Altered));
        }
        Ok((permit, GuardedBody::judged(bytes, place)))
    }
}

/// Reads to the end. Trailers end here.
async fn read_all<B: Body>(
    mut body: Pin<&mut B>,
    most: usize,
    (place, limit): (&mut Place, usize),
) -> Result<Bytes, BodyFault> {
    let mut all = BytesMut::new();
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Ok(frame) = frame else {
            return Err(BodyFault::Broken);
        };
        let Ok(mut data) = frame.into_data() else {
            continue;
        };
        let length = data.remaining();
        if length > most.saturating_sub(all.len()) {
            return Err(BodyFault::TooLarge);
        }
        if !place.grow(length, limit) {
            return Err(BodyFault::NoRoom);
        }
        all.extend_from_slice(&data.copy_to_bytes(length));
    }
    Ok(all.freeze())
}
