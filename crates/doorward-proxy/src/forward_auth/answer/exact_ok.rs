//! Refusals for servers that take 200 alone for success: Envoy and the Gateway API.

use http::StatusCode;

/// A refusal: neither 200, nor a failure of ours that `failure_mode_allow` would turn into a
/// pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ExactOk(StatusCode);

impl ExactOk {
    /// The nearest to a status. 204, the answer to a preflight, stays: it is relayed.
    pub(super) fn of(wanted: StatusCode) -> Self {
        let relayed = wanted == StatusCode::NO_CONTENT || wanted.is_client_error();
        Self(if relayed {
            wanted
        } else {
            StatusCode::FORBIDDEN
        })
    }

    /// The status that is answered.
    pub(super) const fn status(self) -> StatusCode {
        self.0
    }
}
