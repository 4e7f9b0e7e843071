//! An answer: variables of HAProxy's transaction.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};

use super::frame::{ACK, Value, Writer};
use crate::forward_auth::judge::{Allowed, Verdict};

const SET: u8 = 1;
const UNSET: u8 = 2;
const TRANSACTION: u8 = 2;

/// Our headers, and the variables that carry them.
const OURS: [(&str, &str); 7] = [
    ("x-doorward-subject", "subject"),
    ("x-doorward-method", "method"),
    ("x-doorward-credential", "credential"),
    ("x-doorward-scopes", "scopes"),
    ("x-doorward-issuer", "issuer"),
    ("x-doorward-decision", "decision"),
    ("doorward-assertion", "assertion"),
];

/// Headers of refusals and of answers to preflights, and the variables that carry them.
const SAID: [(&str, &str); 9] = [
    ("www-authenticate", "challenge"),
    ("content-type", "content_type"),
    ("retry-after", "retry_after"),
    ("vary", "vary"),
    ("access-control-allow-origin", "cors_origin"),
    ("access-control-allow-methods", "cors_methods"),
    ("access-control-allow-headers", "cors_headers"),
    ("access-control-allow-credentials", "cors_credentials"),
    ("access-control-max-age", "cors_age"),
];

/// Writes the answer to a question.
pub(super) fn write(
    verdict: Verdict,
    (stream, number): (u64, u64),
    most: usize,
) -> Option<Vec<u8>> {
    let id = verdict.decision_id().map(|id| id.to_string());
    let mut actions = Actions(Writer::new(ACK, stream, number));
    match verdict {
        Verdict::Allowed(allowed) => actions.allow(&allowed),
        Verdict::Refused(_, refusal) => actions.refuse(&refusal, id.as_deref()),
        // SECURITY: answered, and never passed on.
        Verdict::Preflight(_, answer) => {
            actions.refuse(&answer.map(|()| Bytes::new()), id.as_deref());
        }
    }
    actions.0.finish(most).or_else(|| {
        // SECURITY: what does not fit is a refusal: half an identity must not pass.
        let mut actions = Actions(Writer::new(ACK, stream, number));
        actions.set("allowed", Value::Bool(false));
        actions.set("status", Value::Number(503));
        actions.0.finish(most)
    })
}

struct Actions(Writer);

impl Actions {
    fn allow(&mut self, allowed: &Allowed) {
        for (header, name) in OURS {
            let told = allowed.told.iter().find(|(known, _)| known == header);
            let value = told.and_then(|(_, value)| value.as_ref());
            self.text(name, value.map(|value| value.as_bytes()));
        }
        self.set("status", Value::Number(200));
        self.set("allowed", Value::Bool(true));
    }

    fn refuse(&mut self, refusal: &Response<Bytes>, id: Option<&str>) {
        self.set("allowed", Value::Bool(false));
        let status = spoken(refusal.status());
        self.set("status", Value::Number(status.as_u16().into()));
        for (_, name) in OURS.iter().filter(|(_, name)| *name != "decision") {
            self.text(name, None);
        }
        self.text("decision", id.map(str::as_bytes));
        for (header, name) in SAID {
            let line = joined(refusal.headers(), header);
            self.text(name, line.as_deref());
        }
        // HAProxy's formats write the newline at its end as `%0A`.
        self.text("body", Some(refusal.body().trim_ascii_end()));
    }

    /// Sets a variable, or makes sure that there is none.
    fn text(&mut self, name: &str, text: Option<&[u8]>) {
        match text {
            Some(text) => self.set(name, Value::Text(text)),
            None => {
                self.0.byte(UNSET);
                self.0.byte(2);
                self.0.byte(TRANSACTION);
                self.0.text(name.as_bytes());
            }
        }
    }

    fn set(&mut self, name: &str, value: Value<'_>) {
        self.0.byte(SET);
        self.0.byte(3);
        self.0.byte(TRANSACTION);
        self.0.text(name.as_bytes());
        self.0.value(value);
    }
}

/// All lines of a header as one.
fn joined(headers: &HeaderMap, name: &str) -> Option<Vec<u8>> {
    let lines = headers.get_all(name).iter();
    let lines: Vec<&[u8]> = lines.map(|value| value.as_bytes()).collect();
    (!lines.is_empty()).then(|| lines.join(&b", "[..]))
}

/// An error, or the answer to a preflight.
fn spoken(wanted: StatusCode) -> StatusCode {
    let known = wanted == StatusCode::NO_CONTENT || (400..600).contains(&wanted.as_u16());
    if known { wanted } else { StatusCode::FORBIDDEN }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn g24_no_refusal_of_any_status_allows() {
        for number in 100..=999 {
            let mut refusal = Response::new(Bytes::from_static(b"{}"));
            *refusal.status_mut() = StatusCode::from_u16(number).unwrap();
            let written = write(Verdict::Refused(None, refusal), (1, 1), 4096).unwrap();
            assert!(holds(&written, b"\x07allowed\x01"), "{number}");
            assert!(!holds(&written, b"\x07allowed\x11"), "{number}");
        }
    }

    #[test]
    fn g24_what_does_not_fit_is_a_refusal() {
        let mut refusal = Response::new(Bytes::from(vec![b'a'; 5000]));
        *refusal.status_mut() = StatusCode::FORBIDDEN;
        let written = write(Verdict::Refused(None, refusal), (1, 1), 4096).unwrap();
        assert!(holds(&written, b"\x07allowed\x01") && written.len() < 100);
    }
}
