//! Where a call is judged: at our own reverse proxy, or for somebody else's.

/// The way in which a call came before the gate. Records name it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Front {
    /// Our reverse proxy.
    #[default]
    Proxy,
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
    Envoy,
    /// The `ExternalAuth` filter of the Kubernetes Gateway API over HTTP.
    GatewayApi,
    /// `ext_authz` of Envoy over gRPC.
    EnvoyGrpc,
    /// A layer in front of a tower or axum service.
    Tower,
    /// The SPOE filter of HAProxy.
    HaproxySpoe,
}

impl Front {
    /// Every front.
    pub const ALL: [Self; 11] = [
        Self::Proxy,
        Self::Nginx,
        Self::IngressNginx,
        Self::Traefik,
        Self::Caddy,
        Self::Haproxy,
        Self::Envoy,
        Self::GatewayApi,
        Self::EnvoyGrpc,
        Self::Tower,
        Self::HaproxySpoe,
    ];

    /// The name in configuration and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Nginx => "nginx",
            Self::IngressNginx => "ingress-nginx",
            Self::Traefik => "traefik",
            Self::Caddy => "caddy",
            Self::Haproxy => "haproxy",
            Self::Envoy => "envoy",
            Self::GatewayApi => "gateway-api",
            Self::EnvoyGrpc => "envoy-grpc",
            Self::Tower => "tower",
            Self::HaproxySpoe => "spop",
        }
    }

    /// Tells whether the body of a call passes through us. Where it does not, a rule about
    /// bodies cannot be kept, and its calls are refused.
    #[must_use]
    pub const fn sees_body(self) -> bool {
        matches!(self, Self::Proxy | Self::Tower)
    }

    /// Tells whether a front that passes calls on itself can show us a body to judge.
    #[must_use]
    pub const fn shows_body(self) -> bool {
        matches!(self, Self::EnvoyGrpc)
    }
}
