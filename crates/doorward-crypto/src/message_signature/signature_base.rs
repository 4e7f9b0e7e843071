//! The signature base: the bytes that are signed (RFC 9421 section 2.5).

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_core::RequestHead;
use http::{HeaderName, HeaderValue};
use thiserror::Error;

use super::component::{Component, Form, Source};
use super::input::Covered;
use super::structured_field::{Dictionary, Item, List, Twice};

/// Why a request has no value for a component.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BaseError {
    /// The request does not have it.
    #[error("the request has no {0}")]
    Missing(String),
    /// The request has it twice, and the standard names no way to tell which.
    #[error("the request has {0} more than once")]
    Twice(String),
    /// The value is not what its form asks for, or cannot be written in a line of ASCII.
    #[error("the value of {0} cannot be covered in this form")]
    Form(String),
}

/// Builds the signature base of a request.
///
/// # Errors
/// [`BaseError`] names the component that has no value.
pub fn signature_base(head: &RequestHead, covered: &Covered) -> Result<String, BaseError> {
    let mut base = String::with_capacity(512);
    for component in covered.components() {
        // Writing to a string cannot fail.
        let _written = write!(base, "{component}: ");
        value(head, component, &mut base)?;
        base.push('\n');
    }
    let _written = write!(base, "\"@signature-params\": {}", covered.list());
    Ok(base)
}

fn value(head: &RequestHead, component: &Component, out: &mut String) -> Result<(), BaseError> {
    let target = head.sent_target();
    match &component.source {
        Source::Method => out.push_str(head.method().as_str()),
        Source::Scheme => out.push_str(head.arrival().transport.scheme()),
        Source::Authority => out.push_str(authority(head)),
        Source::TargetUri => {
            let scheme = head.arrival().transport.scheme();
            let _written = write!(out, "{scheme}://{}{target}", authority(head));
        }
        Source::RequestTarget => out.push_str(target.as_str()),
        Source::Path => out.push_str(target.path()),
        Source::Query => {
            let _written = write!(out, "?{}", target.query().unwrap_or_default());
        }
        Source::QueryParam(name) => {
            out.push_str(&query_param(
                target.query().unwrap_or_default(),
                name,
                component,
            )?);
        }
        Source::Field(name, form) => field(head, (name, form), component, out)?,
    }
    Ok(())
}

/// The host in lower case, without the scheme's own port (RFC 9421 section 2.2.3).
fn authority(head: &RequestHead) -> &str {
    let host = head.host().as_str();
    let default = match head.arrival().transport.scheme() {
        "https" => ":443",
        _ => ":80",
    };
    host.strip_suffix(default).unwrap_or(host)
}

/// One parameter of the query, decoded and encoded again (RFC 9421 section 2.2.8).
fn query_param(query: &str, wanted: &str, component: &Component) -> Result<String, BaseError> {
    let mut found = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if encode(&decode(name)) != wanted {
            continue;
        }
        // SECURITY: with two of a name, the upstream may look at the other one.
        if found.replace(encode(&decode(value))).is_some() {
            return Err(BaseError::Twice(component.to_string()));
        }
    }
    found.ok_or_else(|| BaseError::Missing(component.to_string()))
}

/// Decodes a part of a form (URL standard, section 5.1).
fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digit = |n: usize| bytes.get(at + n).and_then(|b| char::from(*b).to_digit(16));
        let encoded = (*byte == b'%')
            .then(|| Some((digit(1)?, digit(2)?)))
            .flatten();
        match encoded {
            Some((high, low)) => {
                out.push(u8::try_from(high << 4 | low).unwrap_or_default());
                at += 3;
            }
            None => {
                out.push(if *byte == b'+' { b' ' } else { *byte });
                at += 1;
            }
        }
    }
    // What is not UTF-8 is replaced, as the standard says, before it is encoded again.
    String::from_utf8_lossy(&out).into_owned().into_bytes()
}

fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"*-._".contains(byte) {
            out.push(char::from(*byte));
        } else {
            let _written = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn field(
    head: &RequestHead,
    (name, form): (&HeaderName, &Form),
    component: &Component,
    out: &mut String,
) -> Result<(), BaseError> {
    let wrong = || BaseError::Form(component.to_string());
    let mut lines = head.headers().get_all(name).iter().map(trimmed).peekable();
    if lines.peek().is_none() {
        return Err(BaseError::Missing(component.to_string()));
    }
    match form {
        Form::Plain => out.push_str(&joined(lines).ok_or_else(wrong)?),
        Form::Bytes => {
            for (n, line) in lines.enumerate() {
                out.push_str(if n == 0 { ":" } else { ", :" });
                STANDARD.encode_string(line, out);
                out.push(':');
            }
        }
        Form::Key(key) => {
            let text = joined(lines).ok_or_else(wrong)?;
            let field = Dictionary::parse(text.as_bytes(), Twice::Refused).map_err(|_| wrong())?;
            let missing = || BaseError::Missing(component.to_string());
            let member = field.get(key).ok_or_else(missing)?;
            let _written = write!(out, "{member}");
        }
        Form::Structured => {
            let text = joined(lines).ok_or_else(wrong)?;
            out.push_str(&structured(name, &text).ok_or_else(wrong)?);
        }
    }
    Ok(())
}

fn trimmed(value: &HeaderValue) -> &[u8] {
    value.as_bytes().trim_ascii()
}

/// All lines of a field in one, when they are printable ASCII.
fn joined<'v>(lines: impl Iterator<Item = &'v [u8]>) -> Option<String> {
    let mut out = String::new();
    for (n, line) in lines.enumerate() {
        out.push_str(if n == 0 { "" } else { ", " });
        let text = str::from_utf8(line).ok()?;
        // SECURITY: a control character could begin a line of its own in the base.
        if !text.bytes().all(|byte| matches!(byte, b'\t' | 0x20..=0x7e)) {
            return None;
        }
        out.push_str(text);
    }
    Some(out)
}

/// A field whose structure is registered, in its one spelling.
fn structured(name: &HeaderName, text: &str) -> Option<String> {
    let text = text.as_bytes();
    let twice = Twice::Refused;
    Some(match name.as_str() {
        "accept-signature"
        | "cdn-cache-control"
        | "content-digest"
        | "priority"
        | "repr-digest"
        | "signature"
        | "signature-input"
        | "want-content-digest"
        | "want-repr-digest" => Dictionary::parse(text, twice).ok()?.to_string(),
        "accept-ch" | "cache-status" | "client-cert-chain" | "proxy-status" => {
            List::parse(text, twice).ok()?.to_string()
        }
        "client-cert" | "deprecation" | "idempotency-key" | "sec-gpc" => {
            Item::parse(text, twice).ok()?.to_string()
        }
        _ => return None,
    })
}
