//! Finding credentials in the `Authorization` header (RFC 9110 section 11.6.2).

use doorward_core::RequestHead;
use http::header::AUTHORIZATION;

/// What follows the scheme `Bearer`, when that is exactly one word (RFC 6750 section 2.1).
pub(crate) fn token(head: &RequestHead) -> Option<&str> {
    let token = after_scheme(head, "Bearer")?;
    (!token.is_empty() && !token.contains(' ')).then_some(token)
}

/// What follows a scheme, whatever the scheme's case; empty when nothing does.
pub(crate) fn after_scheme<'h>(head: &'h RequestHead, scheme: &str) -> Option<&'h str> {
    // A second Authorization header was refused before.
    let value = head.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (found, rest) = value.split_once(' ').unwrap_or((value, ""));
    found
        .eq_ignore_ascii_case(scheme)
        .then(|| rest.trim_start_matches(' '))
}
