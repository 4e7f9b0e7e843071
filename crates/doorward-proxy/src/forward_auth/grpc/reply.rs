//! What is answered to a call that may not pass. Never an error of gRPC's, which
//! `failure_mode_allow` would turn into a pass.

use bytes::Bytes;
use doorward_core::decision::DecisionId;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName};
use http::{Response, StatusCode};

use super::message::{
    CheckResponse, Denied, Entry, Field, HeaderOption, HttpStatus, OVERWRITE, Status, Struct, Value,
};
use crate::forward_auth::identity::ANSWERED;

/// Codes of `google.rpc.Code`; 0 is OK.
const PERMISSION_DENIED: i32 = 7;
const UNAVAILABLE: i32 = 14;
const UNAUTHENTICATED: i32 = 16;

/// The answer that lets no call pass.
pub(super) fn refuse(refusal: Response<Bytes>, id: Option<DecisionId>) -> CheckResponse {
    let (parts, body) = refusal.into_parts();
    let status = spoken(parts.status);
    let mut headers = Vec::new();
    for name in parts.headers.keys() {
        if name == CONNECTION || name == CONTENT_LENGTH {
            continue;
        }
        // One line each: of several, Envoy keeps the last.
        let lines: Vec<&[u8]> = parts
            .headers
            .get_all(name)
            .iter()
            .map(|v| v.as_bytes())
            .collect();
        headers.push(header(name, Bytes::from(lines.join(&b", "[..]))));
    }
    let mut fields = Vec::new();
    if let Some(id) = id.map(|id| id.to_string()) {
        headers.push(header(&ANSWERED, Bytes::from(id.clone())));
        fields.push(field("decision_id", id));
    }
    CheckResponse {
        status: Some(Status { code: code(status) }),
        denied: Some(Denied {
            status: Some(HttpStatus {
                code: i32::from(status.as_u16()),
            }),
            headers,
            body,
        }),
        ok: None,
        dynamic_metadata: Some(Struct { fields }),
    }
}

/// The nearest status that Envoy takes from us: an error, or the answer to a preflight.
fn spoken(wanted: StatusCode) -> StatusCode {
    let known = matches!(wanted.as_u16(), 204 | 400..=417 | 421..=424 | 426 | 428 | 429 | 431)
        || matches!(wanted.as_u16(), 500..=505);
    if known { wanted } else { StatusCode::FORBIDDEN }
}

const fn code(status: StatusCode) -> i32 {
    match status.as_u16() {
        401 => UNAUTHENTICATED,
        500.. => UNAVAILABLE,
        _ => PERMISSION_DENIED,
    }
}

fn header(name: &HeaderName, value: Bytes) -> HeaderOption {
    HeaderOption {
        header: Some(Entry {
            key: Bytes::copy_from_slice(name.as_str().as_bytes()),
            value,
        }),
        append_action: OVERWRITE,
    }
}

fn field(key: &str, text: String) -> Field {
    Field {
        key: key.to_owned(),
        value: Some(Value { string: text }),
    }
}

#[cfg(test)]
mod tests {
    use doorward_core::request::ManagedHeaders;
    use http::HeaderMap;

    use super::*;
    use crate::forward_auth::judge::unwanted;

    #[test]
    fn g24_no_refusal_of_any_status_is_ok() {
        for number in 100..=999 {
            let mut refusal = Response::new(Bytes::new());
            *refusal.status_mut() = StatusCode::from_u16(number).unwrap();
            let answer = refuse(refusal, None);
            assert_ne!(answer.status.unwrap().code, 0, "{number}");
            assert_eq!(answer.ok, None);
            let status = answer.denied.unwrap().status.unwrap().code;
            assert!(status == 204 || (400..600).contains(&status), "{number}");
        }
    }

    #[test]
    fn r114_challenges_are_one_line() {
        let mut refusal = Response::new(Bytes::from_static(b"{}"));
        *refusal.status_mut() = StatusCode::UNAUTHORIZED;
        for challenge in ["Bearer realm=\"a\"", "Basic realm=\"a\""] {
            refusal
                .headers_mut()
                .append("www-authenticate", challenge.parse().unwrap());
        }
        let answer = refuse(refusal, None);
        let denied = answer.denied.unwrap();
        assert_eq!(denied.headers.len(), 1);
        let header = denied.headers[0].clone();
        assert_eq!(header.append_action, OVERWRITE);
        let both = &b"Bearer realm=\"a\", Basic realm=\"a\""[..];
        assert_eq!(header.header.unwrap().value, both);
    }

    #[test]
    fn g08_what_only_a_front_may_say_is_removed_but_for_envoys_own() {
        let mut headers = HeaderMap::new();
        for name in [
            "x-user",
            "x_user",
            "x-forwarded-for",
            "x_forwarded_for",
            "x-envoy-internal",
            "x_envoy_internal",
            "x-forwarded-host",
            "accept",
            "authorization",
            "x-doorward-subject",
        ] {
            headers.insert(name, "1".parse().unwrap());
        }
        let managed = ManagedHeaders::new([], ["x-api-key"]);
        let mut names: Vec<_> = unwanted(&headers, &managed);
        names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        assert_eq!(
            names,
            [
                "x-doorward-subject",
                "x-forwarded-host",
                "x-user",
                "x_envoy_internal",
                "x_forwarded_for",
                "x_user"
            ]
        );
    }
}
