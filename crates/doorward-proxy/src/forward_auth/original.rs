//! The original request, rebuilt from what a front tells.

use doorward_core::net::{Cidrs, ClientAddress};
use doorward_core::request::RequestFault;
use http::header::{CONTENT_LENGTH, HOST, HeaderName, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};

use crate::transport::parse_address;

const TARGET: &str = "path and query";
const METHOD: &str = "method";
const HOST_PART: &str = "host";
const SCHEME: &str = "scheme";
const CLIENT: &str = "client address";

/// What a caller asked a front for, as the front tells it. Nothing of it is canonical yet.
pub(super) struct Original {
    pub(super) method: Method,
    pub(super) https: bool,
    pub(super) host: HeaderValue,
    pub(super) target: PathAndQuery,
}

/// The headers by which a front tells the original request.
pub(super) struct Told<'r> {
    asked: &'r Parts,
    /// The first value of each of [`WORDS`].
    first: [Option<&'r HeaderValue>; WORDS.len()],
    /// Whether it is the only one.
    doubled: [bool; WORDS.len()],
}

impl<'r> Told<'r> {
    /// Takes a front's question, which must come with one of `methods`; with any that does not
    /// tunnel when there are none.
    pub(super) fn by(asked: &'r Parts, methods: &[Method]) -> Result<Self, RequestFault> {
        // SECURITY: a success in answer to CONNECT would open a tunnel.
        let tunnels = asked.method == Method::CONNECT || asked.method == Method::TRACE;
        if tunnels || !(methods.is_empty() || methods.contains(&asked.method)) {
            return Err(RequestFault::MethodRefused);
        }
        let absolute = asked.uri.scheme().is_some() || asked.uri.authority().is_some();
        let path = asked.uri.path_and_query().map(PathAndQuery::as_str);
        let path = path.is_some_and(|path| path.starts_with('/'));
        if !path || (absolute && asked.version < Version::HTTP_2) {
            return Err(RequestFault::TargetForm);
        }
        let mut told = Self {
            asked,
            first: [None; WORDS.len()],
            doubled: [false; WORDS.len()],
        };
        for (name, value) in &asked.headers {
            check_alias(name)?;
            told.hear(name, value);
        }
        Ok(told)
    }

    /// Takes down one header, if it tells anything.
    fn hear(&mut self, name: &HeaderName, value: &'r HeaderValue) {
        let Some(at) = place(name.as_str()) else {
            return;
        };
        if let (Some(first), Some(doubled)) = (self.first.get_mut(at), self.doubled.get_mut(at)) {
            *doubled = first.is_some();
            first.get_or_insert(value);
        }
    }

    /// The method that one of these headers tells.
    pub(super) fn method(&self, names: &[&str]) -> Result<Method, RequestFault> {
        let value = self.one_of(names, METHOD)?;
        Method::from_bytes(value.as_bytes()).map_err(|_| RequestFault::MethodRefused)
    }

    /// The path and query that one of these headers tells.
    pub(super) fn target(&self, names: &[&str]) -> Result<PathAndQuery, RequestFault> {
        target(self.one_of(names, TARGET)?.as_bytes())
    }

    /// Scheme, host and target of a header that tells all three as one URL.
    pub(super) fn url(
        &self,
        name: &str,
    ) -> Result<(&'r [u8], HeaderValue, PathAndQuery), RequestFault> {
        split_url(self.one_of(&[name], "URL")?)
    }

    /// Whether `X-Forwarded-Proto` tells of TLS.
    pub(super) fn https(&self) -> Result<bool, RequestFault> {
        scheme(self.one_of(&["x-forwarded-proto"], SCHEME)?.as_bytes())
    }

    /// The host of the question itself.
    pub(super) fn own_host(&self) -> Result<HeaderValue, RequestFault> {
        let header = one(&self.asked.headers, &HOST, HOST_PART)?;
        match (self.asked.uri.authority(), header) {
            (None, None) => Err(RequestFault::OriginalMissing(HOST_PART)),
            (None, Some(header)) => Ok(header.clone()),
            (Some(own), Some(header))
                if !own
                    .as_str()
                    .as_bytes()
                    .eq_ignore_ascii_case(header.as_bytes()) =>
            {
                Err(RequestFault::TwoHosts)
            }
            (Some(own), _) => HeaderValue::from_str(own.as_str()).map_err(|_| RequestFault::Host),
        }
    }

    /// The path and query of the question itself, after a prefix.
    pub(super) fn own_target(&self, prefix: &str) -> Result<PathAndQuery, RequestFault> {
        let own = self.asked.uri.path_and_query();
        let own = own.ok_or(RequestFault::TargetForm)?.as_str();
        let rest = own.strip_prefix(prefix);
        target(
            rest.ok_or(RequestFault::OriginalMalformed(TARGET))?
                .as_bytes(),
        )
    }

    /// Refuses a question in which another header tells something else than was found.
    ///
    /// SECURITY: such headers may be a caller's. Which of two tales is the front's must not be
    /// guessed.
    pub(super) fn agrees(&self, original: &Original) -> Result<(), RequestFault> {
        let differs = |names: &[&str], same: &dyn Fn(&HeaderValue) -> bool| {
            let mut values = names.iter().filter_map(|name| place(name));
            values.any(|at| {
                let first = self.first.get(at).copied().flatten();
                // Of two that are the same, both agree; of others, one cannot.
                let doubled = self.doubled.get(at).is_some_and(|doubled| *doubled);
                first.is_some_and(|first| !same(first) || (doubled && !self.all_of(at).all(same)))
            })
        };
        let path = original.target.as_str().as_bytes();
        let host = original.host.as_bytes();
        let same_url = |value: &HeaderValue| {
            value.as_bytes() == path
                || split_url(value).is_ok_and(|(told, name, target)| {
                    scheme(told) == Ok(original.https)
                        && name.as_bytes().eq_ignore_ascii_case(host)
                        && target == original.target
                })
        };
        let checks: [(bool, &'static str); 5] = [
            (differs(URIS, &|v| v.as_bytes() == path), TARGET),
            (differs(&["x-original-url"], &same_url), "URL"),
            (
                differs(METHODS, &|v| {
                    v.as_bytes() == original.method.as_str().as_bytes()
                }),
                METHOD,
            ),
            (
                differs(HOSTS, &|v| v.as_bytes().eq_ignore_ascii_case(host)),
                HOST_PART,
            ),
            (
                differs(SCHEMES, &|v| scheme(v.as_bytes()) == Ok(original.https)),
                SCHEME,
            ),
        ];
        match checks.into_iter().find(|(differs, _)| *differs) {
            Some((_, part)) => Err(RequestFault::OriginalContradiction(part)),
            None => Ok(()),
        }
    }

    fn all_of(&self, at: usize) -> impl Iterator<Item = &HeaderValue> {
        let name = WORDS.get(at).copied().unwrap_or_default();
        self.asked.headers.get_all(name).iter()
    }

    /// The one value of the first of these headers that is there.
    fn one_of(&self, names: &[&str], part: &'static str) -> Result<&'r HeaderValue, RequestFault> {
        for at in names.iter().filter_map(|name| place(name)) {
            if self.doubled.get(at).is_some_and(|doubled| *doubled) {
                return Err(RequestFault::OriginalMalformed(part));
            }
            if let Some(value) = self.first.get(at).copied().flatten() {
                return Ok(value);
            }
        }
        Err(RequestFault::OriginalMissing(part))
    }
}

/// Everything that some server takes for a part of the original request.
const WORDS: [&str; 11] = [
    "x-original-uri",
    "x-forwarded-uri",
    "x-rewrite-url",
    "x-original-url",
    "x-original-method",
    "x-forwarded-method",
    "x-forwarded-host",
    "x-original-host",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-original-proto",
];

/// The place of a name among [`WORDS`].
fn place(name: &str) -> Option<usize> {
    let rest = name.strip_prefix("x-")?;
    WORDS.iter().position(|word| word.get(2..) == Some(rest))
}

/// Everything that some server takes for the original path.
const URIS: &[&str] = &["x-original-uri", "x-forwarded-uri", "x-rewrite-url"];
/// Everything that some server takes for the original method.
const METHODS: &[&str] = &["x-original-method", "x-forwarded-method"];
/// Everything that some server takes for the original host.
const HOSTS: &[&str] = &["x-forwarded-host", "x-original-host"];
/// Everything that some server takes for the original scheme.
const SCHEMES: &[&str] = &[
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-original-proto",
];

impl Original {
    /// An original request whose host and scheme are told by `X-Forwarded-Host` and `-Proto`.
    pub(super) fn from_headers(
        told: &Told<'_>,
        method: Method,
        target: PathAndQuery,
    ) -> Result<Self, RequestFault> {
        let original = Self {
            method,
            https: told.https()?,
            host: told.one_of(&["x-forwarded-host"], HOST_PART)?.clone(),
            target,
        };
        told.agrees(&original)?;
        Ok(original)
    }

    /// The head of the original request. Its headers are those of the question, but for the host
    /// and for what frames the question itself.
    pub(super) fn into_parts(self, mut headers: HeaderMap) -> Parts {
        headers.remove(CONTENT_LENGTH);
        headers.remove(TRANSFER_ENCODING);
        headers.insert(HOST, self.host);
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = self.method;
        parts.uri = Uri::from(self.target);
        parts.headers = headers;
        parts
    }
}

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The caller's address: the rightmost of `X-Forwarded-For` that is no front's.
pub(super) fn client(headers: &HeaderMap, peers: &Cidrs) -> Result<ClientAddress, RequestFault> {
    let mut last = None;
    for value in headers.get_all(&FORWARDED_FOR).iter().rev() {
        for part in value.as_bytes().rsplit(|byte| *byte == b',') {
            let text = str::from_utf8(part).unwrap_or_default();
            let address = parse_address(text.trim());
            let address = address.ok_or(RequestFault::OriginalMalformed(CLIENT))?;
            if !peers.contains(address) {
                return Ok(address);
            }
            last = Some(address);
        }
    }
    last.ok_or(RequestFault::OriginalMissing(CLIENT))
}

/// Tells whether a scheme is that of TLS.
pub(super) fn scheme(text: &[u8]) -> Result<bool, RequestFault> {
    match text {
        b"https" | b"wss" => Ok(true),
        b"http" | b"ws" => Ok(false),
        _ => Err(RequestFault::OriginalMalformed(SCHEME)),
    }
}

/// Reads a path with its query.
pub(super) fn target(text: &[u8]) -> Result<PathAndQuery, RequestFault> {
    // `*`, an absolute form, an authority, nothing.
    if text.first() != Some(&b'/') {
        return Err(RequestFault::TargetForm);
    }
    // SECURITY: the parser would cut a fragment off in silence.
    if text.contains(&b'#') {
        return Err(RequestFault::RawDelimiter);
    }
    PathAndQuery::try_from(text).map_err(|_| RequestFault::OriginalMalformed(TARGET))
}

fn split_url(value: &HeaderValue) -> Result<(&[u8], HeaderValue, PathAndQuery), RequestFault> {
    let malformed = RequestFault::OriginalMalformed("URL");
    let text = value.as_bytes();
    let colon = text
        .windows(3)
        .position(|three| three == b"://")
        .ok_or(malformed)?;
    let rest = text.get(colon + 3..).ok_or(malformed)?;
    let slash = rest
        .iter()
        .position(|byte| *byte == b'/')
        .unwrap_or(rest.len());
    let (host, path) = rest.split_at(slash);
    let host = HeaderValue::from_bytes(host).map_err(|_| malformed)?;
    Ok((text.get(..colon).ok_or(malformed)?, host, target(path)?))
}

/// The value of a header that may be there once.
fn one<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    part: &'static str,
) -> Result<Option<&'h HeaderValue>, RequestFault> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(RequestFault::OriginalMalformed(part)),
        (value, None) => Ok(value),
    }
}

/// Refuses headers that an upstream may take for ours although no front overwrites them:
/// `X_Doorward_Subject` is the same variable as `X-Doorward-Subject` to CGI.
fn check_alias(name: &HeaderName) -> Result<(), RequestFault> {
    if !name
        .as_str()
        .bytes()
        .any(|byte| matches!(byte, b'_' | b'.'))
    {
        return Ok(());
    }
    let folded = name.as_str().replace(['_', '.'], "-");
    if folded.starts_with("x-doorward") || folded.starts_with("doorward-") {
        return Err(RequestFault::IdentityAlias);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
