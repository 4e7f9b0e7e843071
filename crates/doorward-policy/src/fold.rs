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
    /// No segment.
    pub(crate) const EMPTY: Self = Self { text: "", hash: 0 };

    /// Hashes a segment, without allocating.
    pub(crate) fn new(text: &'p str) -> Self {
        let mut hash = WordHash::default();
        if text.contains('%') {
            folded_chars(text).for_each(|c| hash.add_char(c));
        } else {
            hash.add_all(text.as_bytes());
        }
        Self {
            text,
            hash: hash.finish(),
        }
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

/// A fast hash of bytes, eight at a time, that is the same for both cases of an ASCII letter.
/// Callers choose what is looked up but not what is stored, so collisions gain them nothing.
#[derive(Default)]
struct WordHash {
    state: u64,
    word: [u8; 8],
    filled: usize,
}

impl WordHash {
    /// Adds many bytes to an empty hash.
    fn add_all(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(*word);
        }
        for (slot, byte) in self.word.iter_mut().zip(rest) {
            *slot = *byte;
        }
        self.filled = rest.len();
    }

    fn add_char(&mut self, c: char) {
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            if let Some(slot) = self.word.get_mut(self.filled) {
                *slot = byte;
            }
            self.filled += 1;
            if self.filled == self.word.len() {
                self.mix(self.word);
                self.word = [0; 8];
                self.filled = 0;
            }
        }
    }

    const fn mix(&mut self, word: [u8; 8]) {
        let folded = u64::from_le_bytes(word) | 0x2020_2020_2020_2020;
        let product = (self.state.rotate_left(5) ^ folded).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.state = product ^ product >> 32;
    }

    const fn finish(mut self) -> u64 {
        self.mix(self.word);
        self.state
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
