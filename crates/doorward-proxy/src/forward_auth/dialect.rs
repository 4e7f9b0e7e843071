//! The dialects: who asks, and how the original request is told. One file each.

use doorward_core::Front;
use doorward_core::request::RequestFault;
use http::request::Parts;

use super::original::Original;

mod caddy;
mod envoy;
mod gateway_api;
mod haproxy;
mod ingress_nginx;
mod nginx;
mod traefik;

/// What the servers that ask speak.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// `auth_request` of nginx.
    Nginx,
    /// The `auth-url` annotation of ingress-nginx.
    IngressNginx,
    /// `ForwardAuth` of Traefik.
    Traefik,
    /// `forward_auth` of Caddy.
    Caddy,
    /// A Lua action of HAProxy.
    Haproxy,
    /// `ext_authz` of Envoy over HTTP.
    Envoy {
        /// What it puts before the original path; empty, or `/` and more without a final slash.
        prefix: Box<str>,
    },
    /// The `ExternalAuth` filter of the Kubernetes Gateway API over HTTP.
    GatewayApi {
        /// As in Envoy.
        prefix: Box<str>,
    },
    /// `ext_authz` of Envoy over gRPC.
    EnvoyGrpc,
    /// SPOP, the protocol of HAProxy's SPOE filter.
    Spop,
}

impl Dialect {
    /// The front that records name.
    #[must_use]
    pub const fn front(&self) -> Front {
        match self {
            Self::Nginx => Front::Nginx,
            Self::IngressNginx => Front::IngressNginx,
            Self::Traefik => Front::Traefik,
            Self::Caddy => Front::Caddy,
            Self::Haproxy => Front::Haproxy,
            Self::Envoy { .. } => Front::Envoy,
            Self::GatewayApi { .. } => Front::GatewayApi,
            Self::EnvoyGrpc => Front::EnvoyGrpc,
            Self::Spop => Front::HaproxySpoe,
        }
    }

    /// Whether whoever asks can be told which headers to remove.
    pub(super) const fn removes(&self) -> bool {
        matches!(self, Self::Envoy { .. } | Self::EnvoyGrpc)
    }

    /// Rebuilds the original request.
    ///
    /// # Errors
    /// When a part of it is missing, there twice, malformed, or told in two ways.
    pub(super) fn original(&self, asked: &Parts) -> Result<Original, RequestFault> {
        match self {
            Self::Nginx => nginx::original(asked),
            Self::IngressNginx => ingress_nginx::original(asked),
            Self::Traefik => traefik::original(asked),
            Self::Caddy => caddy::original(asked),
            Self::Haproxy => haproxy::original(asked),
            Self::Envoy { prefix } => envoy::original(asked, prefix),
            Self::GatewayApi { prefix } => gateway_api::original(asked, prefix),
            // SECURITY: the request is told in a message; what carries it tells nothing.
            Self::EnvoyGrpc | Self::Spop => Err(RequestFault::TargetForm),
        }
    }
}
