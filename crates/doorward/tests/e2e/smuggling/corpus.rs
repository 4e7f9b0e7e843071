//! The cases: lists of fragments, and the shapes that they are put into.

use std::fmt::Write as _;

use super::strict::{self, Whole};

mod chunks;
mod framing;
mod heads;
pub(super) mod http2;
mod sequences;

/// Stands for the number of a case in its bytes; as long as a number is written.
const NUMBER: &str = "@@@@@";

/// What is sent as a body, or after one. Both are requests to whoever reads the end of the first
/// request elsewhere: one that anybody may send, and one that needs a credential.
const HIDDEN: &str = "GET /open/@@@@@-hidden HTTP/1.1\r\nHost: h\r\n\r\n\
    GET /smuggled/@@@@@ HTTP/1.1\r\nHost: h\r\nX-Doorward-Subject: admin\r\n\r\n";

/// Bytes to send on one connection.
pub(super) struct Case {
    /// What it tries.
    pub(super) name: String,
    /// It is plain HTTP: everybody must pass all of it on.
    pub(super) is_plain: bool,
    template: Vec<u8>,
    /// What may be passed on of bytes that are not HTTP/1: method, path, bytes of content.
    written: Option<Vec<(&'static str, &'static str, usize)>>,
}

impl Case {
    fn new(name: impl Into<String>, template: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            is_plain: false,
            template: template.into(),
            written: None,
        }
    }

    fn plain(name: &str, template: impl Into<Vec<u8>>) -> Self {
        Self {
            is_plain: true,
            ..Self::new(name, template)
        }
    }

    /// The bytes, with a number.
    pub(super) fn bytes(&self, number: usize) -> Vec<u8> {
        numbered(&self.template, number)
    }

    /// What a strict reader finds in its bytes.
    pub(super) fn read(&self, number: usize) -> Vec<Whole> {
        let Some(written) = &self.written else {
            return strict::read(&self.bytes(number)).0;
        };
        let whole = |(method, path, length): &(&str, &str, usize)| Whole {
            method: (*method).to_owned(),
            path: String::from_utf8(numbered(path.as_bytes(), number)).unwrap(),
            length: *length,
            decision: None,
        };
        written.iter().map(whole).collect()
    }
}

/// What a strict reader finds in all of them.
pub(super) fn read(cases: &[Case]) -> Vec<Whole> {
    let cases = cases.iter().enumerate();
    cases.flat_map(|(number, case)| case.read(number)).collect()
}

/// Puts a number where it belongs.
fn numbered(template: &[u8], number: usize) -> Vec<u8> {
    let mut bytes = template.to_vec();
    let text = format!("{number:05}");
    let mut at = 0;
    while at + NUMBER.len() <= bytes.len() {
        if bytes[at..].starts_with(NUMBER.as_bytes()) {
            bytes[at..at + NUMBER.len()].copy_from_slice(text.as_bytes());
        }
        at += 1;
    }
    bytes
}

/// Every case of HTTP/1.
pub(super) fn all() -> Vec<Case> {
    let mut all = Vec::new();
    for part in [
        sequences::cases(),
        framing::cases(),
        chunks::cases(),
        heads::cases(),
    ] {
        all.extend(part);
    }
    all
}

/// A POST with these header lines, each with its end, and what follows the head.
fn post(lines: impl AsRef<[u8]>, rest: impl AsRef<[u8]>) -> Vec<u8> {
    let head = &b"POST /open/@@@@@-0 HTTP/1.1\r\nHost: h\r\n"[..];
    [head, lines.as_ref(), b"\r\n", rest.as_ref()].concat()
}

/// A fragment, fit to be read in a name.
fn shown(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _written = write!(text, "{}", byte.escape_ascii());
        text
    })
}
