//! The record of a decision.

use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

use crate::clock::Timestamp;
use crate::credential::{CredentialId, Method};
use crate::entropy::Entropy;
use crate::front::Front;
use crate::net::ClientAddress;
use crate::rejection::Rejection;

/// What names a decision in records and answers: `d` and 26 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionId(u128);

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl DecisionId {
    /// The id's text, without an allocation.
    #[must_use]
    pub fn to_ascii(self) -> [u8; 27] {
        let mut text = *b"d00000000000000000000000000";
        let mut rest = self.0;
        for slot in text.iter_mut().skip(1).rev() {
            if let Some(digit) = ALPHABET.get((rest & 31) as usize) {
                *slot = *digit;
            }
            rest >>= 5;
        }
        text
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.to_ascii()).unwrap_or("d"))
    }
}

impl fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes decision ids: a random number per process and a counter, so that no two are equal and
/// making one costs no system call.
pub struct DecisionIds {
    process: u64,
    next: AtomicU64,
}

impl DecisionIds {
    /// Draws the process's number.
    #[must_use]
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes);
        Self {
            process: u64::from_le_bytes(bytes),
            next: AtomicU64::new(1),
        }
    }

    /// The next id.
    pub fn next(&self) -> DecisionId {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        DecisionId(u128::from(self.process) << 64 | u128::from(count))
    }
}

/// Everything that is recorded of one decision. It never holds a secret.
pub struct Decision<'a> {
    /// When the decision was made.
    pub at: Timestamp,
    /// Its id.
    pub id: DecisionId,
    /// Why the call was refused; absent when it was allowed.
    pub rejection: Option<&'a Rejection>,
    /// The method of the credential.
    pub method: Option<Method>,
    /// What names the credential, once it is known to be genuine.
    pub credential_id: Option<&'a CredentialId>,
    /// Whom the credential stands for, once it is known to be genuine.
    pub subject: Option<&'a str>,
    /// The route's template.
    pub route: Option<&'a str>,
    /// The rule's name.
    pub rule: Option<&'a str>,
    /// The request's method.
    pub http_method: &'a str,
    /// The host asked for.
    pub host: Option<&'a str>,
    /// The path, canonical where there is a canonical one.
    pub path: &'a str,
    /// Where the call came from.
    pub client: ClientAddress,
    /// The front at which it was judged.
    pub front: Front,
    /// How long the gate took, in microseconds.
    pub latency_us: u64,
}

/// The journal cannot take a record and the operator asked for no call without one.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the decision could not be recorded")]
pub struct NotRecorded;

/// Takes the record of every decision.
pub trait Journal: Send + Sync {
    /// Takes one record.
    ///
    /// # Errors
    /// [`NotRecorded`] when the call must be refused because its record would be lost.
    fn record(&self, decision: &Decision<'_>) -> Result<(), NotRecorded>;
}

impl Decision<'_> {
    /// Appends the record as one JSON line, with the newline.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let refused = self.rejection;
        out.extend_from_slice(b"{\"kind\":\"decision\",\"ts\":\"");
        out.extend_from_slice(&self.at.to_ascii());
        out.extend_from_slice(b"\",\"decision_id\":\"");
        out.extend_from_slice(&self.id.to_ascii());
        out.extend_from_slice(b"\",\"outcome\":\"");
        out.extend_from_slice(if refused.is_none() {
            b"allowed"
        } else {
            b"refused"
        });
        out.push(b'"');
        put_field(
            out,
            "failed_check",
            refused.map(|rejection| rejection.check().as_str()),
        );
        put_field(out, "reason", refused.map(Rejection::code));
        let detail = refused.and_then(Rejection::detail);
        if detail.is_some() {
            put_field(out, "detail", detail.as_deref());
        }
        put_field(out, "method", self.method.map(Method::as_str));
        put_field(
            out,
            "credential_id",
            self.credential_id.map(CredentialId::as_str),
        );
        put_field(out, "subject", self.subject);
        put_field(out, "route", self.route);
        put_field(out, "rule", self.rule);
        put_field(out, "http_method", Some(self.http_method));
        match self.host {
            // A key is no host name, but nothing keeps a caller from sending one as such.
            Some(host)
                if host
                    .split(['.', ':'])
                    .any(|label| label.len() > MAX_SEGMENT) =>
            {
                put_field(out, "host", Some("[long]"));
            }
            host => put_field(out, "host", host),
        }
        out.extend_from_slice(b",\"path\":\"");
        put_path(out, self.path);
        out.extend_from_slice(b"\",\"client\":\"");
        put_address(out, self.client.ip());
        out.extend_from_slice(b"\",\"front\":\"");
        out.extend_from_slice(self.front.as_str().as_bytes());
        out.extend_from_slice(b"\",\"latency_us\":");
        put_number(out, self.latency_us);
        out.extend_from_slice(b"}\n");
    }
}

/// The longest path segment that is recorded. Every key and token is longer.
const MAX_SEGMENT: usize = 40;
/// How much of a path is recorded, in bytes.
const MAX_PATH: usize = 512;

/// Writes a path without the segments that could be credentials.
fn put_path(out: &mut Vec<u8>, path: &str) {
    let start = out.len();
    for (n, segment) in path.split('/').enumerate() {
        if out.len() - start > MAX_PATH {
            out.extend_from_slice(b"/...");
            return;
        }
        if n > 0 {
            out.push(b'/');
        }
        if segment.len() > MAX_SEGMENT {
            out.extend_from_slice(b"[long]");
        } else {
            put_text(out, segment);
        }
    }
}

fn put_field(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    match value {
        None => out.extend_from_slice(b"\":null"),
        Some(text) => {
            out.extend_from_slice(b"\":\"");
            put_text(out, text);
            out.push(b'"');
        }
    }
}

/// Writes the inside of a JSON string (RFC 8259 section 7). Control characters, also those
/// above ASCII that terminals act on, are escaped.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    // Nearly every text is plain, and is copied at once.
    if text.as_bytes().iter().all(plain) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push(b'\\');
                out.push(c as u8);
            }
            ' '..='~' => out.push(c as u8),
            // Also what turns the direction of writing, so that a record reads as it is.
            '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => {
                put_display(out, &format_args!("\\u{:04x}", u32::from(c)));
            }
            other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Writes an address. IPv4 by hand: the standard formatting costs more than the whole record.
fn put_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => {
            for (n, octet) in v4.octets().into_iter().enumerate() {
                if n > 0 {
                    out.push(b'.');
                }
                put_number(out, octet.into());
            }
        }
        IpAddr::V6(_) => put_display(out, &address),
    }
}

fn put_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0_u8; 20];
    let mut rest = number;
    let mut used = 0;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + (rest % 10) as u8;
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend(digits.iter().skip(20 - used));
}

fn put_display(out: &mut Vec<u8>, value: &dyn fmt::Display) {
    use std::io::Write;
    // Writing to a vector cannot fail.
    let _written = write!(out, "{value}");
}

#[cfg(test)]
mod tests {
    use super::{Decision, DecisionIds, put_address, put_number, put_path, put_text};
    use crate::clock::Timestamp;
    use crate::entropy::Entropy;
    use crate::front::Front;
    use crate::net::ClientAddress;
    use crate::rejection::Rejection;

    struct Zeros;
    impl Entropy for Zeros {
        fn fill(&self, into: &mut [u8]) {
            into.fill(0);
        }
    }

    #[test]
    fn ids_differ() {
        let ids = DecisionIds::new(&Zeros);
        assert_eq!(ids.next().to_string(), "d00000000000000000000000001");
        assert_eq!(ids.next().to_string(), "d00000000000000000000000002");
    }

    #[test]
    fn numbers_and_addresses_are_written_in_full() {
        let mut out = Vec::new();
        for number in [0, 9, 10, 1000, u64::MAX] {
            put_number(&mut out, number);
            out.push(b' ');
        }
        put_address(&mut out, [192, 0, 2, 255].into());
        out.push(b' ');
        put_address(&mut out, "2001:db8::1".parse().unwrap());
        assert_eq!(
            out,
            b"0 9 10 1000 18446744073709551615 192.0.2.255 2001:db8::1"
        );
    }

    #[test]
    fn r121_control_characters_are_neutralised() {
        let mut out = Vec::new();
        put_text(&mut out, "a\r\nb\u{1b}[31m\"\\\u{9b}\u{2028}\u{202e}é");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "a\\u000d\\u000ab\\u001b[31m\\\"\\\\\\u009b\\u2028\\u202eé"
        );
    }

    #[test]
    fn k11_long_path_segments_are_not_recorded() {
        let mut out = Vec::new();
        put_path(&mut out, &format!("/reset/{}/x", "k".repeat(41)));
        assert_eq!(out, b"/reset/[long]/x");
    }

    fn decision<'a>(host: &'a str, ids: &DecisionIds) -> Decision<'a> {
        Decision {
            at: Timestamp::from_millis(0),
            id: ids.next(),
            rejection: Some(&Rejection::Missing),
            method: None,
            credential_id: None,
            subject: None,
            route: Some("/a"),
            rule: Some("GET /a"),
            http_method: "GET",
            host: Some(host),
            path: "/a",
            client: ClientAddress::new([127, 0, 0, 1].into()),
            front: Front::Proxy,
            latency_us: 7,
        }
    }

    fn line(host: &str) -> String {
        let mut out = Vec::new();
        decision(host, &DecisionIds::new(&Zeros)).write_json(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn k11_a_key_sent_as_a_host_is_not_recorded() {
        let key = "dw-sk-live-".to_owned() + &"a".repeat(38);
        for host in [key.clone(), format!("{key}:443"), format!("a.{key}.b")] {
            let line = line(&host);
            assert!(
                line.contains("\"host\":\"[long]\"") && !line.contains(&key),
                "{line}"
            );
        }
    }

    #[test]
    fn a_record_is_one_json_line_with_the_agreed_names() {
        assert_eq!(
            line("h"),
            "{\"kind\":\"decision\",\"ts\":\"1970-01-01T00:00:00.000Z\",\
             \"decision_id\":\"d00000000000000000000000001\",\"outcome\":\"refused\",\
             \"failed_check\":\"present\",\"reason\":\"credential_missing\",\"method\":null,\
             \"credential_id\":null,\"subject\":null,\"route\":\"/a\",\"rule\":\"GET /a\",\
             \"http_method\":\"GET\",\"host\":\"h\",\"path\":\"/a\",\"client\":\"127.0.0.1\",\
             \"front\":\"proxy\",\"latency_us\":7}\n"
        );
    }
}
