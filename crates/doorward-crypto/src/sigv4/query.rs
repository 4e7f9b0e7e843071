//! The canonical query.

use std::fmt::Write as _;

/// The most parameters that are read.
const MOST: usize = 256;

/// The canonical form of a query as it was sent, without the parameter that holds the signature;
/// `None` when it was not sent in the canonical spelling, or can be read in two ways.
///
/// Every byte of a name and a value but `A-Za-z0-9-._~` must have been sent as `%XX`, in upper
/// case, and these must not. Parameters may come in any order, but those of one name must be
/// sorted: canonical form sorts them, and a reader who takes the first of two must get the one
/// that the signer meant.
#[must_use]
pub fn canonical_query(sent: Option<&str>, without: Option<&str>) -> Option<String> {
    let Some(sent) = sent else {
        return Some(String::new());
    };
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for pair in sent.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name.is_empty() || !is_canonical(name) || !is_canonical(value) || pairs.len() == MOST {
            return None;
        }
        pairs.push((name, value));
    }
    let sent = pairs.clone();
    pairs.sort_unstable();
    if !same_order_by_name(&sent, &pairs) {
        return None;
    }
    let mut text = String::with_capacity(sent.len() * 16);
    for (name, value) in pairs {
        if without == Some(name) {
            continue;
        }
        let between = if text.is_empty() { "" } else { "&" };
        // Writing to a text cannot fail.
        let _written = write!(text, "{between}{name}={value}");
    }
    Some(text)
}

/// Tells whether parameters of one name stand in the same order in both.
fn same_order_by_name(sent: &[(&str, &str)], sorted: &[(&str, &str)]) -> bool {
    let mut by_name = sent.to_vec();
    by_name.sort_by_key(|(name, _)| *name); // Stable: the order of values stays as sent.
    by_name == sorted
}

/// Tells whether a text is percent-encoded in the one way that is canonical.
fn is_canonical(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            if !is_unreserved(byte) {
                return false;
            }
            continue;
        }
        let mut digit = || match bytes.next() {
            Some(digit @ (b'0'..=b'9' | b'A'..=b'F')) => char::from(digit).to_digit(16),
            _ => None,
        };
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return false;
        };
        if u8::try_from(high << 4 | low).is_ok_and(is_unreserved) {
            return false;
        }
    }
    true
}

pub(super) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Percent-encodes what is not unreserved; `keep` stays as well.
pub(super) fn encode(text: &str, keep: Option<u8>) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if is_unreserved(byte) || keep == Some(byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _written = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// What a canonical text stands for; `None` when it is not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            plain.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        plain.push(u8::try_from(digit()? << 4 | digit()?).ok()?);
    }
    String::from_utf8(plain).ok()
}
