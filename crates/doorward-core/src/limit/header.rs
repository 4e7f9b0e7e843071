//! `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), which are lists of
//! structured fields (RFC 9651).

use std::fmt::Write;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Limit, Span, Standing};

/// The header that says what is left.
pub const STANDING: HeaderName = HeaderName::from_static("ratelimit");
/// The header that says what the limits are.
pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Says in an answer what is left of each limit, in the place of what others say of theirs.
pub fn headers(standings: &[Standing], into: &mut HeaderMap) {
    if standings.is_empty() {
        return;
    }
    let mut left = String::with_capacity(48 * standings.len());
    let mut policy = String::with_capacity(48 * standings.len());
    for (n, standing) in standings.iter().enumerate() {
        let comma = if n == 0 { "" } else { ", " };
        let Limit {
            name, calls, span, ..
        } = standing.limit.as_ref();
        let reset = standing.reset.as_millis().div_ceil(1000);
        // Writing to a text cannot fail.
        let _written = write!(left, "{comma}\"{name}\";r={};t={reset}", standing.left);
        let _written = write!(policy, "{comma}\"{name}\";q={calls};w={}", seconds(*span));
    }
    for (name, text) in [(STANDING, left), (POLICY, policy)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            into.insert(name, value);
        }
    }
}

/// The window in whole seconds, as the draft wants it; a month is 31 days.
fn seconds(span: Span) -> u128 {
    match span {
        Span::Every(span) => span.as_millis().div_ceil(1000),
        Span::Day => 86_400,
        Span::Month => 31 * 86_400,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::limit::By;

    #[test]
    fn r115_the_headers_are_structured_fields() {
        let standing = |name: &str, span, left| Standing {
            limit: Arc::new(Limit {
                name: name.into(),
                key: name.into(),
                index: 0,
                calls: 100,
                span,
                burst: 100,
                by: vec![By::Credential],
            }),
            left,
            reset: Duration::from_millis(1001),
        };
        let mut answer = HeaderMap::new();
        headers(&[], &mut answer);
        assert!(answer.is_empty());
        let minute = Span::Every(Duration::from_secs(60));
        headers(
            &[standing("fast", minute, 3), standing("day", Span::Day, 0)],
            &mut answer,
        );
        assert_eq!(
            answer.get("ratelimit").unwrap(),
            "\"fast\";r=3;t=2, \"day\";r=0;t=2"
        );
        assert_eq!(
            answer.get("ratelimit-policy").unwrap(),
            "\"fast\";q=100;w=60, \"day\";q=100;w=86400"
        );
    }
}
