//! What a caller's connection says beside the request.

use std::sync::Arc;

use super::{Host, RequestFault};
use crate::client_certificate::ClientCertificate;

/// What a caller's connection says beside the request.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Which hosts may be asked for.
    pub server_name: ServerName,
    /// The caller's certificate.
    pub certificate: Option<Arc<ClientCertificate>>,
    /// Without a certificate that is trusted and live, no request passes, whatever its rule says.
    pub requires_certificate: bool,
}

/// Which hosts may be asked for over a connection (RFC 9110 section 7.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ServerName {
    /// Any: nothing depends on the name in the handshake.
    #[default]
    Free,
    /// The name that the handshake asked for, and no other.
    Named(Arc<str>),
    /// The handshake named none, as it is with addresses.
    Unnamed,
}

impl ServerName {
    /// Refuses a request for another host than the one that the handshake was for.
    pub(super) fn check(&self, host: &Host) -> Result<(), RequestFault> {
        let agrees = match self {
            Self::Free => true,
            Self::Named(name) => host.name().eq_ignore_ascii_case(name),
            Self::Unnamed => host.is_address(),
        };
        if agrees {
            Ok(())
        } else {
            Err(RequestFault::Misdirected)
        }
    }
}
