//! Path segments as the most lenient server would compare them: percent-decoded, any letter case.
//!
//! Two segments with the same folded form may be one resource to an upstream, so they must
//! never be decided by two rules.

/// A canonical path segment with the hash of its folded form.
#[derive(Clone, Copy)]
pub(crate) struct Hashed<'p> {
    /// The segment as it is forwarded.
    pub(crate) text: &'p str,
    /// The hash of the folded form.
    pub(crate) hash: u64,
}

impl<'p> Hashed<'p> {
    /// Hashes a segment, without allocating.
    pub(crate) fn new(text: &'p str) -> Self {
        let mut hash = Fnv::new();
        if text.contains('%') {
            folded_chars(text).for_each(|c| hash.add_char(c));
        } else {
            text.bytes()
                .for_each(|b| hash.add_byte(b.to_ascii_lowercase()));
        }
        Self { text, hash: hash.0 }
    }

    /// Tells whether the segment's folded form is `folded`.
    pub(crate) fn folds_to(&self, folded: &str) -> bool {
        if self.text.contains('%') {
            folded_chars(self.text).eq(folded.chars())
        } else {
            self.text.eq_ignore_ascii_case(folded)
        }
    }
}

/// The folded form of a canonical path segment.
pub(crate) fn folded(text: &str) -> String {
    folded_chars(text).collect()
}

fn folded_chars(text: &str) -> impl Iterator<Item = char> {
    Decoded(text.bytes())
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        // SECURITY: Java compares a dotted capital I with `i` as equal; Unicode lower case of
        // it is two characters.
        .filter(|c| *c != '\u{307}')
}

/// The characters that a percent-encoded text stands for.
struct Decoded<'t>(std::str::Bytes<'t>);

impl Decoded<'_> {
    fn byte(&mut self) -> Option<u8> {
        let first = self.0.next()?;
        if first != b'%' {
            return Some(first);
        }
        let digits = (
            self.0.next().and_then(hex_value),
            self.0.next().and_then(hex_value),
        );
        match digits {
            (Some(high), Some(low)) => Some(high << 4 | low),
            _ => Some(b'%'),
        }
    }
}

impl Iterator for Decoded<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let first = self.byte()?;
        let len = match first {
            0..=0x7f => return Some(char::from(first)),
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        };
        let mut bytes = [first, 0, 0, 0];
        for slot in bytes.iter_mut().take(len).skip(1) {
            *slot = self.byte()?;
        }
        let decoded = bytes
            .get(..len)
            .and_then(|bytes| str::from_utf8(bytes).ok())
            .and_then(|text| text.chars().next());
        Some(decoded.unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// FNV-1a. Callers choose what is looked up but not what is stored, so collisions gain nothing.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    const fn add_byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ byte as u64).wrapping_mul(0x0100_0000_01b3);
    }

    fn add_char(&mut self, c: char) {
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            self.add_byte(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Hashed, folded};

    fn same(a: &str, b: &str) -> bool {
        let (ha, hb) = (Hashed::new(a), Hashed::new(b));
        let equal = ha.folds_to(&folded(b));
        assert_eq!(equal, hb.folds_to(&folded(a)), "{a} {b}");
        assert!(!equal || ha.hash == hb.hash, "{a} {b}");
        equal
    }

    #[test]
    fn g05_spellings_that_a_lenient_server_may_confuse_are_one() {
        for (a, b) in [
            ("admin", "ADMIN"),
            ("a:b", "a%3Ab"),
            ("a%3AB", "A:b"),
            ("caf%C3%A9", "CAF%C3%89"),
            ("tokens", "to%E2%84%AAens"),
            ("users", "u%C5%BFers"),
            ("admin", "adm%C4%B1n"),
            ("admin", "ADM%C4%B0N"),
            ("stra%C3%9Fe", "strasse"),
            ("100%25", "100%25"),
        ] {
            assert!(same(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("admin", "admin1"),
            ("a", ""),
            ("e", "%C3%A9"),
            ("a+b", "a%20b"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }
}
