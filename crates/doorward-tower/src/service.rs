//! The service: one call, from its head to its answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use doorward_core::gate::Admission;
use doorward_core::rejection::BodyFault;
use doorward_core::request::RequestFault;
use doorward_core::{Front, Refusal, RequestHead, limit};
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{Extensions, HeaderMap, Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::admitted::Admitted;
use crate::answer::{Asked, preflight, unwritable};
use crate::body::{AnswerBody, GuardedBody, Watch};
use crate::layer::GuardLayer;
use crate::passed_on::passed_on;

/// A service behind a gate. Only permitted calls reach it.
#[derive(Clone, Debug)]
pub struct Guard<S> {
    inner: S,
    layer: Arc<GuardLayer>,
}

impl<S> Guard<S> {
    pub(crate) const fn new(inner: S, layer: Arc<GuardLayer>) -> Self {
        Self { inner, layer }
    }
}

impl<S, B, R> Service<Request<B>> for Guard<S>
where
    S: Service<Request<GuardedBody<B>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Body + Send + 'static,
    R: Send + 'static,
{
    type Response = Response<AnswerBody<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was polled is the one that is ready; its clone may not be.
        let next = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, next);
        let layer = Arc::clone(&self.layer);
        Box::pin(async move {
            let call = match layer.admit(request).await {
                Ok(call) => call,
                Err(response) => return Ok(*response),
            };
            let response = ready.call(call.request).await?;
            Ok(call.closing.close(response))
        })
    }
}

/// A permitted call.
struct Call<B> {
    request: Request<GuardedBody<B>>,
    closing: Closing,
}

/// What the answer to a permitted call needs.
struct Closing {
    asked: Asked,
    admitted: Admitted,
    watch: Watch,
}

/// An answer of ours in the place of the service's.
type Own<R> = Box<Response<AnswerBody<R>>>;

impl GuardLayer {
    /// Judges a request and makes it the service's.
    ///
    /// # Errors
    /// The answer to its caller, when it is not the service's to give.
    async fn admit<B: Body, R>(&self, request: Request<B>) -> Result<Call<B>, Own<R>> {
        let (parts, body) = request.into_parts();
        let unread = Asked::unread(parts.version);
        let (head, extensions) = self
            .receive(parts)
            .map_err(|refusal| Box::new(unread.malformed(&refusal)))?;
        let asked = Asked::of(&head);
        let admission = self.gate.admit(&head).await;
        let mut watch = Watch::default();
        let (permit, body) = match admission {
            Err(refusal) => return Err(Box::new(asked.refused(&refusal))),
            Ok(Admission::Preflight(granted)) => return Err(Box::new(preflight(granted))),
            Ok(Admission::NeedsBody(pending)) => {
                let judged = Box::pin(self.judge(pending, body)).await;
                judged.map_err(|refusal| Box::new(asked.refused(&refusal)))?
            }
            Ok(Admission::Permit(permit)) => {
                let limit = permit.rule().forwarding.max_body;
                watch = Watch::new(limit, permit.body_expectation());
                let body = check_declared_length(head.headers(), limit)
                    .and_then(|()| GuardedBody::streamed(body, &permit, &watch, &self.gate))
                    .map_err(|fault| Box::new(asked.refused(&permit.refuse_body(fault))))?;
                (permit, body)
            }
        };
        let admitted = Admitted::new(permit);
        let passed = passed_on(&admitted, head, self.gate.managed(), extensions);
        let parts = passed.ok_or_else(|| {
            let id = admitted.decision_id();
            Box::new(asked.complete(unwritable(), id, Some(admitted.rule())))
        })?;
        Ok(Call {
            request: Request::from_parts(parts, body),
            closing: Closing {
                asked,
                admitted,
                watch,
            },
        })
    }

    /// Brings a request into its one canonical form.
    ///
    /// # Errors
    /// A recorded refusal.
    fn receive(&self, mut parts: Parts) -> Result<(RequestHead, Extensions), Refusal> {
        let arrived = self.arrival.of(&parts);
        let extensions = std::mem::take(&mut parts.extensions);
        let sent = (!self.before_routing).then(|| parts.uri.clone());
        let head = self
            .gate
            .receive_in(Front::Tower, parts, arrived.arrival, arrived.session)?;
        // SECURITY: whoever routed by another spelling chose another handler than was judged.
        if sent.is_some_and(|sent| sent.path() != head.path()) {
            let call = (head.method(), head.path());
            let fault = RequestFault::PathSpelling;
            let client = arrived.arrival.client;
            return Err(self.gate.refuse_unread(Front::Tower, call, client, fault));
        }
        Ok((head, extensions))
    }
}

impl Closing {
    /// Makes the service's answer ready for the caller.
    fn close<R>(self, response: Response<R>) -> Response<AnswerBody<R>> {
        let permit = self.admitted.permit();
        let mut response = match self.watch.fault() {
            Some(fault) => self.asked.refused(&permit.refuse_body(fault)),
            None => {
                let response = response.map(AnswerBody::of_service);
                let rule = Some(&**permit.rule());
                self.asked.complete(response, permit.decision_id(), rule)
            }
        };
        limit::headers(permit.standings(), response.headers_mut());
        response
    }
}

/// Refuses a body that declares itself too long, before the service hears of it.
fn check_declared_length(headers: &HeaderMap, limit: Option<u64>) -> Result<(), BodyFault> {
    let (Some(limit), Some(declared)) = (limit, headers.get(CONTENT_LENGTH)) else {
        return Ok(());
    };
    let declared = declared.to_str().ok();
    match declared.and_then(|text| text.parse::<u64>().ok()) {
        Some(length) if length <= limit => Ok(()),
        // A length of more digits than a number holds is too long as well.
        _ => Err(BodyFault::TooLarge),
    }
}
