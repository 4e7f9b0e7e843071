//! Looking at the query for credentials.

use doorward_core::rejection::Misplaced;

/// Parameters that hold a credential whatever their value: the one of RFC 6750 section 2.3, and
/// the usual name for keys.
const NAMES: [&str; 2] = ["access_token", "api_key"];

/// Finds the one value of the parameter that may carry a key, and refuses other credentials.
/// `is_key` tells by its start whether a value is a key.
///
/// # Errors
/// [`Misplaced::Ambiguous`] when the parameter comes twice, [`Misplaced::InQuery`] when another
/// one carries a credential.
pub(crate) fn find<'q>(
    query: Option<&'q str>,
    allowed: Option<&str>,
    is_key: impl Fn(Decoded<'_>) -> bool,
) -> Result<Option<&'q str>, Misplaced> {
    let Some(query) = query else { return Ok(None) };
    let mut found = None;
    for pair in query.split(['&', ';']) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let allowed_here = allowed.is_some_and(|wanted| Decoded(name).eq(wanted.bytes()));
        // Some servers ignore the case of names.
        let lower = || Decoded(name).map(|byte| byte.to_ascii_lowercase());
        if allowed_here {
            if found.replace(value).is_some() {
                return Err(Misplaced::Ambiguous);
            }
        } else if NAMES.iter().any(|known| lower().eq(known.bytes())) || is_key(Decoded(value)) {
            return Err(Misplaced::InQuery);
        }
    }
    Ok(found)
}

/// The bytes of a percent-encoded text.
///
/// SECURITY: servers decode names and values, so a credential must be seen behind `%61` too.
#[derive(Clone, Copy)]
pub(crate) struct Decoded<'t>(&'t str);

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.as_bytes().split_first()?;
        if *first == b'%'
            && let Some(hex) = self.0.get(1..3)
            && hex.bytes().all(|b| b.is_ascii_hexdigit())
            && let Ok(byte) = u8::from_str_radix(hex, 16)
        {
            self.0 = self.0.get(3..).unwrap_or_default();
            return Some(byte);
        }
        let plain = self.0.len() - rest.len();
        // A text is cut between characters only; what is not ASCII cannot be a credential.
        self.0 = self.0.get(plain..).unwrap_or_default();
        Some(*first)
    }
}

#[cfg(test)]
mod tests {
    use doorward_core::rejection::Misplaced;

    use super::{Decoded, find};

    #[test]
    fn r020_credentials_in_the_query_are_refused_in_every_spelling() {
        let is_key = |value: Decoded<'_>| value.take(6).eq(*b"dw_sk_");
        for refused in [
            "access_token=x",
            "a=b&access%5Ftoken=x",
            "%61pi_key=",
            "api_key",
            "Access_Token=x",
            "API%5FKEY=x",
            "q=dw_sk_live_x",
            "q=%64w%5fsk_live_x",
        ] {
            assert_eq!(
                find(Some(refused), None, is_key),
                Err(Misplaced::InQuery),
                "{refused}"
            );
        }
        for fine in [
            "",
            "a=b&c",
            "token=x",
            "q=dw_pk_live_x",
            "%",
            "%4",
            "a=%zz",
            "é=%é",
        ] {
            assert_eq!(find(Some(fine), None, is_key), Ok(None), "{fine}");
        }
    }

    #[test]
    fn r020_the_allowed_parameter_comes_once() {
        let is_key = |_: Decoded<'_>| false;
        let find = |query| find(Some(query), Some("api_key"), is_key);
        assert_eq!(find("a=1&api_key=k&b=2"), Ok(Some("k")));
        assert_eq!(find("api_key=k&api%5fkey=k"), Err(Misplaced::Ambiguous));
        assert_eq!(find("api_key=k&access_token=t"), Err(Misplaced::InQuery));
    }
}
