//! The canonical form of a request's target.

use std::net::Ipv4Addr;

use doorward_core::RequestHead;
use doorward_core::net::ClientAddress;
use doorward_core::request::{Arrival, ManagedHeaders, Transport};

/// What passes has one reading, and canonicalising it again changes nothing.
pub(super) fn run(data: &[u8]) {
    let Some(head) = canonicalise(data) else {
        return;
    };
    let path = head.path();
    assert!(path.starts_with('/'));
    for forbidden in ["//", "/./", "/../", "\\", ";", "%2F", "%5C", "%00", "%2E"] {
        assert!(!path.contains(forbidden), "{path:?} holds {forbidden:?}");
    }
    assert!(!path.ends_with("/.") && !path.ends_with("/.."), "{path:?}");
    let again = canonicalise(head.target().as_str().as_bytes());
    let again = again.map(|head| head.target().as_str().to_owned());
    assert_eq!(again.as_deref(), Some(head.target().as_str()));
}

fn canonicalise(target: &[u8]) -> Option<RequestHead> {
    let request = http::Request::builder()
        .uri(target)
        .header("host", "api.example")
        .body(())
        .ok()?;
    let arrival = Arrival {
        client: ClientAddress::new(Ipv4Addr::LOCALHOST.into()),
        transport: Transport::Tls,
    };
    let managed = ManagedHeaders::new([], ["x-api-key"]);
    RequestHead::canonicalise(request.into_parts().0, arrival, &managed).ok()
}
