//! The parameters of a request, read strictly (RFC 6749 sections 3.1, 3.2 and appendix B).

use doorward_core::{RequestHead, Secret};
use http::header::CONTENT_TYPE;
use thiserror::Error;

use crate::error::OAuthError;

/// The most parameters of one request.
const MOST: usize = 64;
/// Parameters that may come more than once (RFC 8707 section 2, RFC 8693 section 2.1).
const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// Parameters by name. Values are secrets until somebody knows better.
pub struct Parameters(Vec<(String, Secret<String>)>);

/// Why parameters are refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ParameterFault {
    /// The content type is missing, doubled or another.
    #[error("The body must be sent as application/x-www-form-urlencoded.")]
    ContentType,
    /// A percent-encoding is broken, or what it stands for is not UTF-8 or has a NUL.
    #[error("The parameters are not well-formed UTF-8 in the form encoding.")]
    Encoding,
    /// One parameter came twice.
    #[error("A parameter was sent more than once.")]
    Duplicate,
    /// There are too many.
    #[error("There are too many parameters.")]
    TooMany,
    /// Something stands in the query where only the body is read.
    #[error("Parameters belong into the body, not into the query.")]
    InQuery,
}

impl From<ParameterFault> for OAuthError {
    fn from(fault: ParameterFault) -> Self {
        Self::invalid_request(match fault {
            ParameterFault::ContentType => {
                "The body must be sent as application/x-www-form-urlencoded."
            }
            ParameterFault::Encoding => {
                "The parameters are not well-formed UTF-8 in the form encoding."
            }
            ParameterFault::Duplicate => "A parameter was sent more than once.",
            ParameterFault::TooMany => "There are too many parameters.",
            ParameterFault::InQuery => "Parameters belong into the body, not into the query.",
        })
    }
}

impl Parameters {
    /// Reads the body of a POST. Nothing may stand in the query.
    ///
    /// # Errors
    /// [`ParameterFault`] for whatever two readers could read differently.
    pub fn of_body(head: &RequestHead, body: &[u8]) -> Result<Self, ParameterFault> {
        // SECURITY: queries end up in logs and histories; a secret there is refused, not read.
        if head.query().is_some_and(|query| !query.is_empty()) {
            return Err(ParameterFault::InQuery);
        }
        let mut types = head.headers().get_all(CONTENT_TYPE).iter();
        let (Some(one), None) = (types.next(), types.next()) else {
            return Err(ParameterFault::ContentType);
        };
        if !one.to_str().is_ok_and(is_form) {
            return Err(ParameterFault::ContentType);
        }
        Self::parse(body)
    }

    /// Reads a query or a body. A parameter without a value counts as absent.
    ///
    /// # Errors
    /// [`ParameterFault`] for whatever two readers could read differently.
    pub fn parse(text: &[u8]) -> Result<Self, ParameterFault> {
        let mut all: Vec<(String, Secret<String>)> = Vec::new();
        let pairs = text.split(|byte| *byte == b'&');
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            if all.len() == MOST {
                return Err(ParameterFault::TooMany);
            }
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            let known = all.iter().any(|(other, _)| *other == name);
            if known && !REPEATABLE.contains(&name.as_str()) {
                return Err(ParameterFault::Duplicate);
            }
            all.push((name, Secret::new(value)));
        }
        Ok(Self(all))
    }

    /// A parameter's value, if it has one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let named = self.0.iter().find(|(other, _)| other == name);
        let value = named.map(|(_, value)| value.expose().as_str());
        value.filter(|value| !value.is_empty())
    }

    /// All values of a parameter that may come more than once.
    pub fn all<'p, 'n: 'p>(&'p self, name: &'n str) -> impl Iterator<Item = &'p str> + use<'p, 'n> {
        let named = self.0.iter().filter(move |(other, _)| other == name);
        let values = named.map(|(_, value)| value.expose().as_str());
        values.filter(|value| !value.is_empty())
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// `invalid_request` with the sentence given when it is absent or empty.
    pub fn required(&self, name: &str, sentence: &'static str) -> Result<&str, OAuthError> {
        self.get(name)
            .ok_or_else(|| OAuthError::invalid_request(sentence))
    }
}

/// Tells whether a content type is that of a form. Of its parameters only `charset=utf-8` is known.
fn is_form(value: &str) -> bool {
    let mut parts = value.split(';').map(str::trim);
    let is_type = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    is_type
        && parts.all(|part| {
            part.eq_ignore_ascii_case("charset=utf-8")
                || part.eq_ignore_ascii_case("charset=\"utf-8\"")
        })
}

/// Decodes one name or value.
///
/// # Errors
/// [`ParameterFault::Encoding`].
pub(crate) fn decode(text: &[u8]) -> Result<String, ParameterFault> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (rest.next().and_then(hex), rest.next().and_then(hex));
                match (high, low) {
                    (Some(high), Some(low)) => high << 4 | low,
                    _ => return Err(ParameterFault::Encoding),
                }
            }
            other => *other,
        });
    }
    let decoded = String::from_utf8(bytes).map_err(|_| ParameterFault::Encoding)?;
    if decoded.contains('\0') {
        return Err(ParameterFault::Encoding);
    }
    Ok(decoded)
}

fn hex(byte: &u8) -> Option<u8> {
    let digit = char::from(*byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ParameterFault, Parameters, decode, is_form};

    #[test]
    fn i28_a_parameter_that_comes_twice_is_refused_in_every_spelling() {
        for twice in ["a=1&a=2", "a=1&%61=2", "a=&a=1", "a&a", "a=1&b=2&a=1"] {
            let fault = Parameters::parse(twice.as_bytes()).err();
            assert_eq!(fault, Some(ParameterFault::Duplicate), "{twice}");
        }
        let many = Parameters::parse(b"resource=a&resource=b").ok().unwrap();
        assert_eq!(many.all("resource").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for bad in [
            &b"a=%"[..],
            b"a=%4",
            b"a=%zz",
            b"a=%+1",
            b"a=%ff",
            b"a=\xff",
            b"a=%00",
            b"%c3=1",
        ] {
            let fault = Parameters::parse(bad).err();
            assert_eq!(fault, Some(ParameterFault::Encoding), "{bad:?}");
        }
        let many = (0..65).map(|n| format!("p{n}=1&")).collect::<String>();
        let fault = Parameters::parse(many.as_bytes()).err();
        assert_eq!(fault, Some(ParameterFault::TooMany));
    }

    #[test]
    fn values_are_decoded_and_empty_ones_absent() {
        let form = Parameters::parse(b"a=x+y%2B%C3%A9&b=&c&d=e=f")
            .ok()
            .unwrap();
        assert_eq!(form.get("a"), Some("x y+\u{e9}"));
        assert_eq!((form.get("b"), form.get("c")), (None, None));
        assert_eq!(form.get("d"), Some("e=f"));
    }

    #[test]
    fn only_forms_in_utf8_are_read() {
        for good in [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
        ] {
            assert!(is_form(good), "{good}");
        }
        for bad in [
            "",
            "application/json",
            "application/x-www-form-urlencodedx",
            "application/x-www-form-urlencoded; charset=utf-16",
            "multipart/form-data; boundary=x",
            "text/plain",
        ] {
            assert!(!is_form(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn i33_nothing_makes_the_parser_fall_over(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let _read = Parameters::parse(&text);
        }

        #[test]
        fn what_was_encoded_comes_back(text in "[^\0]{0,40}") {
            let encoded: String = text.bytes().map(|b| format!("%{b:02x}")).collect();
            prop_assert_eq!(decode(encoded.as_bytes()), Ok(text));
        }
    }
}
