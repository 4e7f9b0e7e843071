//! What proxies in front of us report about a caller.

use doorward_core::net::{Cidrs, ClientAddress};
use doorward_core::request::Transport;
use doorward_proxy::classify;
use http::{HeaderMap, HeaderName, HeaderValue};

/// A line for each header: `f` is X-Forwarded-For, `p` X-Forwarded-Proto, `o` Forwarded.
///
/// Who is not trusted reports nothing; and what stands left of the first address that is not
/// trusted changes nothing.
pub(super) fn run(data: &[u8]) {
    let (Ok(trusted), Ok(near), Ok(far), Ok(caller)) = (
        Cidrs::parse(["10.0.0.0/8", "fd00::/8"]),
        "10.0.0.1".parse(),
        "192.0.2.1".parse(),
        "198.51.100.7".parse::<std::net::IpAddr>(),
    ) else {
        return;
    };
    let (near, far) = (ClientAddress::new(near), ClientAddress::new(far));
    let mut headers = headers(data);
    for tls in [false, true] {
        let strange = classify(far, tls, false, &headers, &trusted);
        assert_eq!(strange.client, far);
        let direct = if tls {
            Transport::Tls
        } else {
            Transport::Plain
        };
        assert_eq!(strange.transport, direct);
    }
    let says_http = headers
        .get_all("x-forwarded-proto")
        .iter()
        .any(|value| value.as_bytes().windows(5).any(|text| text == b"http,"));
    let reported = classify(near, false, false, &headers, &trusted);
    assert!(!says_http || reported.transport == Transport::Plain);
    assert_ne!(reported.transport, Transport::Loopback);

    headers.append("x-forwarded-for", HeaderValue::from_static("198.51.100.7"));
    let reported = classify(near, false, false, &headers, &trusted);
    assert_eq!(reported.client, ClientAddress::new(caller));
    headers.append("x-forwarded-for", HeaderValue::from_static("10.9.9.9"));
    let reported = classify(near, false, false, &headers, &trusted);
    assert_eq!(reported.client, ClientAddress::new(caller));
}

fn headers(data: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(20) {
        let Some((first, value)) = line.split_first() else {
            continue;
        };
        let name = match first {
            b'f' => HeaderName::from_static("x-forwarded-for"),
            b'p' => HeaderName::from_static("x-forwarded-proto"),
            b'o' => HeaderName::from_static("forwarded"),
            _ => continue,
        };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    headers
}
