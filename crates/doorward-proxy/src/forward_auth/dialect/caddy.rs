//! Caddy: the `forward_auth` directive.

use doorward_core::request::RequestFault;
use http::Method;
use http::request::Parts;

use crate::forward_auth::original::{Original, Told};

/// `X-Forwarded-Method`, `-Uri`, `-Proto` and `-Host`. The request is a GET.
pub(super) fn original(asked: &Parts) -> Result<Original, RequestFault> {
    let told = Told::by(asked, &[Method::GET])?;
    Original::from_headers(
        &told,
        told.method(&["x-forwarded-method"])?,
        told.target(&["x-forwarded-uri"])?,
    )
}
