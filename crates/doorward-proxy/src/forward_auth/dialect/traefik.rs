//! Traefik: the `ForwardAuth` middleware.

use doorward_core::request::RequestFault;
use http::request::Parts;

use crate::forward_auth::original::{Original, Told};

/// `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`. The request is a GET, or has the original
/// method with `preserveRequestMethod`.
pub(super) fn original(asked: &Parts) -> Result<Original, RequestFault> {
    let told = Told::by(asked, &[])?;
    Original::from_headers(
        &told,
        told.method(&["x-forwarded-method"])?,
        told.target(&["x-forwarded-uri"])?,
    )
}
