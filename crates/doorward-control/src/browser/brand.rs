//! The operator's name, logo and colour on the pages.

use bytes::Bytes;
use thiserror::Error;

/// The largest logo, in bytes.
pub const LOGO_MAX: usize = 256 * 1024;

/// How the pages look.
#[derive(Clone, Debug)]
pub struct Brand {
    /// The operator's name.
    pub name: String,
    /// The host that the pages are on, for people to compare.
    pub host: String,
    /// The colour of buttons.
    pub colour: Colour,
    /// The logo.
    pub logo: Option<Logo>,
}

impl Brand {
    /// Whether there is a logo.
    #[must_use]
    pub const fn has_logo(&self) -> bool {
        self.logo.is_some()
    }
}

/// A colour, and black or white for text on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

/// A text that is not a colour.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a colour is written as `#1a5fb4`")]
pub struct NotAColour;

impl Colour {
    /// The colour where the operator chose none.
    pub const DEFAULT: Self = Self {
        red: 0x1a,
        green: 0x5f,
        blue: 0xb4,
    };

    /// Parses `#rrggbb`.
    ///
    /// # Errors
    /// [`NotAColour`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NotAColour> {
        let digits = text.strip_prefix('#').ok_or(NotAColour)?;
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotAColour);
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| NotAColour)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self { red, green, blue })
    }

    /// The rules that set the colour. It holds hexadecimal digits and nothing of a caller's.
    #[must_use]
    pub fn css(self) -> String {
        let Self { red, green, blue } = self;
        let on = if self.is_light() { "#000" } else { "#fff" };
        format!(
            ":root{{--accent:#{red:02x}{green:02x}{blue:02x};--on-accent:{on};--ring:#{red:02x}{green:02x}{blue:02x}}}\n\
             @media (prefers-color-scheme:dark){{:root{{--ring:#9ec5ff}}}}\n"
        )
    }

    /// Whether black is easier to read on it than white (WCAG 2 relative luminance above 0.179).
    fn is_light(self) -> bool {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        let luminance =
            0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue);
        luminance > 0.179
    }
}

/// A logo: bytes whose type was recognised.
#[derive(Clone, Debug)]
pub struct Logo {
    pub(super) bytes: Bytes,
    pub(super) kind: &'static str,
}

/// Bytes that are not a logo.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a logo is a PNG, JPEG, WebP or SVG image of at most {LOGO_MAX} bytes")]
pub struct NotALogo;

impl Logo {
    /// Recognises an image by its first bytes.
    ///
    /// # Errors
    /// [`NotALogo`] when it is none of a known type, or too large.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, NotALogo> {
        if bytes.len() > LOGO_MAX {
            return Err(NotALogo);
        }
        let text = bytes.trim_ascii_start();
        let kind = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            "image/png"
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            "image/jpeg"
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            "image/webp"
        } else if text.starts_with(b"<svg") || text.starts_with(b"<?xml") {
            "image/svg+xml"
        } else {
            return Err(NotALogo);
        };
        Ok(Self {
            bytes: bytes.into(),
            kind,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Colour, Logo, NotAColour};

    #[test]
    fn i26_a_colour_is_six_digits_and_nothing_else() {
        for bad in [
            "",
            "#",
            "#fff",
            "red",
            "#12345g",
            "#1234567",
            "#+12345",
            "1a5fb4",
            "#000;}body{background:url(//evil)",
            "#éé12",
        ] {
            assert_eq!(Colour::parse(bad), Err(NotAColour), "{bad}");
        }
        assert_eq!(Colour::parse("#1A5fB4"), Ok(Colour::DEFAULT));
    }

    #[test]
    fn text_on_a_colour_can_be_read() {
        for (colour, on) in [
            ("#ffffff", "#000"),
            ("#ffd400", "#000"),
            ("#000000", "#fff"),
            ("#1a5fb4", "#fff"),
        ] {
            let css = Colour::parse(colour).unwrap().css();
            assert!(css.contains(&format!("--on-accent:{on};")), "{colour}");
        }
    }

    #[test]
    fn i26_a_logo_is_what_its_first_bytes_say() {
        let kind = |bytes: &[u8]| Logo::parse(bytes.to_vec()).ok().map(|logo| logo.kind);
        assert_eq!(kind(b"\x89PNG\r\n\x1a\nrest"), Some("image/png"));
        assert_eq!(kind(b"\n<svg xmlns=''/>"), Some("image/svg+xml"));
        assert_eq!(kind(b"<html><script>"), None);
        assert_eq!(kind(b""), None);
        let large = [b"<svg".to_vec(), vec![b' '; super::LOGO_MAX]].concat();
        assert!(Logo::parse(large).is_err());
    }
}
