//! Refusals for servers that relay everything but 2xx: Traefik, Caddy, HAProxy.

use http::StatusCode;

/// A refusal: an error of the caller's or of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Relayed(StatusCode);

impl Relayed {
    /// The nearest to a status.
    pub(super) fn of(wanted: StatusCode) -> Self {
        let relayed = wanted.is_client_error() || wanted.is_server_error();
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
