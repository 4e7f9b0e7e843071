//! Which members of a JSON body are meant: a JSON Pointer (RFC 6901) in which `*` stands for
//! every element of a list.

use std::fmt;

use thiserror::Error;

/// The longest pointer that is accepted, in bytes.
const MAX_LEN: usize = 512;

/// A parsed pointer: `/user_id`, `/items/*/price`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pointer {
    steps: Box<[Step]>,
    text: Box<str>,
}

/// One step from a value into it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// The member of an object with this name.
    Member(Box<str>),
    /// Every element of a list.
    Each,
}

/// A text that is not such a pointer.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PointerError {
    /// It does not start with a slash.
    #[error("a pointer starts with a slash")]
    NoSlash,
    /// A step has no name, or the pointer is too long or too deep.
    #[error("a step is empty, or the pointer is longer than {MAX_LEN} bytes or too deep")]
    Steps,
    /// `~` without `0` or `1` after it, or a control character.
    #[error("`~` is written `~0` and `/` in a name `~1`; control characters have no place")]
    Escape,
}

impl Pointer {
    /// Parses a pointer.
    ///
    /// # Errors
    /// [`PointerError`] for anything that names no member: the whole document is not one.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        let inner = text.strip_prefix('/').ok_or(PointerError::NoSlash)?;
        if text.len() > MAX_LEN || text.matches('/').count() >= crate::json::MAX_DEPTH {
            return Err(PointerError::Steps);
        }
        let steps: Result<_, _> = inner.split('/').map(step).collect();
        Ok(Self {
            steps: steps?,
            text: text.into(),
        })
    }

    /// The steps from the document to what is meant; at least one.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The pointer as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether no document can have what both mean: one goes through a list where the
    /// other goes through an object.
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        let mut pairs = self.steps.iter().zip(&other.steps);
        pairs
            .find(|(ours, theirs)| ours != theirs)
            .is_some_and(|(ours, theirs)| *ours == Step::Each || *theirs == Step::Each)
    }
}

fn step(part: &str) -> Result<Step, PointerError> {
    if part == "*" {
        return Ok(Step::Each);
    }
    if part.is_empty() {
        return Err(PointerError::Steps);
    }
    let mut name = String::with_capacity(part.len());
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        name.push(match c {
            '~' => match chars.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return Err(PointerError::Escape),
            },
            control if control.is_control() => return Err(PointerError::Escape),
            plain => plain,
        });
    }
    Ok(Step::Member(name.into()))
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::{Pointer, PointerError, Step};

    #[test]
    fn r102_pointers_are_read_as_rfc_6901_says() {
        let name = |text: &str| Step::Member(text.into());
        let steps = |text| Pointer::parse(text).unwrap().steps().to_vec();
        assert_eq!(steps("/a"), [name("a")]);
        assert_eq!(steps("/a~1b/c~01"), [name("a/b"), name("c~1")]);
        assert_eq!(
            steps("/items/*/price"),
            [name("items"), Step::Each, name("price")]
        );
        for (wrong, error) in [
            ("", PointerError::NoSlash),
            ("a", PointerError::NoSlash),
            ("/", PointerError::Steps),
            ("/a//b", PointerError::Steps),
            ("/a/", PointerError::Steps),
            ("/a~2", PointerError::Escape),
            ("/a~", PointerError::Escape),
            ("/a\n", PointerError::Escape),
            (&"/a".repeat(40), PointerError::Steps),
        ] {
            assert_eq!(Pointer::parse(wrong), Err(error), "{wrong:?}");
        }
    }

    #[test]
    fn r102_a_list_and_an_object_at_one_place_contradict() {
        let contradict = |a, b| {
            let (a, b) = (Pointer::parse(a).unwrap(), Pointer::parse(b).unwrap());
            assert_eq!(a.contradicts(&b), b.contradicts(&a));
            a.contradicts(&b)
        };
        assert!(contradict("/*/a", "/a"));
        assert!(contradict("/x/*", "/x/y"));
        assert!(!contradict("/x/*", "/y/z"));
        assert!(!contradict("/x", "/x/y"));
        assert!(!contradict("/x", "/x"));
    }
}
