//! Structured field values (RFC 9651): parsed strictly, serialised in their one spelling.

use std::fmt;

use thiserror::Error;

mod parse;
mod serialize;

/// A text that is not a structured field value.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a structured field value, at byte {0}")]
pub struct NotStructured(pub usize);

/// A value without parameters (RFC 9651 section 3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BareItem {
    /// An integer of at most 15 digits.
    Integer(i64),
    /// A decimal, in thousandths.
    Decimal(i64),
    /// A string of printable ASCII.
    String(String),
    /// A token.
    Token(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A boolean.
    Boolean(bool),
    /// A date, in seconds since the Unix epoch.
    Date(i64),
    /// A string of Unicode.
    DisplayString(String),
}

/// Parameters in their order, each key once.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Parameters(Vec<(String, BareItem)>);

/// A value with parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The value.
    pub value: BareItem,
    /// Its parameters.
    pub parameters: Parameters,
}

/// A list inside a list or dictionary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InnerList {
    /// The items.
    pub items: Vec<Item>,
    /// The parameters of the list.
    pub parameters: Parameters,
}

/// A member of a list or dictionary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// An item.
    Item(Item),
    /// An inner list.
    InnerList(InnerList),
}

/// A list (RFC 9651 section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List(pub Vec<Member>);

/// A dictionary (RFC 9651 section 3.2): members in their order, each key once.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Dictionary(Vec<(String, Member)>);

/// What becomes of a key that comes twice in one field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Twice {
    /// The last one counts, as the standard says.
    LastCounts,
    /// The field is refused: two readers could take it for two things.
    Refused,
}

impl Dictionary {
    /// Parses a dictionary, all lines of the field joined with `, `.
    ///
    /// # Errors
    /// [`NotStructured`] where the text is something else.
    pub fn parse(text: &[u8], twice: Twice) -> Result<Self, NotStructured> {
        parse::dictionary(text, twice)
    }

    /// The member of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Member> {
        self.iter()
            .find_map(|(name, member)| (name == key).then_some(member))
    }

    /// The members in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Member)> {
        self.0.iter().map(|(key, member)| (key.as_str(), member))
    }

    fn put(&mut self, key: String, member: Member, twice: Twice) -> bool {
        put(&mut self.0, key, member, twice)
    }
}

impl List {
    /// Parses a list, all lines of the field joined with `, `.
    ///
    /// # Errors
    /// [`NotStructured`] where the text is something else.
    pub fn parse(text: &[u8], twice: Twice) -> Result<Self, NotStructured> {
        parse::list(text, twice)
    }
}

impl Item {
    /// Parses an item.
    ///
    /// # Errors
    /// [`NotStructured`] where the text is something else.
    pub fn parse(text: &[u8], twice: Twice) -> Result<Self, NotStructured> {
        parse::item(text, twice)
    }

    /// A string with parameters.
    #[must_use]
    pub fn string(text: &str, parameters: Parameters) -> Self {
        Self {
            value: BareItem::String(text.to_owned()),
            parameters,
        }
    }
}

impl Parameters {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&BareItem> {
        self.iter()
            .find_map(|(name, value)| (name == key).then_some(value))
    }

    /// The parameters in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &BareItem)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Tells whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a parameter at the end.
    #[must_use]
    pub fn with(mut self, key: &str, value: BareItem) -> Self {
        self.put(key.to_owned(), value, Twice::LastCounts);
        self
    }

    fn put(&mut self, key: String, value: BareItem, twice: Twice) -> bool {
        put(&mut self.0, key, value, twice)
    }
}

/// Adds a key; false when it is there and must not be.
fn put<T>(entries: &mut Vec<(String, T)>, key: String, value: T, twice: Twice) -> bool {
    match entries.iter_mut().find(|(known, _)| *known == key) {
        Some(_) if twice == Twice::Refused => return false,
        // A key that comes again keeps its first place.
        Some((_, old)) => *old = value,
        None => entries.push((key, value)),
    }
    true
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(item) => item.fmt(f),
            Self::InnerList(list) => list.fmt(f),
        }
    }
}
