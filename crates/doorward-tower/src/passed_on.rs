//! The request that a guarded service gets: the one that was judged.

use doorward_core::RequestHead;
use doorward_core::policy::Access;
use doorward_core::request::{ManagedHeaders, without_credentials};
use doorward_core::verified::Principal;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, PROXY_AUTHORIZATION, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, Request, Uri};

use crate::admitted::Admitted;

/// Turns a judged head into that of the service's request.
///
/// The target is the canonical one without scheme and host, the one host stands in `Host`, and
/// what only we may set is gone, the credential as well unless the rule passes it on. `None` when
/// the head cannot be written down, which no canonical head is known to cause.
pub(crate) fn passed_on(
    admitted: &Admitted,
    head: RequestHead,
    managed: &ManagedHeaders,
    mut extensions: Extensions,
) -> Option<Parts> {
    let permit = admitted.permit();
    let rule = permit.rule();
    let pass_credential = rule.forwarding.pass_credential;
    let version = head.version();
    let host = HeaderValue::from_str(head.host().as_str()).ok()?;
    let (method, target, mut headers) = head.into_parts();
    let target = match &rule.access {
        Access::Guarded(guarded) if !pass_credential => {
            without_credentials(target, guarded).ok()?
        }
        Access::Guarded(_) | Access::Public => target,
    };
    strip(&mut headers, managed, pass_credential);
    headers.insert(HOST, host);
    if let Some(body) = permit.body() {
        state_length(&mut headers, body.len());
    }
    // SECURITY: what stood there came from another layer, and may be about another call.
    extensions.remove::<Principal>();
    extensions.remove::<Admitted>();
    if let Some(principal) = permit.principal() {
        extensions.insert(principal.clone());
    }
    extensions.insert(admitted.clone());
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = method;
    parts.uri = Uri::from(target);
    parts.version = version;
    parts.headers = headers;
    parts.extensions = extensions;
    Some(parts)
}

/// Removes what ends here. `Connection` and `Upgrade` stay: the service ends the connection.
fn strip(headers: &mut HeaderMap, managed: &ManagedHeaders, pass_credential: bool) {
    let ends_here = |name: &&HeaderName| {
        managed.ends_here(name, pass_credential) || **name == PROXY_AUTHORIZATION
    };
    let gone: Vec<HeaderName> = headers.keys().filter(ends_here).cloned().collect();
    for name in gone {
        headers.remove(name);
    }
}

/// Frames a judged body by its length. Nothing is switched to another protocol after it: what
/// would come then is never judged.
fn state_length(headers: &mut HeaderMap, length: usize) {
    for name in [TRANSFER_ENCODING, TRAILER, CONNECTION, UPGRADE] {
        headers.remove(name);
    }
    if length > 0 || headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, length.into());
    }
}
