//! nginx: `auth_request`. What is told is what `proxy_set_header` in the auth location says.

use doorward_core::request::RequestFault;
use http::Method;
use http::request::Parts;

use crate::forward_auth::original::{Original, Told};

/// `X-Original-URI` and `X-Original-Method`, or `X-Forwarded-Uri` and `X-Forwarded-Method`;
/// `X-Forwarded-Host` and `X-Forwarded-Proto`. The subrequest is a GET.
pub(super) fn original(asked: &Parts) -> Result<Original, RequestFault> {
    let told = Told::by(asked, &[Method::GET])?;
    Original::from_headers(
        &told,
        told.method(&["x-original-method", "x-forwarded-method"])?,
        told.target(&["x-original-uri", "x-forwarded-uri"])?,
    )
}
