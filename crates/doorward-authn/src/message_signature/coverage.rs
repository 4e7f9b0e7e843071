//! What a signature must cover, and how callers are told (RFC 9421 sections 1.4 and 5.1).

use doorward_core::RequestHead;
use doorward_crypto::message_signature::structured_field::{BareItem, InnerList, Parameters};
use doorward_crypto::message_signature::{Component, Covered};
use http::HeaderValue;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};

/// The components that are asked of every request with a body, as `doorward sign` covers them.
pub const EVERYTHING: [&str; 5] = ["@method", "@authority", "@path", "@query", "content-digest"];

/// The first component that must be covered and is not.
#[must_use]
pub fn lacking(head: &RequestHead, covered: &Covered, more: &[Box<str>]) -> Option<String> {
    let covers = |name: &str| covered.covers_name(name);
    if !covers("@method") {
        return Some("@method".to_owned());
    }
    if !covers("@target-uri") {
        if !covers("@authority") {
            return Some("@authority".to_owned());
        }
        if !covers("@request-target") {
            if !covers("@path") {
                return Some("@path".to_owned());
            }
            // SECURITY: a query that nobody signed could be added on the way.
            if head.sent_target().query().is_some() && !covers("@query") {
                return Some("@query".to_owned());
            }
        }
    }
    let uncovered = |text: &&str| {
        let wanted = Component::parse(text);
        !wanted.is_ok_and(|wanted| covered.covers(&wanted))
    };
    more.iter()
        .map(|text| &**text)
        .find(uncovered)
        .map(str::to_owned)
}

/// Tells whether the head announces a body. In HTTP/2 one may come without being announced.
#[must_use]
pub fn declares_body(head: &RequestHead) -> bool {
    let length = head.headers().get(CONTENT_LENGTH);
    let empty = length.is_none_or(|length| length.as_bytes().iter().all(|byte| *byte == b'0'));
    !empty || head.headers().contains_key(TRANSFER_ENCODING)
}

/// The value of `Accept-Signature`.
pub(super) fn accept_signature(more: &[Box<str>], tag: Option<&str>) -> Option<HeaderValue> {
    let names = EVERYTHING
        .into_iter()
        .chain(more.iter().map(|text| &**text));
    let mut items = Vec::new();
    for component in names.filter_map(|name| Component::parse(name).ok()) {
        if !items.contains(component.item()) {
            items.push(component.item().clone());
        }
    }
    let mut parameters = Parameters::default()
        .with("created", BareItem::Boolean(true))
        .with("keyid", BareItem::Boolean(true));
    if let Some(tag) = tag {
        parameters = parameters.with("tag", BareItem::String(tag.to_owned()));
    }
    let list = InnerList { items, parameters };
    HeaderValue::try_from(format!("sig1={list}")).ok()
}
