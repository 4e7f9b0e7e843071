//! ingress-nginx: the annotation `nginx.ingress.kubernetes.io/auth-url`.

use doorward_core::request::RequestFault;
use http::Method;
use http::request::Parts;

use crate::forward_auth::original::{Original, Told, scheme};

/// `X-Original-URL` (scheme, host, path and query in one) and `X-Original-Method`. The subrequest
/// is a GET; `X-Forwarded-Proto` is emptied by the generated configuration, so an empty one says
/// nothing.
pub(super) fn original(asked: &Parts) -> Result<Original, RequestFault> {
    let told = Told::by(asked, &[Method::GET])?;
    let method = told.method(&["x-original-method"])?;
    let (scheme_text, host, target) = told.url("x-original-url")?;
    let original = Original {
        method,
        https: scheme(scheme_text)?,
        host,
        target,
    };
    told.agrees(&original)?;
    Ok(original)
}
