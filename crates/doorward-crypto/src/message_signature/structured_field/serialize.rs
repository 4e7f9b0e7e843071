//! Serialising (RFC 9651 section 4.1).

use std::fmt::{self, Display, Formatter, Write as _};

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

use super::{BareItem, Dictionary, InnerList, Item, List, Member, Parameters};

impl Display for BareItem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(f, "{number}"),
            Self::Decimal(thousandths) => decimal(*thousandths, f),
            Self::String(text) => string(text, f),
            Self::Token(token) => f.write_str(token),
            Self::Bytes(bytes) => write!(f, ":{}:", Base64Display::new(bytes, &STANDARD)),
            Self::Boolean(true) => f.write_str("?1"),
            Self::Boolean(false) => f.write_str("?0"),
            Self::Date(seconds) => write!(f, "@{seconds}"),
            Self::DisplayString(text) => display_string(text, f),
        }
    }
}

fn decimal(thousandths: i64, f: &mut Formatter<'_>) -> fmt::Result {
    let sign = if thousandths < 0 { "-" } else { "" };
    let (whole, rest) = (
        thousandths.unsigned_abs() / 1000,
        thousandths.unsigned_abs() % 1000,
    );
    let fraction = format!("{rest:03}");
    let kept = match fraction.trim_end_matches('0') {
        "" => "0",
        some => some,
    };
    write!(f, "{sign}{whole}.{kept}")
}

fn string(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}

fn display_string(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str("%\"")?;
    for byte in text.bytes() {
        if matches!(byte, b'%' | b'"' | 0..=0x1f | 0x7f..) {
            write!(f, "%{byte:02x}")?;
        } else {
            f.write_char(char::from(byte))?;
        }
    }
    f.write_char('"')
}

impl Display for Parameters {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (key, value) in self.iter() {
            write!(f, ";{key}")?;
            if *value != BareItem::Boolean(true) {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

impl Display for Item {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.value, self.parameters)
    }
}

impl Display for InnerList {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('(')?;
        separated(&self.items, " ", f)?;
        write!(f, "){}", self.parameters)
    }
}

impl Display for List {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        separated(&self.0, ", ", f)
    }
}

impl Display for Dictionary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (n, (key, member)) in self.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { ", " })?;
            f.write_str(key)?;
            match member {
                Member::Item(item) if item.value == BareItem::Boolean(true) => {
                    write!(f, "{}", item.parameters)?;
                }
                member => write!(f, "={member}")?,
            }
        }
        Ok(())
    }
}

fn separated<T: Display>(items: &[T], by: &str, f: &mut Formatter<'_>) -> fmt::Result {
    for (n, item) in items.iter().enumerate() {
        f.write_str(if n == 0 { "" } else { by })?;
        item.fmt(f)?;
    }
    Ok(())
}
