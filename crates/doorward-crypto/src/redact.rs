//! Removing credentials from free text, such as a log line that quotes a request.
//!
//! Credentials are found by how they begin and removed up to where they can't go on: nothing
//! here relies on a length.

use std::borrow::Cow;

use crate::api_key::KeyPrefix;

const MARK: &str = "[redacted]";
const KINDS: [&str; 4] = ["sk_", "pk_", "rk_", "ak_"];
const SCHEMES: [&str; 3] = ["bearer", "basic", "dpop"];
/// The shortest run of base64url after `ey` that is taken for a token; shorter ones are words.
const MIN_TOKEN_LEN: usize = 12;

/// Knows the prefixes of the API keys that may show up in texts.
#[derive(Clone, Debug)]
pub struct Redactor {
    prefixes: Vec<String>,
}

impl Redactor {
    /// Takes all prefixes that keys were ever issued with.
    #[must_use]
    pub fn new<'p>(prefixes: impl IntoIterator<Item = &'p KeyPrefix>) -> Self {
        Self {
            prefixes: prefixes
                .into_iter()
                .map(|p| format!("{}_", p.as_str()))
                .collect(),
        }
    }

    /// Replaces API keys, tokens in JOSE form, and what follows `Bearer`, `Basic` or
    /// `DPoP`. Gives the text back as it is when there is nothing to replace.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut clean = String::new();
        let mut copied = 0;
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let before = text.get(..at).unwrap_or_default();
            match self.find(before, rest) {
                Some((keep, len)) => {
                    clean.push_str(text.get(copied..at + keep).unwrap_or_default());
                    clean.push_str(MARK);
                    at += len;
                    copied = at;
                }
                None => at += rest.chars().next().map_or(1, char::len_utf8),
            }
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        clean.push_str(text.get(copied..).unwrap_or_default());
        Cow::Owned(clean)
    }

    /// Looks for a credential at the start of `rest`: how many bytes of it may stay, and where
    /// it ends.
    fn find(&self, before: &str, rest: &str) -> Option<(usize, usize)> {
        self.key(rest)
            .or_else(|| token(rest))
            .or_else(|| after_scheme(before, rest))
    }

    fn key(&self, rest: &str) -> Option<(usize, usize)> {
        self.prefixes.iter().find_map(|prefix| {
            let after = strip_ignoring_case(rest, prefix)?;
            let body = KINDS
                .iter()
                .find_map(|kind| strip_ignoring_case(after, kind))?;
            let keep = rest.len() - body.len();
            let len = run(body, |b| b.is_ascii_alphanumeric() || b"_-.~".contains(&b));
            (len > 0).then_some((keep, keep + len))
        })
    }
}

/// A token begins with `{"` in base64url, which is `ey`.
fn token(rest: &str) -> Option<(usize, usize)> {
    let body = rest.strip_prefix("ey")?;
    let part = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if run(body, part) < MIN_TOKEN_LEN {
        return None;
    }
    Some((0, 2 + run(body, |b| part(b) || b".=~".contains(&b))))
}

fn after_scheme(before: &str, rest: &str) -> Option<(usize, usize)> {
    if before.ends_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let after = SCHEMES
        .iter()
        .find_map(|scheme| strip_ignoring_case(rest, scheme))?;
    let credential = skip_space(after)?;
    if is_parameter(credential) {
        return None;
    }
    let keep = rest.len() - credential.len();
    let len = run(credential, |b| b > b' ' && !b"\"'<>`".contains(&b));
    (len > 0).then_some((keep, keep + len))
}

/// Skips what stands between scheme and credential, in whatever way it was written.
fn skip_space(text: &str) -> Option<&str> {
    const BETWEEN: [&str; 8] = [" ", "\t", "\\t", "%20", "+", ":", "=", "%3A"];
    let mut rest = text;
    while let Some(next) = BETWEEN.iter().find_map(|space| rest.strip_prefix(space)) {
        rest = next;
    }
    if rest.len() == text.len() {
        return None;
    }
    let quotes = ["\\\"", "\"", "'", "`", "<"];
    Some(
        quotes
            .iter()
            .find_map(|quote| rest.strip_prefix(quote))
            .unwrap_or(rest),
    )
}

/// Tells whether the text goes on like a challenge, `realm="..."`, and not like a credential.
fn is_parameter(text: &str) -> bool {
    let name = run(text, |b| b.is_ascii_lowercase() || b == b'_');
    name > 0 && text.get(name..).is_some_and(|rest| rest.starts_with("=\""))
}

fn strip_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// The length of the longest start of the text that has only such bytes. Callers take ASCII, or
/// all of what is not ASCII, so that the end is the end of a character.
fn run(text: &str, legal: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|b| legal(*b)).count()
}
