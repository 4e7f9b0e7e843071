//! Headers that only Doorward may set towards an upstream.

use std::sync::LazyLock;

use http::HeaderMap;
use http::header::{AUTHORIZATION, CONNECTION, HeaderName};

use super::RequestFault;

/// Names that carry identity or routing trust in some product, in folded form. A trailing `*`
/// stands for any ending.
const ALWAYS: &[&str] = &[
    "x-doorward",
    "x-doorward-*",
    "doorward-*",
    "x-user",
    "x-user-*",
    "x-username",
    "x-userid",
    "x-userinfo",
    "x-remote-*",
    "remote-user",
    "remote-name",
    "remote-email",
    "remote-groups",
    "x-auth-request-*",
    "x-auth-user*",
    "x-authenticated-*",
    "x-consumer-*",
    "x-credential-*",
    "x-anonymous-consumer",
    "x-subject",
    "x-sub",
    "x-uid",
    "x-email",
    "x-identity",
    "x-claims-*",
    "x-auth-email",
    "x-auth-subject",
    "x-authentik-*",
    "x-vouch-*",
    "cf-access-authenticated-user-email",
    "x-ms-token-*",
    "x-principal",
    "x-scope",
    "x-scopes",
    "x-role",
    "x-roles",
    "x-groups",
    "x-webauth-*",
    "x-goog-authenticated-*",
    "x-goog-iap-jwt-assertion",
    "x-ms-client-principal*",
    "x-amzn-oidc-*",
    "x-pomerium-*",
    "x-jwt-*",
    "x-id-token",
    "x-access-token",
    "x-raw-id-token",
    "x-ssl-*",
    "ssl-client-*",
    "x-client-cert*",
    "x-client-verify",
    "x-client-dn",
    "client-cert",
    "client-cert-chain",
    "x-client-ssl-*",
    "x-tls-client-*",
    "x-mtls-*",
    "x-amzn-mtls-*",
    "x-arr-clientcert*",
    "cf-client-cert-*",
    "x-forwarded",
    "x-forwarded-*",
    "forwarded",
    "x-host",
    "remote-addr",
    "fastly-client-ip",
    "x-azure-clientip",
    "x-real-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "cf-connecting-ip",
    "x-original-*",
    "x-rewrite-url",
    "x-envoy-*",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];

/// Names that look managed and are not: gRPC-Web's user agent.
const NEVER: &[&str] = &["x-user-agent"];

/// Headers that mean something to the connection and may be nominated by `Connection`.
const NOMINABLE: &[&str] = &[
    "close",
    "keep-alive",
    "upgrade",
    "te",
    "http2-settings",
    "trailer",
];

/// Headers whose loss would change who the caller is or where a message ends.
const PROTECTED: &[&str] = &[
    "authorization",
    "cookie",
    "host",
    "content-length",
    "transfer-encoding",
    "content-type",
    "origin",
    "expect",
];

/// Names that mean something in exactly this spelling. Under any other spelling that a CGI-like
/// upstream folds to them, they are deleted.
const EXACT: &[&str] = &[
    "authorization",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "proxy-authorization",
    "transfer-encoding",
];

/// The set of header names that callers may not send through.
///
/// Names are compared folded: letter case, `_` and `.` make no difference, because CGI-like
/// upstreams see `X_User`, `X.User` and `X-User` as one variable.
#[derive(Clone, Debug, Default)]
pub struct ManagedHeaders {
    extra: Vec<Vec<u8>>,
    credentials: Vec<Credential>,
}

/// A header that carries a credential.
#[derive(Clone, Debug)]
struct Credential {
    name: String,
    folded: Vec<u8>,
}

impl ManagedHeaders {
    /// Makes the set: the built-in names, `extra` names (a trailing `*` is allowed), and the
    /// `credentials` headers that carry API keys.
    #[must_use]
    pub fn new<'t>(
        extra: impl IntoIterator<Item = &'t str>,
        credentials: impl IntoIterator<Item = &'t str>,
    ) -> Self {
        let fold_all = |text: &str| text.bytes().map(fold).collect();
        Self {
            extra: extra.into_iter().map(fold_all).collect(),
            credentials: credentials
                .into_iter()
                .map(|name| Credential {
                    name: name.to_owned(),
                    folded: fold_all(name),
                })
                .collect(),
        }
    }

    /// Tells whether a header is deleted before forwarding because only we may set it, or
    /// because it is a second spelling of a header that was judged.
    #[must_use]
    pub fn is_managed(&self, name: &str) -> bool {
        BUILT_IN.is_managed(name).unwrap_or_else(|| {
            // SECURITY: `x_api_key` was not judged, and is `X-API-Key` to some upstreams, also
            // where the credential is passed on.
            (self.is_credential(name) && !self.is_judged(name))
                || self.extra.iter().any(|pattern| matches(name, pattern))
        })
    }

    /// Tells whether a header carries a credential of ours, under any alias.
    #[must_use]
    pub fn is_credential(&self, name: &str) -> bool {
        folded_eq(name, b"authorization")
            || self
                .credentials
                .iter()
                .any(|credential| folded_eq(name, &credential.folded))
    }

    /// Tells whether a credential is looked for under exactly this name.
    fn is_judged(&self, name: &str) -> bool {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        is("authorization") || self.credentials.iter().any(|known| is(&known.name))
    }

    /// Tells whether a caller's header ends at the gate: only we may set it, or it carries a
    /// credential that is not to be passed on.
    #[must_use]
    pub fn ends_here(&self, name: &HeaderName, pass_credential: bool) -> bool {
        self.is_managed(name.as_str())
            || (!pass_credential && (*name == AUTHORIZATION || self.is_credential(name.as_str())))
    }

    /// Refuses a `Connection` header that would make a proxy drop a header that matters.
    pub(super) fn check_connection(&self, headers: &HeaderMap) -> Result<(), RequestFault> {
        for value in headers.get_all(CONNECTION) {
            let text = value
                .to_str()
                .map_err(|_| RequestFault::ConnectionNominates)?;
            for name in text
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
            {
                if NOMINABLE
                    .iter()
                    .any(|known| name.eq_ignore_ascii_case(known))
                {
                    continue;
                }
                let protected = PROTECTED.iter().any(|p| folded_eq(name, p.as_bytes()));
                if protected
                    || self.is_managed(name)
                    || self.is_credential(name)
                    || HeaderName::from_bytes(name.as_bytes()).is_err()
                {
                    return Err(RequestFault::ConnectionNominates);
                }
            }
        }
        Ok(())
    }
}

/// The built-in names by a hash of their beginning: every header of every request is looked up.
static BUILT_IN: LazyLock<BuiltIn> = LazyLock::new(BuiltIn::new);

struct BuiltIn([Vec<BuiltInName>; BuiltIn::BUCKETS]);

#[derive(Clone, Copy)]
enum BuiltInName {
    Never(&'static [u8]),
    Exact(&'static str),
    Always(&'static [u8]),
}

impl BuiltIn {
    const BUCKETS: usize = 64;

    fn new() -> Self {
        let mut buckets = [const { Vec::new() }; Self::BUCKETS];
        let never = NEVER.iter().map(|n| BuiltInName::Never(n.as_bytes()));
        let exact = EXACT.iter().map(|n| BuiltInName::Exact(n));
        let always = ALWAYS.iter().map(|n| BuiltInName::Always(n.as_bytes()));
        for name in never.chain(exact).chain(always) {
            let text = match name {
                BuiltInName::Never(text) | BuiltInName::Always(text) => text,
                BuiltInName::Exact(text) => text.as_bytes(),
            };
            if let Some(bucket) = buckets.get_mut(Self::bucket(text)) {
                bucket.push(name);
            }
        }
        Self(buckets)
    }

    /// The bucket of a name: by its first letter, or by its third where it begins with `x-`. No
    /// pattern has its `*` before that.
    fn bucket(name: &[u8]) -> usize {
        let at = |n: usize| name.get(n).map_or(0, |byte| fold(*byte));
        let letter = |byte: u8| usize::from(byte & 31);
        match (at(0), at(1)) {
            (b'x', b'-') => 32 + letter(at(2)),
            (first, _) => letter(first),
        }
    }

    /// Tells whether a name is managed; `None` when no built-in name says so.
    fn is_managed(&self, name: &str) -> Option<bool> {
        let bucket = self.0.get(Self::bucket(name.as_bytes()))?;
        bucket.iter().find_map(|known| match known {
            BuiltInName::Never(never) => folded_eq(name, never).then_some(false),
            BuiltInName::Exact(exact) => {
                (name != *exact && folded_eq(name, exact.as_bytes())).then_some(true)
            }
            BuiltInName::Always(pattern) => matches(name, pattern).then_some(true),
        })
    }
}

const fn fold(byte: u8) -> u8 {
    match byte {
        b'_' | b'.' => b'-',
        other => other.to_ascii_lowercase(),
    }
}

fn folded_eq(name: &str, folded: &[u8]) -> bool {
    name.len() == folded.len() && name.bytes().map(fold).eq(folded.iter().copied())
}

fn matches(name: &str, pattern: &[u8]) -> bool {
    match pattern.strip_suffix(b"*") {
        None => folded_eq(name, pattern),
        Some(start) => {
            name.len() >= start.len() && name.bytes().map(fold).zip(start).all(|(a, b)| a == *b)
        }
    }
}
