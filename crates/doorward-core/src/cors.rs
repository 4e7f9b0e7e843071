//! Answers to pages of other origins (Fetch standard, section 3.2).

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::decision::DecisionId;
use crate::policy::Cors;

/// Headers that a page may send without asking.
const SAFELISTED: &[&str] = &[
    "accept",
    "accept-language",
    "content-language",
    "content-type",
    "range",
];

/// A preflight that is answered with permission.
pub struct Preflight {
    id: DecisionId,
    headers: HeaderMap,
}

impl Preflight {
    /// Judges a preflight; `None` when the page may not call.
    pub(crate) fn judge(id: DecisionId, cors: &Cors, asked: &HeaderMap) -> Option<Self> {
        let method = asked.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        if asked.get_all(ORIGIN).iter().count() != 1
            || asked.get_all(ACCESS_CONTROL_REQUEST_METHOD).iter().count() != 1
        {
            return None;
        }
        for value in asked.get_all(ACCESS_CONTROL_REQUEST_HEADERS) {
            let names = value.to_str().ok()?.split(',').map(str::trim);
            for name in names.filter(|name| !name.is_empty()) {
                let safe = SAFELISTED
                    .iter()
                    .any(|safe| safe.eq_ignore_ascii_case(name));
                let listed = cors
                    .headers
                    .iter()
                    .any(|h| h.as_str().eq_ignore_ascii_case(name));
                if !safe && !listed {
                    return None;
                }
            }
        }
        let mut headers = HeaderMap::new();
        if !share(cors, asked, &mut headers) {
            return None;
        }
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
        let allowed = cors
            .headers
            .iter()
            .map(http::HeaderName::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        if let Ok(value) = HeaderValue::try_from(allowed)
            && !value.is_empty()
        {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, value);
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, cors.max_age.as_secs().into());
        Some(Self { id, headers })
    }

    /// The decision's id.
    #[must_use]
    pub const fn decision_id(&self) -> DecisionId {
        self.id
    }

    /// The answer, 204 without a body.
    #[must_use]
    pub fn response(self) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::NO_CONTENT;
        *response.headers_mut() = self.headers;
        response
    }
}

/// Replaces the sharing headers of a response by ours; tells whether the page may read it.
pub fn share(cors: &Cors, asked: &HeaderMap, response: &mut HeaderMap) -> bool {
    response.remove(ACCESS_CONTROL_ALLOW_ORIGIN);
    response.remove(ACCESS_CONTROL_ALLOW_CREDENTIALS);
    response.append(VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = asked.get(ORIGIN) else {
        return false;
    };
    if !origin.to_str().is_ok_and(|text| cors.allows_origin(text)) {
        return false;
    }
    response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    if cors.credentials {
        response.insert(
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
    }
    true
}
