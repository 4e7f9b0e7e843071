//! The one canonical form of a request: what is matched is what is decided and what is forwarded.

use std::sync::Arc;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TRANSFER_ENCODING,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Version, request};

use crate::client_certificate::ClientCertificate;
use crate::front::Front;
use crate::net::ClientAddress;

mod fault;
mod host;
mod managed;
mod path;
mod query;
mod session;

pub use fault::RequestFault;
pub use host::Host;
pub use managed::ManagedHeaders;
pub use query::{is_presigned_name, spellings_of_parameter, without_credentials};
pub use session::{ServerName, Session};

/// How the bytes of a request came to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// TLS ended here.
    Tls,
    /// Plain HTTP on a listener bound to a loopback address.
    Loopback,
    /// Plain HTTP from a peer that the operator declared to end TLS in front of us.
    TrustedTerminator,
    /// Plain HTTP across a network. Credentials are refused.
    Plain,
}

impl Transport {
    /// Tells whether a credential may arrive this way.
    #[must_use]
    pub const fn may_carry_credentials(self) -> bool {
        !matches!(self, Self::Plain)
    }

    /// The scheme that the caller used, as far as we can tell.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Tls | Self::TrustedTerminator => "https",
            Self::Loopback | Self::Plain => "http",
        }
    }
}

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The caller's address: the socket's, or the one reported by a trusted peer.
    pub client: ClientAddress,
    /// How the bytes came.
    pub transport: Transport,
}

/// A request's head in canonical form. It can only be made by [`RequestHead::canonicalise`].
pub struct RequestHead {
    method: Method,
    host: Host,
    target: PathAndQuery,
    /// The target as sent, where it is spelled differently.
    sent: Option<PathAndQuery>,
    headers: HeaderMap,
    version: Version,
    arrival: Arrival,
    front: Front,
    certificate: Option<Arc<ClientCertificate>>,
    requires_certificate: bool,
    authorization: Option<HeaderValue>,
}

impl RequestHead {
    /// Brings a request into canonical form, or refuses what two parsers could read differently.
    ///
    /// # Errors
    /// The first [`RequestFault`] found. Each is answered with 400.
    pub fn canonicalise(
        parts: request::Parts,
        arrival: Arrival,
        managed: &ManagedHeaders,
    ) -> Result<Self, RequestFault> {
        let form = Form::of(&parts, managed)?;
        form.complete(parts, arrival, (Front::Proxy, None))
    }

    /// Says at which front the call is judged; our reverse proxy when nothing is said.
    #[must_use]
    pub fn at(self, front: Front) -> Self {
        Self { front, ..self }
    }

    /// The front at which the call is judged.
    #[must_use]
    pub const fn front(&self) -> Front {
        self.front
    }

    /// Adds what the connection says.
    ///
    /// # Errors
    /// [`RequestFault::Misdirected`] when the request is for another host than the connection.
    pub fn in_session(self, session: Session) -> Result<Self, RequestFault> {
        session.server_name.check(&self.host)?;
        Ok(Self {
            certificate: session.certificate,
            requires_certificate: session.requires_certificate,
            ..self
        })
    }

    /// Says whether no call passes without a certificate that is trusted and live.
    pub(crate) fn requiring_certificate(self, requires_certificate: bool) -> Self {
        Self {
            requires_certificate,
            ..self
        }
    }

    /// Tells whether no call passes without a certificate that is trusted and live.
    pub(crate) const fn requires_certificate(&self) -> bool {
        self.requires_certificate
    }

    /// The caller's certificate, judged or not.
    #[must_use]
    pub const fn certificate(&self) -> Option<&Arc<ClientCertificate>> {
        self.certificate.as_ref()
    }

    /// The method, byte for byte as sent.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The host and port asked for, in lower case.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The canonical path: starts with `/`, no dot segments, no empty segments, no encoded
    /// separators, unreserved characters unencoded, hex digits in upper case.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.path()
    }

    /// The query, as sent.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.target.query()
    }

    /// Path and query together, as they are forwarded.
    #[must_use]
    pub const fn target(&self) -> &PathAndQuery {
        &self.target
    }

    /// Path and query as the caller spelled them: what a signature covers. Decisions are made
    /// on [`RequestHead::target`], which is the same resource in its one spelling.
    #[must_use]
    pub fn sent_target(&self) -> &PathAndQuery {
        self.sent.as_ref().unwrap_or(&self.target)
    }

    /// The headers, as sent.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The one `Authorization` header, as sent. Every method looks at it.
    #[must_use]
    pub fn authorization(&self) -> Option<&[u8]> {
        self.authorization.as_ref().map(HeaderValue::as_bytes)
    }

    /// The protocol version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Where the request came from.
    #[must_use]
    pub const fn arrival(&self) -> Arrival {
        self.arrival
    }

    /// Gives up the parts that are forwarded: method, target, headers.
    #[must_use]
    pub fn into_parts(self) -> (Method, PathAndQuery, HeaderMap) {
        (self.method, self.target, self.headers)
    }

    /// Tells whether this is a true CORS preflight (Fetch standard, section 3.2.2).
    #[must_use]
    pub fn is_preflight(&self) -> bool {
        self.method == Method::OPTIONS
            && self.headers.contains_key(http::header::ORIGIN)
            && self
                .headers
                .contains_key(http::header::ACCESS_CONTROL_REQUEST_METHOD)
    }
}

/// What is canonical of a request and not in its parts already.
pub(crate) struct Form {
    host: Host,
    /// The target, where the one that was sent was not canonical.
    rewritten: Option<PathAndQuery>,
    authorization: Option<HeaderValue>,
}

impl Form {
    /// Looks at a request without changing it.
    pub(crate) fn of(
        parts: &request::Parts,
        managed: &ManagedHeaders,
    ) -> Result<Self, RequestFault> {
        check_method(&parts.method)?;
        if !matches!(parts.uri.scheme_str(), None | Some("http" | "https")) {
            return Err(RequestFault::TargetForm);
        }
        check_names(parts)?;
        let singular = Singular::of(&parts.headers);
        let host = Host::of(&parts.uri, &singular.host, parts.version)?;
        let rewritten = path::canonical_target(&parts.uri)?;
        singular.check_framing(parts.version)?;
        if singular.authorization.count > 1 {
            return Err(RequestFault::Duplicate("Authorization"));
        }
        if singular.connection.count > MAX_CONNECTION_FIELDS {
            return Err(RequestFault::ConnectionNominates);
        }
        if singular.connection.count > 0 {
            managed.check_connection(&parts.headers)?;
        }
        Ok(Self {
            host,
            rewritten,
            authorization: singular.authorization.value.cloned(),
        })
    }

    /// Refuses a request for another host than its connection was made for.
    pub(crate) fn check_server_name(self, name: &ServerName) -> Result<Self, RequestFault> {
        name.check(&self.host)?;
        Ok(self)
    }

    /// Makes the head.
    pub(crate) fn complete(
        self,
        parts: request::Parts,
        arrival: Arrival,
        (front, certificate): (Front, Option<Arc<ClientCertificate>>),
    ) -> Result<RequestHead, RequestFault> {
        let sent = parts.uri.into_parts().path_and_query;
        let (target, sent) = match self.rewritten {
            Some(target) => (target, sent),
            None => (sent.ok_or(RequestFault::TargetForm)?, None),
        };
        // SECURITY: of `http://host#x` the parser leaves a target that reads `/` and is written
        // as nothing at all.
        let target = match target.as_str() {
            "/" => PathAndQuery::from_static("/"),
            _ => target,
        };
        Ok(RequestHead {
            method: parts.method,
            host: self.host,
            target,
            sent,
            headers: parts.headers,
            version: parts.version,
            arrival,
            front,
            certificate,
            requires_certificate: false,
            authorization: self.authorization,
        })
    }
}

/// Looks at the framing that the headers of a message in HTTP/1.1 announce: of a message that
/// another server has read, and will pass on.
///
/// # Errors
/// [`RequestFault::Framing`] for what two servers may read differently (RFC 9112 section 6.3).
pub fn check_framing(headers: &HeaderMap) -> Result<(), RequestFault> {
    Singular::of(headers).check_framing(Version::HTTP_11)
}

/// The longest method that is accepted, in bytes. The longest registered one has 17.
const MAX_METHOD_LEN: usize = 32;

/// How many `Connection` fields are read.
const MAX_CONNECTION_FIELDS: usize = 8;

/// Refuses methods that tunnel or echo, and spellings that another parser may fold to a method.
fn check_method(method: &Method) -> Result<(), RequestFault> {
    if *method == Method::CONNECT || *method == Method::TRACE {
        return Err(RequestFault::MethodRefused);
    }
    if method.as_str().len() > MAX_METHOD_LEN {
        return Err(RequestFault::MethodRefused);
    }
    if method
        .as_str()
        .bytes()
        .all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_')
    {
        Ok(())
    } else {
        Err(RequestFault::MethodRefused)
    }
}

/// Refuses names that are no tokens. The parser of HTTP/1 has done so; that of HTTP/2 lets a
/// quotation mark pass (RFC 9110 section 5.6.2).
fn check_names(parts: &request::Parts) -> Result<(), RequestFault> {
    let is_odd = |name: &HeaderName| name.as_str().contains('"');
    if parts.version >= Version::HTTP_2 && parts.headers.keys().any(is_odd) {
        return Err(RequestFault::HeaderName);
    }
    Ok(())
}

/// The headers that have one meaning, as one pass over a head finds them.
#[derive(Default)]
struct Singular<'h> {
    host: Field<'h>,
    authorization: Field<'h>,
    connection: Field<'h>,
    coding: Field<'h>,
    length: Field<'h>,
}

/// How often a header is there, and its last value.
#[derive(Default)]
struct Field<'h> {
    value: Option<&'h HeaderValue>,
    count: usize,
}

impl<'h> Field<'h> {
    fn note(&mut self, value: &'h HeaderValue) {
        self.value = Some(value);
        self.count += 1;
    }
}

impl<'h> Singular<'h> {
    fn of(headers: &'h HeaderMap) -> Self {
        let mut found = Self::default();
        for (name, value) in headers {
            if *name == HOST {
                found.host.note(value);
            } else if *name == AUTHORIZATION {
                found.authorization.note(value);
            } else if *name == CONNECTION {
                found.connection.note(value);
            } else if *name == CONTENT_LENGTH {
                found.length.note(value);
            } else if *name == TRANSFER_ENCODING {
                found.coding.note(value);
            }
        }
        found
    }

    /// Refuses message framing that two servers may read differently (RFC 9112 section 6.3).
    fn check_framing(&self, version: Version) -> Result<(), RequestFault> {
        if let Some(coding) = self.coding.value {
            // SECURITY: only the exact coding, once, alone: everything else is a smuggling vector.
            let chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
            let alone = self.coding.count == 1 && self.length.count == 0;
            if !chunked || !alone || version != Version::HTTP_11 {
                return Err(RequestFault::Framing);
            }
        }
        if let Some(length) = self.length.value {
            // SECURITY: some servers read a number that begins with 0 as an octal one.
            let octal = length.len() > 1 && length.as_bytes().starts_with(b"0");
            let digits = !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit);
            if !digits || octal || self.length.count > 1 {
                return Err(RequestFault::Framing);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
