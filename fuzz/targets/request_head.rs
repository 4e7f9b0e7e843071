//! The canonical form of a whole request head.

use std::net::Ipv4Addr;

use doorward_core::RequestHead;
use doorward_core::net::ClientAddress;
use doorward_core::request::{Arrival, ManagedHeaders, Transport};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Method, Request, Version, request};

/// What passes has one method, one host, one path, one length and at most one Authorization
/// header, and canonicalising it again changes nothing.
pub(super) fn run(data: &[u8]) {
    let managed = ManagedHeaders::new(["x-tenant"], ["x-api-key"]);
    let Some(head) = parts(data).and_then(|parts| canonicalise(parts, &managed)) else {
        return;
    };
    assert_ne!(*head.method(), Method::CONNECT);
    assert_ne!(*head.method(), Method::TRACE);
    let host = head.host().as_str().to_owned();
    assert!(!host.is_empty() && !host.bytes().any(|b| b.is_ascii_uppercase()));
    assert!(
        !host.contains(['@', '/', '\\', ' ', '?', '#', ',']),
        "{host:?}"
    );
    let count = |name| head.headers().get_all(name).iter().count();
    assert!(count(AUTHORIZATION) <= 1 && count(HOST) <= 1);
    assert!(count(CONTENT_LENGTH) + count(TRANSFER_ENCODING) <= 1);
    let path = head.path();
    assert!(path.starts_with('/'));
    for forbidden in ["//", "/./", "/../", "\\", ";", "%2F", "%5C", "%00", "%2E"] {
        assert!(!path.contains(forbidden), "{path:?} holds {forbidden:?}");
    }
    for value in head.headers().get_all("connection") {
        for name in value.to_str().unwrap_or_default().split(',') {
            let name = name.trim();
            assert!(name.is_empty() || !managed.is_managed(name), "{name:?}");
            assert!(!managed.is_credential(name), "{name:?}");
        }
    }

    let version = head.version();
    let (method, target, headers) = head.into_parts();
    let mut again = Request::new(()).into_parts().0;
    again.method = method.clone();
    again.uri = target.clone().into();
    again.version = version;
    again.headers = headers;
    if let Ok(host) = HeaderValue::from_str(&host) {
        again.headers.insert(HOST, host);
    }
    let again = canonicalise(again, &managed);
    let again = again.map(|head| (head.host().as_str().to_owned(), head.target().clone()));
    assert_eq!(again, Some((host, target)));
}

fn canonicalise(parts: request::Parts, managed: &ManagedHeaders) -> Option<RequestHead> {
    let arrival = Arrival {
        client: ClientAddress::new(Ipv4Addr::LOCALHOST.into()),
        transport: Transport::Tls,
    };
    RequestHead::canonicalise(parts, arrival, managed).ok()
}

/// A request line and a line for each header.
fn parts(data: &[u8]) -> Option<request::Parts> {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut line = lines.next()?.split(|byte| *byte == b' ');
    let mut parts = Request::new(()).into_parts().0;
    parts.method = Method::from_bytes(line.next()?).ok()?;
    parts.uri = line.next()?.try_into().ok()?;
    parts.version = match line.next()? {
        b"HTTP/2.0" => Version::HTTP_2,
        b"HTTP/1.0" => Version::HTTP_10,
        _ => Version::HTTP_11,
    };
    for line in lines.take(100) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at_checked(colon)?;
        let name = HeaderName::from_bytes(name).ok()?;
        let value = HeaderValue::from_bytes(value.get(1..)?.trim_ascii()).ok()?;
        parts.headers.append(name, value);
    }
    Some(parts)
}
