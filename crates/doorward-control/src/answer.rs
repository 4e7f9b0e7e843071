//! Responses that are whole in memory.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Response, StatusCode};

/// A response with a body, its type and length. Not to be stored unless a header says otherwise.
pub(crate) fn whole(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Bytes> {
    let length = body.len();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A problem (RFC 9457) with fixed texts.
pub(crate) fn problem(
    status: StatusCode,
    code: &'static str,
    sentence: &'static str,
) -> Response<Bytes> {
    let body = format!(
        "{{\"type\":\"urn:doorward:problem:{code}\",\"title\":\"{}\",\"code\":\"{code}\",\
         \"detail\":\"{sentence}\",\"status\":{}}}\n",
        status.canonical_reason().unwrap_or("Refused"),
        status.as_u16()
    );
    whole(status, "application/problem+json", body.into())
}

/// Takes the body away where the request was HEAD; the headers stay (RFC 9110 section 9.3.2).
pub(crate) fn for_method(method: &Method, mut response: Response<Bytes>) -> Response<Bytes> {
    if *method == Method::HEAD {
        *response.body_mut() = Bytes::new();
    }
    response
}
