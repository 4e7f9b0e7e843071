//! Label values that are constants of the program, numbered as they turn up.

use std::sync::OnceLock;

/// How many codes are told apart. The rest are counted as `other`.
pub(super) const CODES: usize = 128;

/// Numbers for codes. Only constants can be codes, so no caller can make up new ones.
pub(super) struct Codes([OnceLock<&'static str>; CODES]);

impl Codes {
    /// No codes yet.
    pub(super) const fn new() -> Self {
        Self([const { OnceLock::new() }; CODES])
    }

    /// The number of a code; [`CODES`] when there are too many.
    pub(super) fn number(&self, code: &'static str) -> usize {
        self.0
            .iter()
            .position(|slot| *slot.get_or_init(|| code) == code)
            .unwrap_or(CODES)
    }

    /// The numbers and codes that turned up.
    pub(super) fn known(&self) -> impl Iterator<Item = (usize, &'static str)> {
        let named = self.0.iter().map_while(|slot| slot.get().copied());
        named.enumerate().chain([(CODES, "other")])
    }
}

#[cfg(test)]
mod tests {
    use super::{CODES, Codes};

    #[test]
    fn codes_are_numbered_once_and_bounded() {
        let codes = Codes::new();
        assert_eq!(codes.number("a"), 0);
        assert_eq!(codes.number("b"), 1);
        assert_eq!(codes.number("a"), 0);
        let many: Vec<&'static str> = (0..CODES + 5)
            .map(|n| &*Box::leak(format!("code-{n}").into_boxed_str()))
            .collect();
        for code in &many {
            assert!(codes.number(code) <= CODES);
        }
        assert_eq!(codes.number(many[CODES + 4]), CODES);
        assert_eq!(codes.known().count(), CODES + 1);
    }
}
