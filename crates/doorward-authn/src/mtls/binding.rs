//! Tokens that are bound to a client certificate (RFC 8705 section 3).

use doorward_core::rejection::Rejection;
use doorward_core::{RequestHead, Timestamp, Verified};

use super::NOT_BOUND;

/// Checks that a token came over the certificate with this thumbprint, and limits it to the time
/// in which the certificate is live.
///
/// # Errors
/// When it came over another one, or over one that cannot be trusted.
pub(crate) fn check(
    verified: &Verified,
    thumbprint: &[u8; 32],
    head: &RequestHead,
    now: Timestamp,
) -> Result<Verified, Rejection> {
    let held = head.certificate();
    let held = held.filter(|held| held.thumbprint.as_ref() == Some(thumbprint));
    let held = held.ok_or_else(|| Rejection::invalid(&NOT_BOUND))?;
    // SECURITY: a certificate that nobody trusts any more must not keep its tokens alive.
    let trusted = held.trusted(now)?;
    let validity = verified.validity().within(trusted.validity);
    Ok(Verified::assertion(verified.identity().clone(), validity))
}
