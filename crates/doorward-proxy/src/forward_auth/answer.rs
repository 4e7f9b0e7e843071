//! Answers, in the three ways in which servers in front of APIs understand them.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, VARY, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::dialect::Dialect;
use super::judge::{Allowed, Verdict};

mod exact_ok;
mod relayed;
mod three_way;

use exact_ok::ExactOk;
use relayed::Relayed;
use three_way::ThreeWay;

/// The status that the caller of the API should hear, where another had to be answered.
const STATUS: HeaderName = HeaderName::from_static("doorward-status");
/// How Envoy is told to remove headers before it passes a call on.
const REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");
/// How nginx is told how long an answer may be kept.
const ACCEL_EXPIRES: HeaderName = HeaderName::from_static("x-accel-expires");

/// Room for the headers of an allowing answer, those of its connection included.
const ALLOWED: usize = 14;

/// How a dialect understands answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    /// 2xx, 401 and 403; all else is a failure. Neither bodies nor other headers are relayed.
    ThreeWay,
    /// 200 allows, all else is relayed; but 5xx is a failure, which an operator may have chosen
    /// to let pass. `removes` tells whether headers can be named for removal.
    ExactOk {
        /// The server understands [`REMOVE`].
        removes: bool,
    },
    /// 2xx allows, all else is relayed.
    Relayed,
}

impl Family {
    /// The family of a dialect.
    pub(super) const fn of(dialect: &Dialect) -> Self {
        match dialect {
            Dialect::Nginx | Dialect::IngressNginx => Self::ThreeWay,
            Dialect::Envoy { .. } => Self::ExactOk { removes: true },
            Dialect::GatewayApi { .. } | Dialect::EnvoyGrpc | Dialect::Spop => {
                Self::ExactOk { removes: false }
            }
            Dialect::Traefik | Dialect::Caddy | Dialect::Haproxy => Self::Relayed,
        }
    }

    /// The answer to a question.
    pub(super) fn answer(self, verdict: Verdict) -> Response<Bytes> {
        match verdict {
            Verdict::Allowed(allowed) => self.allowed(allowed),
            Verdict::Refused(_, refusal) => self.refused(refusal),
            // SECURITY: a preflight's own status would let it pass on.
            Verdict::Preflight(_, answer) => self.refused(answer.map(|()| Bytes::new())),
        }
    }

    fn allowed(self, allowed: Allowed) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.reserve(ALLOWED);
        let removes = self == Self::ExactOk { removes: true };
        let mut gone = allowed.unwanted;
        for (name, value) in allowed.told {
            match value {
                Some(value) => {
                    gone.retain(|gone| *gone != name);
                    headers.insert(name, value);
                }
                None if removes => gone.push(name),
                // SECURITY: said, and said to be empty, so that a caller's does not stay.
                None => {
                    headers.insert(name, HeaderValue::from_static(""));
                }
            }
        }
        let names = |names: &[HeaderName]| {
            let names: Vec<&str> = names.iter().map(HeaderName::as_str).collect();
            HeaderValue::try_from(names.join(",")).ok()
        };
        if removes {
            if allowed.spent {
                gone.extend_from_slice(&allowed.credentials);
            }
            if let Some(gone) = names(&gone).filter(|gone| !gone.is_empty()) {
                headers.insert(REMOVE, gone);
            }
        }
        match allowed.reuse.map(|time| time.as_secs()) {
            None => {
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
            Some(secs) => keep(headers, secs, names(&allowed.credentials)),
        }
        response
    }

    fn refused(self, mut refusal: Response<Bytes>) -> Response<Bytes> {
        let wanted = refusal.status();
        let status = match self {
            Self::ThreeWay => {
                join_challenges(refusal.headers_mut());
                ThreeWay::of(wanted).status()
            }
            Self::ExactOk { .. } => ExactOk::of(wanted).status(),
            Self::Relayed => Relayed::of(wanted).status(),
        };
        *refusal.status_mut() = status;
        if status != wanted {
            refusal.headers_mut().insert(STATUS, wanted.as_u16().into());
        }
        refusal
    }
}

/// Lets an answer be kept, for this caller alone.
fn keep(headers: &mut HeaderMap, secs: u64, vary: Option<HeaderValue>) {
    // nginx before 1.23 heeds whichever comes first, and `private` is not for it.
    headers.insert(ACCEL_EXPIRES, secs.into());
    if let Ok(value) = HeaderValue::try_from(format!("private, max-age={secs}")) {
        headers.insert(CACHE_CONTROL, value);
    }
    let vary = vary.filter(|vary| !vary.is_empty());
    headers.insert(
        VARY,
        vary.unwrap_or(HeaderValue::from_static("authorization")),
    );
}

/// Joins challenges into one line (RFC 9110 section 11.6.1): nginx before 1.23 relays one only.
fn join_challenges(headers: &mut HeaderMap) {
    let lines = headers.get_all(WWW_AUTHENTICATE).iter();
    let lines: Vec<&[u8]> = lines.map(HeaderValue::as_bytes).collect();
    if lines.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b", "[..]))
    {
        headers.insert(WWW_AUTHENTICATE, joined);
    }
}

/// The answer on a listener about which nothing is known.
pub(super) fn nobody_asked() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::FORBIDDEN;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

#[cfg(test)]
mod tests;
