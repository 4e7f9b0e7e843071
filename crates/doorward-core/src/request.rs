//! The one canonical form of a request: what is matched is what is decided and what is forwarded.

use std::sync::Arc;

use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Version, request};

use crate::client_certificate::ClientCertificate;
use crate::front::Front;
use crate::net::ClientAddress;

mod fault;
mod host;
mod managed;
mod path;
mod session;

pub use fault::RequestFault;
pub use host::Host;
pub use managed::ManagedHeaders;
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
    headers: HeaderMap,
    version: Version,
    arrival: Arrival,
    front: Front,
    certificate: Option<Arc<ClientCertificate>>,
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
        let request::Parts {
            method,
            uri,
            version,
            headers,
            ..
        } = parts;
        check_method(&method)?;
        if !matches!(uri.scheme_str(), None | Some("http" | "https")) {
            return Err(RequestFault::TargetForm);
        }
        let host = Host::of(&uri, &headers, version)?;
        let target = path::canonical_target(&uri)?;
        check_framing(&headers, version)?;
        check_single(&headers)?;
        managed.check_connection(&headers)?;
        Ok(Self {
            method,
            host,
            target,
            headers,
            version,
            arrival,
            front: Front::Proxy,
            certificate: None,
        })
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
            ..self
        })
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

    /// The headers, as sent.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
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

/// The longest method that is accepted, in bytes. The longest registered one has 17.
const MAX_METHOD_LEN: usize = 32;

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

/// Refuses message framing that two servers may read differently (RFC 9112 section 6.3).
fn check_framing(headers: &HeaderMap, version: Version) -> Result<(), RequestFault> {
    if let Some(coding) = headers.get(TRANSFER_ENCODING) {
        // SECURITY: only the exact coding, once, alone: everything else is a smuggling vector.
        let chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
        let alone = headers.get_all(TRANSFER_ENCODING).iter().count() == 1;
        if !chunked || !alone || version != Version::HTTP_11 || headers.contains_key(CONTENT_LENGTH)
        {
            return Err(RequestFault::Framing);
        }
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    if let Some(length) = lengths.next() {
        let digits = !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit);
        if !digits || lengths.next().is_some() {
            return Err(RequestFault::Framing);
        }
    }
    Ok(())
}

/// Refuses a second copy of a header that has one meaning.
fn check_single(headers: &HeaderMap) -> Result<(), RequestFault> {
    for (name, text) in [(AUTHORIZATION, "Authorization"), (HOST, "Host")] {
        if headers.get_all(name).iter().nth(1).is_some() {
            return Err(RequestFault::Duplicate(text));
        }
    }
    if headers.get_all(CONNECTION).iter().count() > 8 {
        return Err(RequestFault::ConnectionNominates);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
