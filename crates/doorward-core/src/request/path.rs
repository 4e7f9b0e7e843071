//! Canonical paths (RFC 3986 section 6.2.2, and stricter).

use http::Uri;
use http::uri::PathAndQuery;

use super::RequestFault;

/// The canonical target of a request, where the one that was sent is not canonical already.
pub(super) fn canonical_target(uri: &Uri) -> Result<Option<PathAndQuery>, RequestFault> {
    let target = uri.path_and_query().ok_or(RequestFault::TargetForm)?;
    let path = target.path();
    if !path.starts_with('/') {
        return Err(RequestFault::TargetForm);
    }
    check_query(target.query())?;
    // An absolute-form target may have no path at all: `http://api.example?q`.
    if target.as_str().starts_with('/') && is_canonical(path) {
        return Ok(None);
    }
    let mut text = rewrite(path)?;
    check_segments(&text)?;
    if text == path && target.as_str().starts_with('/') {
        return Ok(None);
    }
    if let Some(query) = target.query() {
        text.push('?');
        text.push_str(query);
    }
    PathAndQuery::try_from(text)
        .map(Some)
        .map_err(|_| RequestFault::BrokenEncoding)
}

/// Tells whether a path has no characters but those that stand for themselves, no dots at the
/// edge of a segment and no empty segments. Others may be canonical all the same.
fn is_canonical(path: &str) -> bool {
    let mut before = 0;
    for byte in path.bytes() {
        let at_edge = matches!(before, b'/' | b'.') && matches!(byte, b'/' | b'.');
        if at_edge || !(byte == b'/' || is_plain(byte)) {
            return false;
        }
        before = byte;
    }
    before != b'.'
}

/// Unreserved characters and sub-delimiters of RFC 3986 without `;`, plus `:` and `@`.
const fn is_plain(byte: u8) -> bool {
    // One bit per ASCII character, so that looking at a path is cheap.
    const PLAIN: u128 = {
        let mut bits = 0;
        let mut byte = 0_u8;
        while byte < 128 {
            let plain = byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'-' | b'.'
                        | b'_'
                        | b'~'
                        | b'!'
                        | b'$'
                        | b'&'
                        | b'\''
                        | b'('
                        | b')'
                        | b'*'
                        | b'+'
                        | b','
                        | b'='
                        | b':'
                        | b'@'
                );
            if plain {
                bits |= 1_u128 << byte;
            }
            byte += 1;
        }
        bits
    };
    byte < 128 && PLAIN >> byte & 1 == 1
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Decodes what needs no encoding, encodes what may not stand raw, and refuses what servers
/// read differently.
fn rewrite(path: &str) -> Result<String, RequestFault> {
    let mut out = String::with_capacity(path.len() + 8);
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let (value, encoded) = match byte {
            b'%' => (hex(bytes.next())? << 4 | hex(bytes.next())?, true),
            other => (other, false),
        };
        decoded.push(value);
        match (value, encoded) {
            (b'/', true) | (b'\\' | b';' | b'?' | b'#' | 0..=0x1f | 0x7f, true) => {
                return Err(RequestFault::EncodedDelimiter);
            }
            (b'%', true) => push_encoded(&mut out, value),
            (b'\\' | b';' | 0..=0x20 | 0x7f.., false) => return Err(RequestFault::RawDelimiter),
            (b'/', false) => out.push('/'),
            (plain, false) if is_plain(plain) => out.push(char::from(plain)),
            (plain, true) if is_unreserved(plain) => out.push(char::from(plain)),
            (other, _) => push_encoded(&mut out, other),
        }
    }
    if str::from_utf8(&decoded).is_err() {
        return Err(RequestFault::BrokenEncoding);
    }
    if has_double_encoding(&out) {
        return Err(RequestFault::EncodedDelimiter);
    }
    Ok(out)
}

/// Tells whether a canonical path could be decoded a second time.
///
/// SECURITY: looked for in what is forwarded, not in what was sent: `%25%34%31` becomes `%2541`,
/// and `%252e` would be a dot to whoever decodes twice.
fn has_double_encoding(path: &str) -> bool {
    path.match_indices("%25").any(|(at, _)| {
        let next = path.as_bytes().get(at + 3..at + 5);
        next.is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit))
    })
}

fn hex(digit: Option<u8>) -> Result<u8, RequestFault> {
    digit
        .and_then(|b| char::from(b).to_digit(16))
        .and_then(|value| u8::try_from(value).ok())
        .ok_or(RequestFault::BrokenEncoding)
}

fn push_encoded(out: &mut String, byte: u8) {
    let digit = |nibble: u8| {
        char::from_digit(u32::from(nibble), 16)
            .unwrap_or('0')
            .to_ascii_uppercase()
    };
    out.push('%');
    out.push(digit(byte >> 4));
    out.push(digit(byte & 15));
}

/// Refuses segments that servers drop, merge or resolve.
fn check_segments(path: &str) -> Result<(), RequestFault> {
    let rest = path.strip_prefix('/').unwrap_or(path);
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "" if segments.peek().is_some() => return Err(RequestFault::EmptySegment),
            "" => {}
            "." | ".." => return Err(RequestFault::DotSegment),
            _ if segment.ends_with('.') || segment.ends_with("%20") => {
                return Err(RequestFault::TrailingDot);
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_query(query: Option<&str>) -> Result<(), RequestFault> {
    match query {
        Some(text) if !text.bytes().all(|b| (0x21..=0x7e).contains(&b)) => Err(RequestFault::Query),
        _ => Ok(()),
    }
}
