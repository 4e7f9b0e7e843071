//! Columns and what they mean. What does not parse is corruption, never a default.

use std::cell::RefCell;
use std::collections::HashMap;

use doorward_core::clock::Timestamp;
use doorward_core::net::Cidrs;
use doorward_core::scope::ScopeSet;
use rusqlite::Row;
use rusqlite::types::Type;

/// The columns of one row, read from left to right.
pub(crate) struct Columns<'r, 's> {
    row: &'r Row<'s>,
    next: usize,
}

impl<'r, 's> Columns<'r, 's> {
    pub(crate) const fn of(row: &'r Row<'s>) -> Self {
        Self { row, next: 0 }
    }

    /// A column that holds what it says.
    pub(crate) fn take<T: rusqlite::types::FromSql>(&mut self) -> rusqlite::Result<T> {
        let index = self.next;
        self.next += 1;
        self.row.get(index)
    }

    /// A text column with a meaning.
    pub(crate) fn parse<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> rusqlite::Result<T> {
        let index = self.next;
        self.maybe(read)?.ok_or(rusqlite::Error::InvalidColumnType(
            index,
            String::new(),
            Type::Null,
        ))
    }

    /// A text column with a meaning, or nothing in it.
    pub(crate) fn maybe<T>(
        &mut self,
        read: impl Fn(&str) -> Option<T>,
    ) -> rusqlite::Result<Option<T>> {
        let index = self.next;
        self.next += 1;
        let Some(text) = self.row.get_ref(index)?.as_str_or_null()? else {
            return Ok(None);
        };
        read(text).map(Some).ok_or_else(|| {
            // The value stays out: it may be what must not be printed.
            let what = "the column holds a value that has no meaning";
            rusqlite::Error::FromSqlConversionFailure(index, Type::Text, what.into())
        })
    }

    pub(crate) fn moment(&mut self) -> rusqlite::Result<Timestamp> {
        self.take().map(Timestamp::from_millis)
    }

    pub(crate) fn maybe_moment(&mut self) -> rusqlite::Result<Option<Timestamp>> {
        Ok(self.take::<Option<i64>>()?.map(Timestamp::from_millis))
    }

    pub(crate) fn scopes(&mut self, seen: &Seen<ScopeSet>) -> rusqlite::Result<ScopeSet> {
        self.parse(|text| seen.or_parse(text, |text| ScopeSet::parse(text).ok()))
    }

    pub(crate) fn texts(&mut self) -> rusqlite::Result<Vec<String>> {
        self.parse(texts_from_json)
    }

    pub(crate) fn cidrs(&mut self, seen: &Seen<Cidrs>) -> rusqlite::Result<Cidrs> {
        self.parse(|text| {
            seen.or_parse(text, |text| {
                let blocks = texts_from_json(text)?;
                Cidrs::parse(blocks.iter().map(String::as_str)).ok()
            })
        })
    }
}

/// Values that were parsed a moment ago. Rows of one table repeat a few of them.
pub(crate) struct Seen<T>(RefCell<HashMap<Box<str>, T>>);

impl<T: Clone> Seen<T> {
    const MOST: usize = 256;

    pub(crate) fn nothing() -> Self {
        Self(RefCell::new(HashMap::new()))
    }

    fn or_parse(&self, text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let mut seen = self.0.borrow_mut();
        if let Some(value) = seen.get(text) {
            return Some(value.clone());
        }
        let value = parse(text)?;
        if seen.len() >= Self::MOST {
            seen.clear();
        }
        seen.insert(text.into(), value.clone());
        Some(value)
    }
}

/// The stored form of a list of texts.
pub(crate) fn texts_to_json(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}

/// The stored form of address blocks.
pub(crate) fn cidrs_to_json(cidrs: &Cidrs) -> String {
    texts_to_json(&cidrs.iter().map(ToString::to_string).collect::<Vec<_>>())
}

pub(crate) fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::millis)
}

/// The limit of a page as SQL takes it.
pub(crate) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The list of texts that is stored.
pub(crate) fn texts_from_json(json: &str) -> Option<Vec<String>> {
    if json == "[]" {
        return Some(Vec::new());
    }
    serde_json::from_str(json).ok()
}

/// How many rows, as the traits say it.
pub(crate) fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
