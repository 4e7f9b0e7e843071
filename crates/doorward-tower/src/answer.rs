//! Answers of ours, and what is ours in the answers of the service.

use bytes::Bytes;
use doorward_core::cors::{self, Preflight};
use doorward_core::decision::DecisionId;
use doorward_core::policy::Rule;
use doorward_core::{Refusal, RequestHead};
use http::header::{CONNECTION, HeaderName, ORIGIN};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};

use crate::body::AnswerBody;

/// The header that names the decision in every answer.
const DECISION: HeaderName = HeaderName::from_static("doorward-decision");

/// What answering needs to know of a request.
pub(crate) struct Asked {
    origin: HeaderMap,
    version: Version,
}

impl Asked {
    /// A request that could not be read.
    pub(crate) fn unread(version: Version) -> Self {
        let origin = HeaderMap::new();
        Self { origin, version }
    }

    /// A request in canonical form.
    pub(crate) fn of(head: &RequestHead) -> Self {
        let mut asked = Self::unread(head.version());
        if let Some(origin) = head.headers().get(ORIGIN) {
            asked.origin.insert(ORIGIN, origin.clone());
        }
        asked
    }

    /// The answer to a refused call.
    pub(crate) fn refused<R>(&self, refusal: &Refusal) -> Response<AnswerBody<R>> {
        let mut response = refusal.response().map(AnswerBody::own);
        if refusal.leaves_body_unread() {
            self.close(response.headers_mut());
        }
        self.complete(
            response,
            refusal.decision_id(),
            refusal.rule().map(|rule| &**rule),
        )
    }

    /// The answer to a request that can be read in two ways; no more of it is read.
    pub(crate) fn malformed<R>(&self, refusal: &Refusal) -> Response<AnswerBody<R>> {
        let mut response = self.refused(refusal);
        self.close(response.headers_mut());
        response
    }

    /// Names the decision, and lets pages of other origins read the answer where the rule does.
    pub(crate) fn complete<R>(
        &self,
        mut response: Response<R>,
        id: DecisionId,
        rule: Option<&Rule>,
    ) -> Response<R> {
        let headers = response.headers_mut();
        if let Some(cors) = rule.and_then(|rule| rule.cors.as_ref()) {
            cors::share(cors, &self.origin, headers);
        }
        name_decision(headers, id);
        response
    }

    fn close(&self, headers: &mut HeaderMap) {
        if self.version < Version::HTTP_2 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// The answer to a browser's preflight.
pub(crate) fn preflight<R>(preflight: Preflight) -> Response<AnswerBody<R>> {
    let id = preflight.decision_id();
    let mut response = preflight.response().map(|()| AnswerBody::own(Bytes::new()));
    name_decision(response.headers_mut(), id);
    response
}

/// The answer where a judged head cannot be written down again.
pub(crate) fn unwritable<R>() -> Response<AnswerBody<R>> {
    let mut response = Response::new(AnswerBody::own(Bytes::new()));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

fn name_decision(headers: &mut HeaderMap, id: DecisionId) {
    let id = HeaderValue::from_bytes(&id.to_ascii());
    headers.insert(DECISION, id.unwrap_or(HeaderValue::from_static("d")));
}
