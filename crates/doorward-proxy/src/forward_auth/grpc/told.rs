//! The original request, rebuilt from a message of Envoy's.

use bytes::Bytes;
use doorward_core::net::ClientAddress;
use doorward_core::request::{ManagedHeaders, RequestFault};
use http::header::{CONTENT_LENGTH, HOST, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};

use super::message::{Attributes, CheckRequest, HttpRequest};
use crate::forward_auth::original::{Original, Told, scheme, target};
use crate::transport::parse_address;

/// How Envoy says whether it shows less than the whole body.
const PARTIAL: HeaderName = HeaderName::from_static("x-envoy-auth-partial-body");

/// What a message tells.
pub(super) struct Tale {
    pub(super) client: ClientAddress,
    pub(super) original: Original,
    pub(super) headers: HeaderMap,
    /// The body; none unless it is certain that it is whole.
    pub(super) body: Option<Bytes>,
}

/// Reads a message.
pub(super) fn read(message: CheckRequest, managed: &ManagedHeaders) -> Result<Tale, RequestFault> {
    let missing = RequestFault::OriginalMissing("attributes");
    let Attributes { source, request } = message.attributes.ok_or(missing)?;
    let client = source
        .and_then(|source| source.address?.socket)
        .ok_or(RequestFault::OriginalMissing("client address"))?;
    let client = str::from_utf8(&client.address).ok().and_then(parse_address);
    let client = client.ok_or(RequestFault::OriginalMalformed("client address"))?;
    let mut http = request.and_then(|asked| asked.http).ok_or(missing)?;
    let headers = read_headers(&mut http, managed)?;
    let (original, mut headers) = read_original(&http, headers)?;
    let body = whole_body(&http, &headers);
    headers.remove(PARTIAL);
    Ok(Tale {
        client,
        original,
        headers,
        body,
    })
}

fn read_original(
    http: &HttpRequest,
    headers: HeaderMap,
) -> Result<(Original, HeaderMap), RequestFault> {
    let method = Method::from_bytes(&http.method).map_err(|_| RequestFault::MethodRefused)?;
    if http.path.is_empty() {
        return Err(RequestFault::OriginalMissing("path and query"));
    }
    let target = target(&http.path)?;
    if !http.fragment.is_empty() {
        return Err(RequestFault::RawDelimiter);
    }
    // It is in the path; a second tale of it must be the same.
    let query = target.query().unwrap_or_default();
    if !http.query.is_empty() && http.query != query {
        return Err(RequestFault::OriginalContradiction("path and query"));
    }
    if http.host.is_empty() {
        return Err(RequestFault::OriginalMissing("host"));
    }
    let host = HeaderValue::from_bytes(&http.host).map_err(|_| RequestFault::Host)?;
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = method;
    parts.uri = Uri::from(target.clone());
    parts.version = Version::HTTP_2;
    parts.headers = headers;
    let told = Told::by(&parts, &[])?;
    // SECURITY: over HTTP/2 the caller chooses `:scheme`. X-Forwarded-Proto is Envoy's word.
    let https = told.https()?;
    if scheme(&http.scheme)? != https {
        return Err(RequestFault::OriginalContradiction("scheme"));
    }
    let original = Original {
        method: parts.method.clone(),
        https,
        host,
        target,
    };
    told.agrees(&original)?;
    Ok((original, parts.headers))
}

/// Reads headers from the list, or from the map, but never from both.
fn read_headers(
    http: &mut HttpRequest,
    managed: &ManagedHeaders,
) -> Result<HeaderMap, RequestFault> {
    let listed = http.header_map.take().map(|list| list.headers);
    let mapped = std::mem::take(&mut http.headers);
    let malformed = RequestFault::OriginalMalformed("header");
    let mut headers = Headers::of(http);
    match listed {
        Some(list) if mapped.is_empty() => {
            for header in list {
                let value = match (header.value.is_empty(), header.raw_value.is_empty()) {
                    (_, true) => header.value,
                    (true, false) => header.raw_value,
                    (false, false) => return Err(malformed),
                };
                headers.add(&header.key, value, true)?;
            }
        }
        Some(_) => return Err(malformed),
        None => {
            for entry in mapped {
                // SECURITY: the map joins values with commas and writes `!` for odd bytes. No
                // single credential has either; two could hide in one that has.
                let blurred = entry.value.iter().any(|byte| matches!(byte, b',' | b'!'));
                let credential = str::from_utf8(&entry.key);
                if blurred && credential.is_ok_and(|name| managed.is_credential(name)) {
                    return Err(RequestFault::OriginalMalformed("credential"));
                }
                headers.add(&entry.key, entry.value, false)?;
            }
        }
    }
    Ok(headers.all)
}

/// The headers so far, and what the pseudo headers among them must say.
struct Headers<'m> {
    pseudo: [(&'static [u8], &'m Bytes, bool); 4],
    host: &'m Bytes,
    all: HeaderMap,
}

impl<'m> Headers<'m> {
    fn of(http: &'m HttpRequest) -> Self {
        Self {
            pseudo: [
                (b":method", &http.method, false),
                (b":path", &http.path, false),
                (b":authority", &http.host, false),
                (b":scheme", &http.scheme, false),
            ],
            host: &http.host,
            all: HeaderMap::new(),
        }
    }

    fn add(&mut self, name: &[u8], value: Bytes, may_repeat: bool) -> Result<(), RequestFault> {
        if name.first() == Some(&b':') {
            return self.agree(name, &value);
        }
        let malformed = RequestFault::OriginalMalformed("header");
        let name = HeaderName::from_bytes(name).map_err(|_| malformed)?;
        let value = HeaderValue::from_maybe_shared(value).map_err(|_| malformed)?;
        if name == HOST {
            let same = value.as_bytes().eq_ignore_ascii_case(self.host);
            return same.then_some(()).ok_or(RequestFault::TwoHosts);
        }
        let there = self.all.try_append(name, value).map_err(|_| malformed)?;
        if there && !may_repeat {
            return Err(malformed);
        }
        Ok(())
    }

    fn agree(&mut self, name: &[u8], value: &Bytes) -> Result<(), RequestFault> {
        let known = self.pseudo.iter_mut().find(|(known, ..)| *known == name);
        match known {
            Some((_, told, seen)) if *told == value && !*seen => {
                *seen = true;
                Ok(())
            }
            Some(_) => Err(RequestFault::OriginalContradiction("pseudo header")),
            None => Err(RequestFault::OriginalMalformed("header")),
        }
    }
}

/// The body, if nothing of it is missing or changed.
///
/// SECURITY: Envoy shows no body when it was not told to, or when a route switches that off. So
/// an empty one is believed only where the caller says that there is none, which Envoy enforces;
/// and one that is not empty only where Envoy says once that it is whole. In `body`, which is a
/// string, bytes may have been replaced: it is not believed at all.
fn whole_body(http: &HttpRequest, headers: &HeaderMap) -> Option<Bytes> {
    if !http.body.is_empty() {
        return None;
    }
    let body = http.raw_body.clone();
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = match (lengths.next(), lengths.next()) {
        (None, _) => None,
        (Some(length), None) => Some(digits(length)?),
        (Some(_), Some(_)) => return None,
    };
    if body.is_empty() {
        return (length == Some(0)).then_some(body);
    }
    let mut said = headers.get_all(PARTIAL).iter();
    let whole = said.next().is_some_and(|said| said == "false") && said.next().is_none();
    (whole && length.is_none_or(|length| length == body.len())).then_some(body)
}

fn digits(value: &HeaderValue) -> Option<usize> {
    let text = value.to_str().ok()?;
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests;
