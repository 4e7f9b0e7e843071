//! `[listener.NAME] kind = "forward-auth"`: other servers ask about calls that they pass on.

use std::time::Duration;

use doorward_core::credential::Method;
use doorward_core::net::Cidrs;
use doorward_core::policy::{Accept, Access, Rule};
use doorward_policy::RouteTable;
use doorward_proxy::{Dialect, ForwardAuth};

use super::diagnostic::Diagnostic;
use super::document::Origin;
use super::listener::{ClientCertificates, Listener};
use super::section::Section;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Proxy,
    ForwardAuth,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaks {
    Nginx,
    IngressNginx,
    Traefik,
    Caddy,
    Haproxy,
    Envoy,
    GatewayApi,
    EnvoyGrpc,
    Spop,
}

const DIALECTS: &[(&str, Speaks)] = &[
    ("nginx", Speaks::Nginx),
    ("ingress-nginx", Speaks::IngressNginx),
    ("traefik", Speaks::Traefik),
    ("caddy", Speaks::Caddy),
    ("haproxy", Speaks::Haproxy),
    ("envoy", Speaks::Envoy),
    ("gateway-api", Speaks::GatewayApi),
    ("envoy-grpc", Speaks::EnvoyGrpc),
    ("spop", Speaks::Spop),
];

/// The longest time that an allowing answer may be kept: an assertion in it must still live.
const LONGEST_REUSE: Duration = Duration::from_secs(30);

/// Reads the keys of forward-auth in a listener's table.
pub(super) fn read(section: &mut Section<'_>) -> Option<ForwardAuth> {
    let kinds = [("proxy", Kind::Proxy), ("forward-auth", Kind::ForwardAuth)];
    if section.choice("kind", Kind::Proxy, &kinds) == Kind::Proxy {
        refuse_without_kind(section);
        return None;
    }
    let dialect = read_dialect(section);
    let peers = read_peers(section);
    let origin = section.origin_of("cache");
    let reuse = read_reuse(section);
    let keeps_nothing = matches!(dialect, Some(Dialect::EnvoyGrpc | Dialect::Spop));
    if reuse.is_some() && keeps_nothing {
        section.error(
            origin,
            "`cache` is for the dialects over HTTP",
            "Remove it: this front asks about every call.",
        );
    }
    Some(ForwardAuth {
        dialect: dialect?,
        peers,
        reuse,
    })
}

/// Routes whose calls no listener for forward-auth can let pass.
pub(super) fn warn_of_bodies(
    root: &mut Section<'_>,
    listeners: &[Listener],
    (table, origins): (&RouteTable, &[Origin]),
) {
    if listeners
        .iter()
        .all(|listener| listener.forward_auth.is_none())
    {
        return;
    }
    for (rule, origin) in table.rules().iter().zip(origins) {
        if rule.forwarding.max_body.is_some() || rule.binding.body.is_some() {
            root.diagnostics().push(Diagnostic::warning(
                *origin,
                format!(
                    "{}: a rule about bodies; listeners for forward-auth do not see them, and \
                     refuse these calls",
                    rule.name
                ),
                "Bound bodies in the server in front, or let the calls come through the reverse \
                 proxy.",
            ));
        }
        if covers_bodies(rule) {
            root.diagnostics().push(Diagnostic::warning(
                *origin,
                format!(
                    "{}: signatures cover the body; listeners for forward-auth do not see \
                     it, and refuse signed calls",
                    rule.name
                ),
                "Let signed calls come through the reverse proxy; or write signature_head_only = \
                 true, and check bodies in the service.",
            ));
        }
    }
}

/// Tells whether a rule accepts signatures that only the reverse proxy can check in full.
fn covers_bodies(rule: &Rule) -> bool {
    match &rule.access {
        Access::Public => false,
        Access::Guarded(guarded) => {
            let methods = [Method::MessageSignature, Method::SigV4];
            let signed = |accept: &Accept| methods.contains(&accept.method);
            guarded.accepts.iter().any(signed) && !guarded.signing.head_only
        }
    }
}

/// Where callers' certificates can come from on a listener for forward-auth.
pub(super) fn check_certificates(section: &mut Section<'_>, listener: &Listener) {
    let Some(settings) = &listener.forward_auth else {
        return;
    };
    if listener.client_certificates != ClientCertificates::Off {
        section.error(
            section.origin(),
            "callers' certificates are not known to a listener for forward-auth",
            "Remove `client_certificates`: whoever asks would show its own. Name the header into \
             which it writes those of callers in `client_certificate_header`.",
        );
    }
    if listener.client_certificate_header.is_some() && settings.dialect == Dialect::Spop {
        section.error(
            section.origin(),
            "over SPOE, a header about certificates is the caller's own",
            "Remove `client_certificate_header`; callers with certificates come through the \
             dialect haproxy, or the reverse proxy.",
        );
    }
}

fn refuse_without_kind(section: &mut Section<'_>) {
    for key in ["dialect", "trusted_peers", "path_prefix", "cache"] {
        let origin = section.origin_of(key);
        if section.take(key).is_some() {
            section.error(
                origin,
                format!("`{key}` is for listeners for forward-auth"),
                "Add `kind = \"forward-auth\"`, or remove it.",
            );
        }
    }
}

fn read_dialect(section: &mut Section<'_>) -> Option<Dialect> {
    if !section.has("dialect") {
        section.required_text("dialect", "\"nginx\"");
    }
    let speaks = section.choice("dialect", Speaks::Nginx, DIALECTS);
    let origin = section.origin_of("path_prefix");
    let prefix = section.text("path_prefix");
    let takes_prefix = matches!(speaks, Speaks::Envoy | Speaks::GatewayApi);
    if prefix.is_some() && !takes_prefix {
        section.error(
            origin,
            "`path_prefix` is for the dialects envoy and gateway-api",
            "Remove it: this dialect tells the path in a header.",
        );
    }
    let prefix = prefix.unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_');
    let good = prefix.is_empty()
        || (prefix.starts_with('/') && !prefix.ends_with('/') && !prefix.contains("//"));
    if !good || !prefix.bytes().all(plain) {
        section.error(
            origin,
            format!("`path_prefix = \"{prefix}\"` is not the beginning of a path"),
            "Write for example \"/check\": letters, digits, `-` and `_`, without a final slash.",
        );
    }
    let prefix = prefix.into_boxed_str();
    Some(match speaks {
        Speaks::Nginx => Dialect::Nginx,
        Speaks::IngressNginx => Dialect::IngressNginx,
        Speaks::Traefik => Dialect::Traefik,
        Speaks::Caddy => Dialect::Caddy,
        Speaks::Haproxy => Dialect::Haproxy,
        Speaks::Envoy => Dialect::Envoy { prefix },
        Speaks::GatewayApi => Dialect::GatewayApi { prefix },
        Speaks::EnvoyGrpc => Dialect::EnvoyGrpc,
        Speaks::Spop => Dialect::Spop,
    })
}

fn read_peers(section: &mut Section<'_>) -> Cidrs {
    let origin = section.origin_of("trusted_peers");
    let peers = section.cidrs("trusted_peers");
    // SECURITY: whoever is believed can say that any call is a call to a public route.
    if peers.is_empty() {
        section.error(
            origin,
            "`trusted_peers` is empty, so nobody may ask",
            "Name the addresses of the servers that ask: trusted_peers = [\"10.0.0.7\"].",
        );
    }
    if peers.iter().any(|block| block.prefix_len() == 0) {
        section.error(
            origin,
            "`trusted_peers` holds everybody",
            "Name the addresses of the servers that ask, or the network they are in.",
        );
    }
    peers
}

fn read_reuse(section: &mut Section<'_>) -> Option<Duration> {
    let origin = section.origin_of("cache");
    let reuse = section.duration("cache", Duration::ZERO);
    if reuse > LONGEST_REUSE || reuse.subsec_nanos() != 0 {
        section.error(
            origin,
            "`cache` is not a number of seconds up to 30",
            "Write for example \"5s\". It delays every revocation by as much.",
        );
    }
    Some(reuse).filter(|reuse| !reuse.is_zero())
}
