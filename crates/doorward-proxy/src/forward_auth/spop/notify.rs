//! A question: one message whose arguments tell the original request.

use std::net::IpAddr;

use doorward_core::net::ClientAddress;
use doorward_core::request::RequestFault;
use http::header::{HOST, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};

use super::frame::{Reader, Value};
use crate::forward_auth::original::{Original, Told, target};

/// What a question tells.
pub(super) struct Tale {
    pub(super) client: ClientAddress,
    pub(super) original: Original,
    pub(super) headers: HeaderMap,
}

/// The arguments of the message.
#[derive(Default)]
struct Arguments<'b> {
    method: Option<&'b [u8]>,
    path: Option<&'b [u8]>,
    headers: Option<&'b [u8]>,
    src: Option<IpAddr>,
    https: Option<bool>,
}

/// Reads the payload of a NOTIFY.
pub(super) fn read(payload: &[u8]) -> Result<Tale, RequestFault> {
    let arguments = Arguments::read(payload)?;
    let missing = RequestFault::OriginalMissing;
    let method = arguments.method.ok_or(missing("method"))?;
    let path = arguments.path.ok_or(missing("path and query"))?;
    let https = arguments.https.ok_or(missing("scheme"))?;
    let client = arguments.src.ok_or(missing("client address"))?;
    let mut headers = read_headers(arguments.headers.ok_or(missing("headers"))?)?;
    let target = target(path)?;
    let host = {
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().ok_or(missing("host"))?.clone();
        if hosts.next().is_some() {
            return Err(RequestFault::TwoHosts);
        }
        host
    };
    headers.remove(HOST);
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = Method::from_bytes(method).map_err(|_| RequestFault::MethodRefused)?;
    parts.uri = Uri::from(target.clone());
    parts.headers = headers;
    let original = Original {
        method: parts.method.clone(),
        https,
        host,
        target,
    };
    Told::by(&parts, &[])?.agrees(&original)?;
    Ok(Tale {
        client: ClientAddress::new(client),
        original,
        headers: parts.headers,
    })
}

impl<'b> Arguments<'b> {
    /// Reads one message, and nothing behind it.
    fn read(payload: &'b [u8]) -> Result<Self, RequestFault> {
        let malformed = RequestFault::OriginalMalformed("message");
        let mut reader = Reader(payload);
        let mut all = Self::default();
        let _name = reader.text().ok_or(malformed)?;
        for _ in 0..reader.byte().ok_or(malformed)? {
            let name = reader.text().ok_or(malformed)?;
            let value = reader.value().ok_or(malformed)?;
            let there = match (name, value) {
                // HAProxy does not know it.
                (_, Value::Null) => None,
                (b"method", Value::Text(text)) => all.method.replace(text).map(drop),
                (b"path", Value::Text(text)) => all.path.replace(text).map(drop),
                (b"headers", Value::Binary(bytes)) => all.headers.replace(bytes).map(drop),
                (b"src", Value::Address(address)) => all.src.replace(address).map(drop),
                (b"https", Value::Bool(truth)) => all.https.replace(truth).map(drop),
                _ => return Err(malformed),
            };
            if there.is_some() {
                return Err(malformed);
            }
        }
        if reader.0.is_empty() {
            Ok(all)
        } else {
            Err(malformed)
        }
    }
}

/// Reads what `req.hdrs_bin` gives: names and values, and an empty pair at the end.
fn read_headers(bytes: &[u8]) -> Result<HeaderMap, RequestFault> {
    let malformed = RequestFault::OriginalMalformed("header");
    let mut reader = Reader(bytes);
    let mut headers = HeaderMap::new();
    loop {
        let name = reader.text().ok_or(malformed)?;
        let value = reader.text().ok_or(malformed)?;
        if name.is_empty() && value.is_empty() {
            break;
        }
        let name = HeaderName::from_bytes(name).map_err(|_| malformed)?;
        let value = HeaderValue::from_bytes(value).map_err(|_| malformed)?;
        headers.try_append(name, value).map_err(|_| malformed)?;
    }
    if reader.0.is_empty() {
        Ok(headers)
    } else {
        Err(malformed)
    }
}

#[cfg(test)]
mod tests;
