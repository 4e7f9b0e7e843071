//! Envoy: the `ext_authz` filter with an `http_service`.

use doorward_core::request::RequestFault;
use http::request::Parts;

use crate::forward_auth::original::{Original, Told};

/// The request's own method, host, and path after `prefix`; and `X-Forwarded-Proto`.
pub(super) fn original(asked: &Parts, prefix: &str) -> Result<Original, RequestFault> {
    let told = Told::by(asked, &[])?;
    let original = Original {
        method: asked.method.clone(),
        https: told.https()?,
        host: told.own_host()?,
        target: told.own_target(prefix)?,
    };
    told.agrees(&original)?;
    Ok(original)
}
