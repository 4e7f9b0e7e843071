//! Finding credentials in the `Authorization` header (RFC 9110 section 11.6.2).

use doorward_core::RequestHead;
use memchr::memchr;

/// What follows the scheme `Bearer`, when that is exactly one word (RFC 6750 section 2.1).
pub(crate) fn token(head: &RequestHead) -> Option<&[u8]> {
    let token = bytes_after(head, b"Bearer")?;
    (!token.is_empty() && memchr(b' ', token).is_none()).then_some(token)
}

/// What follows a scheme, whatever the scheme's case; empty when nothing does.
pub(crate) fn after_scheme<'h>(head: &'h RequestHead, scheme: &str) -> Option<&'h str> {
    str::from_utf8(bytes_after(head, scheme.as_bytes())?).ok()
}

/// Every method looks here for its own, so what is not is passed over at its first letters.
fn bytes_after<'h>(head: &'h RequestHead, scheme: &[u8]) -> Option<&'h [u8]> {
    // A second Authorization header was refused before.
    let value = head.authorization()?;
    let (found, rest) = value.split_at_checked(scheme.len())?;
    if !found.eq_ignore_ascii_case(scheme) {
        return None;
    }
    match rest.split_first() {
        None => Some(rest),
        Some((b' ', rest)) => {
            let blank = rest.iter().take_while(|byte| **byte == b' ').count();
            rest.get(blank..)
        }
        Some(_) => None,
    }
}
