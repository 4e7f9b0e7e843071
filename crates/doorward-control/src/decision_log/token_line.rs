//! The line about a request for a token.

use std::fmt::Write as _;

use doorward_core::Timestamp;
use doorward_core::decision::put_text;
use doorward_oauth::TokenRecord;

/// Appends the record as one JSON line. SECURITY: no token and no secret is in it.
pub(super) fn write_json(record: &TokenRecord<'_>, at: Timestamp, out: &mut Vec<u8>) {
    let outcome = if record.error.is_none() {
        "allowed"
    } else {
        "refused"
    };
    let mut start = String::new();
    // Writing to a string cannot fail.
    let _written = write!(
        start,
        "{{\"kind\":\"token\",\"ts\":\"{at}\",\"endpoint\":\"{}\",\"outcome\":\"{outcome}\"",
        record.endpoint
    );
    out.extend_from_slice(start.as_bytes());
    let issued = record.issued;
    let scopes = issued.map(|issued| issued.scopes.to_string());
    let audience = issued.map(|issued| issued.audience.join(" "));
    for (name, text) in [
        ("error", record.error.map(doorward_oauth::ErrorCode::as_str)),
        ("cause", record.cause),
        ("client_id", record.client_id),
        ("grant_type", record.grant_type),
        ("subject", issued.map(|issued| issued.subject.as_str())),
        ("scope", scopes.as_deref()),
        ("audience", audience.as_deref()),
        ("jti", issued.map(|issued| issued.jti.as_str())),
    ] {
        put(out, name, text);
    }
    out.extend_from_slice(b"}\n");
}

fn put(out: &mut Vec<u8>, name: &str, text: Option<&str>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    match text {
        None => out.extend_from_slice(b"\":null"),
        Some(text) => {
            out.extend_from_slice(b"\":\"");
            put_text(out, text);
            out.push(b'"');
        }
    }
}
