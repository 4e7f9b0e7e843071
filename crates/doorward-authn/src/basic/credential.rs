//! What follows `Basic` in the header (RFC 7617 section 2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_core::Secret;
use doorward_core::rejection::Reason;
use doorward_crypto::hash::password::MAX_PASSWORD_LEN;

use super::reason::{CONTROL, EMPTY, ENCODING, NO_COLON, TOO_LONG};

/// The longest name a user can have, in bytes.
const MAX_NAME_LEN: usize = 128;
const MAX_DECODED_LEN: usize = MAX_NAME_LEN + 1 + MAX_PASSWORD_LEN;
/// The longest text that can hold a name and a password.
const MAX_TEXT_LEN: usize = MAX_DECODED_LEN.div_ceil(3) * 4;

/// A name and a password as a caller sent them: one piece of UTF-8 without control characters.
pub struct UserPass {
    decoded: Secret<Vec<u8>>,
    len: usize,
    colon: usize,
}

impl UserPass {
    /// Parses base64 (RFC 4648 section 4, padded) of `name:password`. What nobody's name and
    /// password can be is refused here, whoever is known.
    ///
    /// # Errors
    /// Why the text is not that.
    pub fn parse(text: &str) -> Result<Self, &'static Reason> {
        if text.len() > MAX_TEXT_LEN {
            return Err(&TOO_LONG);
        }
        let mut buffer = vec![0; text.len() / 4 * 3 + 3];
        let decoded = STANDARD.decode_slice(text, &mut buffer);
        let buffer = Secret::new(buffer);
        let decoded_text = decoded
            .ok()
            .and_then(|len| str::from_utf8(buffer.expose().get(..len)?).ok())
            .ok_or(&ENCODING)?;
        if decoded_text.contains(char::is_control) {
            return Err(&CONTROL);
        }
        let (name, password) = decoded_text.split_once(':').ok_or(&NO_COLON)?;
        // SECURITY: an empty password must never come near a comparison.
        if name.is_empty() || password.is_empty() {
            return Err(&EMPTY);
        }
        if name.len() > MAX_NAME_LEN || password.len() > MAX_PASSWORD_LEN {
            return Err(&TOO_LONG);
        }
        let (len, colon) = (decoded_text.len(), name.len());
        Ok(Self {
            decoded: buffer,
            len,
            colon,
        })
    }

    /// Takes a name and a password that came apart, as a form sends them.
    ///
    /// # Errors
    /// Why nobody can have them.
    pub fn of_parts(name: &str, password: &Secret<String>) -> Result<Self, &'static Reason> {
        if name.contains(':') {
            return Err(&NO_COLON);
        }
        let pair = Secret::new(format!("{name}:{}", password.expose()).into_bytes());
        if pair.expose().len() > MAX_DECODED_LEN {
            return Err(&TOO_LONG);
        }
        let text = Secret::new(STANDARD.encode(pair.expose()));
        Self::parse(text.expose())
    }

    /// The name: public, and chosen by the caller.
    #[must_use]
    pub fn name(&self) -> &str {
        let name = self.decoded.expose().get(..self.colon);
        name.and_then(|name| str::from_utf8(name).ok())
            .unwrap_or_default()
    }

    /// The password.
    #[must_use]
    pub fn password(&self) -> &[u8] {
        let from = self.colon.saturating_add(1);
        self.decoded
            .expose()
            .get(from..self.len)
            .unwrap_or_default()
    }

    /// `name:password`. No name has a colon, so no two pairs look the same.
    pub(super) fn pair(&self) -> &[u8] {
        self.decoded.expose().get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::UserPass;

    fn parse(pair: &[u8]) -> Result<(String, Vec<u8>), &'static str> {
        UserPass::parse(&STANDARD.encode(pair))
            .map(|pair| (pair.name().to_owned(), pair.password().to_vec()))
            .map_err(|reason| reason.code)
    }

    #[test]
    fn r027_the_first_colon_splits() {
        let pair = parse(b"alice:a:b:").unwrap();
        assert_eq!(pair, ("alice".to_owned(), b"a:b:".to_vec()));
    }

    #[test]
    fn r027_the_examples_of_rfc_7617_parse() {
        let pair = UserPass::parse("QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
        assert_eq!(
            (pair.name(), pair.password()),
            ("Aladdin", &b"open sesame"[..])
        );
        let pair = UserPass::parse("dGVzdDoxMjPCow==").unwrap();
        assert_eq!((pair.name(), pair.password()), ("test", "123£".as_bytes()));
    }

    #[test]
    fn r027_what_is_no_pair_is_refused() {
        for (pair, code) in [
            (&b"alice"[..], "basic_no_colon"),
            (b"", "basic_no_colon"),
            (b":secret", "basic_empty"),
            (b"alice:", "basic_empty"),
            (b":", "basic_empty"),
            (b"al\0ice:secret", "basic_control"),
            (b"alice:sec\0ret", "basic_control"),
            (b"alice:sec\nret", "basic_control"),
            ("alice:sec\u{85}ret".as_bytes(), "basic_control"),
            (b"alice:\xff", "basic_encoding"),
            (b"al\xc3:x", "basic_encoding"),
        ] {
            assert_eq!(parse(pair), Err(code), "{pair:?}");
        }
    }

    #[test]
    fn r027_only_strict_base64_counts() {
        for text in [
            "YTpi YTpi",
            "YTpi\t",
            "YTo",
            "YTo===",
            "YTp=",
            "YTo=YTo=",
            "_-_-",
            "*",
            "=",
            "YTpiY",
            "YTp/\u{20ac}",
            // The right bytes with stray bits in the last character.
            "YTr=",
            "YTpiYx==",
        ] {
            let code = UserPass::parse(text).err().map(|reason| reason.code);
            assert_eq!(code, Some("basic_encoding"), "{text:?}");
        }
    }

    #[test]
    fn r027_long_pairs_are_refused_and_the_longest_pass() {
        let longest = format!("{}:{}", "n".repeat(128), "p".repeat(1024));
        assert_eq!(parse(longest.as_bytes()).unwrap().1.len(), 1024);
        for long in [
            format!("{}:p", "n".repeat(129)),
            format!("n:{}", "p".repeat(1025)),
            "x".repeat(10 * 1024),
            format!("n:{}", "p".repeat(1 << 20)),
        ] {
            assert_eq!(parse(long.as_bytes()), Err("basic_too_long"));
        }
    }

    proptest! {
        #[test]
        fn r027_no_text_panics(text in ".{0,2000}") {
            let _parsed = UserPass::parse(&text);
        }

        #[test]
        fn r027_no_decoded_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..1200)) {
            let _parsed = parse(&bytes);
        }

        #[test]
        fn r027_what_parses_is_what_was_sent(name in "[^:\\p{Cc}]{1,30}", password in "[^\\p{Cc}]{1,99}") {
            let parsed = parse(format!("{name}:{password}").as_bytes());
            prop_assert_eq!(parsed, Ok((name, password.into_bytes())));
        }
    }
}
