//! The PROXY protocol's header.

use doorward_proxy::ProxyHeader;

/// A header is known by its own bytes alone, and no shorter part of it is one.
pub(super) fn run(data: &[u8]) {
    let Ok(Some((header, length))) = ProxyHeader::parse(data) else {
        return;
    };
    assert!((15..=16 + 2048).contains(&length) && length <= data.len());
    let (own, _) = data.split_at(length);
    assert_eq!(ProxyHeader::parse(own), Ok(Some((header, length))));
    let (part, _) = data.split_at(length - 1);
    assert_eq!(ProxyHeader::parse(part), Ok(None));
}
