//! Kubernetes Gateway API: the `ExternalAuth` filter of an `HTTPRoute` (GEP-1494), over HTTP.

use doorward_core::request::RequestFault;
use http::request::Parts;

use crate::forward_auth::original::Original;

/// The request's own method, host, and path after `prefix`, as in Envoy; and
/// `X-Forwarded-Proto`, which `allowedHeaders` must name.
pub(super) fn original(asked: &Parts, prefix: &str) -> Result<Original, RequestFault> {
    super::envoy::original(asked, prefix)
}
