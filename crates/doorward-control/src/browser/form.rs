//! Forms that browsers send (`application/x-www-form-urlencoded`).

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use zeroize::Zeroizing;

/// The largest form, in bytes.
pub const FORM_MAX: usize = 32 * 1024;
const FIELDS_MAX: usize = 128;

/// The fields of a form, in order.
pub struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    /// Parses a form or a query; `None` when it is too large, has too many fields or is not
    /// UTF-8.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > FORM_MAX {
            return None;
        }
        let mut fields = Vec::new();
        for pair in text.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            if fields.len() == FIELDS_MAX {
                return None;
            }
            let mut halves = pair.splitn(2, |b| *b == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            fields.push((name, Zeroizing::new(value)));
        }
        Some(Self(fields))
    }

    /// Parses a body that says it is a form.
    #[must_use]
    pub fn of_body(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
            .then(|| Self::parse(body))?
    }

    /// A field that is there exactly once.
    #[must_use]
    pub fn one(&self, name: &str) -> Option<&str> {
        let mut found = self.all(name);
        let value = found.next()?;
        found.next().is_none().then_some(value)
    }

    /// All values of a field.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }
}

fn decode(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    let digit = char::from(*rest.next()?).to_digit(16)?;
                    u8::try_from(digit).ok()
                };
                digit()? * 16 + digit()?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{FORM_MAX, Form};

    #[test]
    fn fields_are_decoded_once() {
        let form = Form::parse(b"a=1+2%2B3&b=%2525&c&a%3D=%C3%A9&&d=1&d=2").unwrap();
        assert_eq!(form.one("a"), Some("1 2+3"));
        assert_eq!(form.one("b"), Some("%25"));
        assert_eq!(form.one("c"), Some(""));
        assert_eq!(form.one("a="), Some("é"));
        assert_eq!(form.one("d"), None, "twice");
        assert_eq!(form.all("d").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(form.one("e"), None);
    }

    #[test]
    fn i33_what_is_no_form_is_refused() {
        let many = "a=1&".repeat(129);
        let long = vec![b'a'; FORM_MAX + 1];
        for bad in [
            &b"a=%"[..],
            b"a=%2",
            b"a=%zz",
            b"a=%ff",
            b"a=\xff",
            many.as_bytes(),
            &long,
        ] {
            assert!(Form::parse(bad).is_none());
        }
    }
}
