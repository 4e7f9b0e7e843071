//! HAProxy: the Lua action of `examples/haproxy`, or haproxy-auth-request.

use doorward_core::request::RequestFault;
use http::Method;
use http::request::Parts;

use crate::forward_auth::original::{Original, Told};

/// `X-Original-URI`, `X-Original-Method`, `X-Forwarded-Host` and `-Proto`. The request is a HEAD,
/// or a GET.
pub(super) fn original(asked: &Parts) -> Result<Original, RequestFault> {
    let told = Told::by(asked, &[Method::HEAD, Method::GET])?;
    Original::from_headers(
        &told,
        told.method(&["x-original-method"])?,
        told.target(&["x-original-uri"])?,
    )
}
