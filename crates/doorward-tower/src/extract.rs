//! What handlers of axum ask for.

use std::ops::Deref;

use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use doorward_core::verified::Principal;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use thiserror::Error;

use crate::admitted::Admitted;

/// Who calls, in a handler of axum: a genuine, live credential's principal.
///
/// On a public route, and where no gate stands in front, it ends the call with 500 and never
/// stands for an anonymous caller. A handler behind public and guarded routes alike asks for
/// `Option<Caller>`.
#[derive(Clone, Debug)]
pub struct Caller(pub Principal);

impl Deref for Caller {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

/// A handler asks who calls where nobody is known. It is the program's fault: the caller gets
/// 500, and the cause is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Unguarded {
    /// No gate stands in front of the handler.
    #[error("no GuardLayer stands in front of this handler; wrap the whole router in it")]
    NoGate,
    /// Anybody may call the route, and the handler wants to know who.
    #[error("the route of this handler is public; guard it, or take `Option<Caller>`")]
    PublicRoute,
}

impl<S: Send + Sync> FromRequestParts<S> for Admitted {
    type Rejection = Unguarded;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Unguarded> {
        admitted(parts)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Unguarded;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Unguarded> {
        let principal = admitted(parts)?.principal().cloned();
        principal.map(Self).ok_or(Unguarded::PublicRoute)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Unguarded;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Unguarded> {
        // SECURITY: nobody is anonymous where no gate has looked.
        Ok(admitted(parts)?.principal().cloned().map(Self))
    }
}

fn admitted(parts: &Parts) -> Result<Admitted, Unguarded> {
    parts.extensions.get().cloned().ok_or(Unguarded::NoGate)
}

impl IntoResponse for Unguarded {
    fn into_response(self) -> Response {
        const BODY: &str = "{\"type\":\"urn:doorward:problem:unguarded\",\
            \"title\":\"Internal Server Error\",\"code\":\"unguarded\",\
            \"detail\":\"The request could not be answered.\",\"status\":500}\n";
        tracing::error!(cause = %self, "a handler asks who calls, and nobody is known");
        let mut response = Response::new(Body::from(BODY));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(CONTENT_TYPE, json);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
