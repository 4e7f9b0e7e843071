//! Looking at the query for credentials.

use std::borrow::Cow;

use doorward_core::rejection::Misplaced;
use doorward_crypto::api_key::{ApiKeyText, KeyKind, KeyPrefix};

/// Parameters that hold a credential whatever their value: the one of RFC 6750 section 2.3, and
/// the usual name for keys.
const NAMES: [&str; 2] = ["access_token", "api_key"];
/// The kinds of keys that are secret and so must never be in a query by accident.
const SECRET_KINDS: [KeyKind; 3] = [KeyKind::Secret, KeyKind::Restricted, KeyKind::Agent];
/// No key is longer, in bytes.
const MAX_KEY_LEN: usize = 256;
/// How often a text is decoded: servers do it once, and some of those behind them once more.
const ROUNDS: usize = 3;
/// The words that a copied header begins with.
const SCHEMES: [&[u8]; 3] = [b"bearer ", b"basic ", b"dpop "];

/// Knows what the credentials of one method look like in a query, and what all are called there.
pub struct QueryWatch {
    /// Parameters that hold a credential, in folded form.
    names: Vec<Vec<u8>>,
    /// How keys look; without it only names tell.
    keys: Option<Keys>,
}

struct Keys {
    prefix: KeyPrefix,
    /// How secret keys begin: `dw_sk_`.
    secret_starts: [Box<str>; 3],
}

impl QueryWatch {
    /// Watches for keys with this prefix, and for the names of headers that carry them.
    pub fn for_keys<'n>(prefix: KeyPrefix, headers: impl IntoIterator<Item = &'n str>) -> Self {
        let text = prefix.as_str();
        let start = |kind: KeyKind| format!("{text}_{}_", kind.as_str()).into();
        let names = NAMES.into_iter().chain(headers);
        Self {
            names: names.map(|name| folded(name.as_bytes())).collect(),
            keys: Some(Keys {
                secret_starts: SECRET_KINDS.map(start),
                prefix,
            }),
        }
    }

    /// Watches for tokens, by name: a JWT by another name may well be the upstream's business,
    /// an invitation or a signed link.
    #[must_use]
    pub fn for_tokens() -> Self {
        Self {
            names: NAMES.map(|name| folded(name.as_bytes())).into(),
            keys: None,
        }
    }

    /// Finds the one value of the parameter that may carry a key, and refuses other credentials.
    ///
    /// # Errors
    /// [`Misplaced::Ambiguous`] when the parameter comes twice, [`Misplaced::InQuery`] when a
    /// credential is anywhere else.
    pub fn find<'q>(
        &self,
        query: Option<&'q str>,
        allowed: Option<&str>,
    ) -> Result<Option<&'q str>, Misplaced> {
        let Some(query) = query else { return Ok(None) };
        let alike = allowed.map(|name| folded(name.as_bytes()));
        let mut found = None;
        for pair in query.split(['&', ';']) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if allowed.is_some_and(|wanted| *decoded(name.as_bytes()) == *wanted.as_bytes()) {
                if found.replace(value).is_some() {
                    return Err(Misplaced::Ambiguous);
                }
            } else if self.holds_credential(pair, alike.as_deref()) {
                return Err(Misplaced::InQuery);
            }
        }
        Ok(found)
    }

    /// Tells whether a parameter is or holds a credential, however it is encoded. `alike` is the
    /// folded name of the parameter that may carry a key: under another spelling it may not.
    fn holds_credential(&self, pair: &str, alike: Option<&[u8]>) -> bool {
        let mut text = decoded(pair.as_bytes());
        for _ in 0..ROUNDS {
            // A whole address may be in a value, with a query and a fragment of its own.
            let mut parts = text.split(|byte| b"&;?#".contains(byte));
            if parts.any(|part| self.is_credential(part, alike)) || self.holds_secret(&text) {
                return true;
            }
            match decoded(&text) {
                Cow::Borrowed(_) => return false,
                Cow::Owned(again) => text = Cow::Owned(again),
            }
        }
        false
    }

    /// Tells whether a parameter is a credential by its name or by how its value begins.
    fn is_credential(&self, part: &[u8], alike: Option<&[u8]>) -> bool {
        let mut halves = part.splitn(2, |byte| *byte == b'=');
        let name = halves.next().unwrap_or_default();
        let known = |known: &[u8]| is_folded(name, known);
        if alike.is_some_and(known) || self.names.iter().any(|name| known(name)) {
            return true;
        }
        let Some(keys) = &self.keys else { return false };
        let value = halves.next().unwrap_or(name).trim_ascii();
        let scheme = SCHEMES.iter().find(|scheme| {
            let start = value.get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        });
        let value = value.get(scheme.map_or(0, |scheme| scheme.len())..);
        let value = value.unwrap_or_default().trim_ascii();
        let mut starts = keys.secret_starts.iter();
        starts.any(|start| value.starts_with(start.as_bytes()))
    }

    fn holds_secret(&self, text: &[u8]) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.is_in(text))
    }
}

impl Keys {
    /// Tells whether a secret key of ours is anywhere in a text, by its shape and checksum.
    fn is_in(&self, text: &[u8]) -> bool {
        let prefix = self.prefix.as_str().as_bytes();
        let starts = text.windows(prefix.len().max(1)).enumerate();
        starts
            .filter(|(_, window)| *window == prefix)
            .any(|(at, _)| {
                matches!(
                    str::from_utf8(word(text, at)).map(|word| ApiKeyText::check(word, &self.prefix)),
                    Ok(Ok((kind, _))) if kind != KeyKind::Publishable
                )
            })
    }
}

/// The word at a place, when it is not longer than a key.
fn word(text: &[u8], at: usize) -> &[u8] {
    let rest = text.get(at..).unwrap_or_default();
    // SECURITY: bounded, or a long query of nothing but prefixes takes the square of its length.
    let start = rest.iter().take(MAX_KEY_LEN + 1);
    let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    rest.get(..start.take_while(is_word).count())
        .unwrap_or_default()
}

/// What a `+` or `%41` stands for; everything else stands for itself.
///
/// SECURITY: servers decode names and values, so a credential must be seen behind `%61` too.
fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        let code = match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        plain.push(match (code, first) {
            (Some(code), _) => code,
            (None, b'+') => b' ',
            (None, other) => *other,
        });
        rest = after
            .get(if code.is_some() { 2 } else { 0 }..)
            .unwrap_or_default();
    }
    if plain == text {
        return Cow::Borrowed(text); // A lone `%` only.
    }
    Cow::Owned(plain)
}

/// A name as lenient servers see it: without case, spaces before it, what follows `[`, and the
/// difference between `_`, `-`, `.` and a space.
fn fold(name: &[u8]) -> impl Iterator<Item = u8> {
    name.trim_ascii()
        .iter()
        .take_while(|byte| !matches!(byte, b'[' | 0))
        .map(|byte| match byte {
            b'-' | b'.' | b' ' => b'_',
            other => other.to_ascii_lowercase(),
        })
}

fn folded(name: &[u8]) -> Vec<u8> {
    fold(name).collect()
}

fn is_folded(name: &[u8], known: &[u8]) -> bool {
    fold(name).eq(known.iter().copied())
}

#[cfg(test)]
mod tests;
