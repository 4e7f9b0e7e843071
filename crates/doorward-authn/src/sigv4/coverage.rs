//! What a signature must cover beside method, path and query, which it covers by its nature.

use doorward_core::RequestHead;
use doorward_crypto::sigv4::SignedHeaders;
use http::header::CONTENT_TYPE;

/// Components that every signature of this method covers.
const ALWAYS: [&str; 5] = [
    "@method",
    "@authority",
    "@path",
    "@query",
    "@request-target",
];

/// The first header that must be signed and is not. `more` are the components of a route, as
/// RFC 9421 spells them: of those, headers by their names, whatever their parameters.
pub(super) fn lacking(
    head: &RequestHead,
    signed: &SignedHeaders,
    more: &[Box<str>],
) -> Option<String> {
    if !signed.covers("host") {
        return Some("host".to_owned());
    }
    // SECURITY: whatever AWS gives a meaning to, somebody behind us may give one as well.
    let names = head.headers().keys().map(http::HeaderName::as_str);
    let uncovered = names
        .filter(|name| name.starts_with("x-amz-") || *name == CONTENT_TYPE.as_str())
        .find(|name| !signed.covers(name));
    if let Some(name) = uncovered {
        return Some(name.to_owned());
    }
    more.iter()
        .map(|component| name_of(component))
        .find(|name| !ALWAYS.contains(name) && !signed.covers(name))
        .map(str::to_owned)
}

/// The name of a component, without its parameters.
fn name_of(component: &str) -> &str {
    let bare = component.split(';').next().unwrap_or(component);
    match bare.trim_matches('"') {
        "@query-param" => "@query",
        name => name,
    }
}
