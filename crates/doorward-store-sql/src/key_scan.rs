//! All API keys for a gate: read by one thread in batches that allocate nothing for a row, and
//! lent by another.

use std::collections::HashMap;
use std::str;
use std::sync::Arc;

use doorward_core::clock::Timestamp;
use doorward_core::net::Cidrs;
use doorward_core::scope::ScopeSet;
use doorward_store::{
    ApiKeyIdRef, Environment, KeyKind, KeyTerms, KeyView, KeyVisitor, StoreError,
};
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, Row};

use crate::error::translate;
use crate::row::texts_from_json;
use crate::scan;
use crate::statement::statements;

/// Rows of a batch: what one thread writes and another reads stays in the processor's cache.
const BATCH: usize = 256;
/// How many distinct terms are kept parsed.
const MOST_TERMS: usize = 1024;

statements! {
    KEYS = "SELECT id, owner, digest, kind, environment, scopes, roles, allowed_cidrs,
            not_before, expires_at, revoked_at, last_used_at, exposed_at
        FROM api_key";
    ABOUT_HOW_MANY = "SELECT max(rowid) FROM api_key";
}

/// Lends all keys of the database, as they are at one moment.
pub(crate) async fn visit_all(
    connection: Connection,
    visitor: &mut dyn KeyVisitor,
) -> Result<(), StoreError> {
    let about: Option<i64> = connection
        .query_row(ABOUT_HOW_MANY, [], |row| row.get(0))
        .map_err(|e| translate(&e))?;
    visitor.expect(about.and_then(|n| usize::try_from(n).ok()).unwrap_or(0));
    let mut seen = SeenTerms::default();
    let mut batches = scan::start(connection, KEYS, move |row, batch: &mut Keys| {
        batch.push(row, &mut seen).map_err(|e| named(row, &e))?;
        Ok(batch.rows.len() == BATCH)
    })?;
    while let Some(batch) = batches.next().await? {
        batch.lend(visitor)?;
    }
    Ok(())
}

/// Some keys, side by side.
#[derive(Default)]
struct Keys {
    rows: Vec<Key>,
    /// Identifiers and owners, one after the other.
    texts: String,
    terms: Vec<Arc<KeyTerms>>,
}

struct Key {
    id_end: usize,
    owner_end: usize,
    digest: [u8; 32],
    /// The place of its terms.
    terms: usize,
    /// Start, expiry, revocation, last use, exposure.
    moments: [Option<Timestamp>; 5],
}

impl Keys {
    fn push(&mut self, row: &Row<'_>, seen: &mut SeenTerms) -> rusqlite::Result<()> {
        if self.rows.capacity() == 0 {
            self.rows.reserve_exact(BATCH);
            self.texts.reserve(BATCH * 48);
        }
        let terms = seen.terms(row)?;
        if self
            .terms
            .last()
            .is_none_or(|last| !Arc::ptr_eq(last, terms))
        {
            self.terms.push(Arc::clone(terms));
        }
        let digest = row.get(2)?;
        let mut moments = [None; 5];
        for (column, moment) in (8..).zip(&mut moments) {
            *moment = maybe_moment(row, column)?;
        }
        self.texts.push_str(utf8(row, 0)?);
        let id_end = self.texts.len();
        self.texts.push_str(utf8(row, 1)?);
        self.rows.push(Key {
            id_end,
            owner_end: self.texts.len(),
            digest,
            terms: self.terms.len() - 1,
            moments,
        });
        Ok(())
    }

    fn lend(&self, visitor: &mut dyn KeyVisitor) -> Result<(), StoreError> {
        let mut start = 0;
        for key in &self.rows {
            let id = self.texts.get(start..key.id_end).unwrap_or_default();
            let owner = self.texts.get(key.id_end..key.owner_end);
            let (Ok(id), Some(owner), Some(terms)) =
                (ApiKeyIdRef::parse(id), owner, self.terms.get(key.terms))
            else {
                return Err(StoreError::Corrupt(NO_IDENTIFIER.to_owned()));
            };
            let [not_before, expires_at, revoked_at, last_used_at, exposed_at] = key.moments;
            visitor.visit(&KeyView {
                id,
                owner,
                digest: &key.digest,
                terms,
                not_before,
                expires_at,
                revoked_at,
                last_used_at,
                exposed_at,
            });
            start = key.owner_end;
        }
        Ok(())
    }
}

const NO_IDENTIFIER: &str = "an API key whose identifier is none";

/// The columns of the terms as they are stored.
type Stored<'r> = [&'r str; 5];
/// The same, kept.
type Kept = Box<[Box<str>]>;

/// Terms that were parsed a moment ago. Rows repeat a few of them.
#[derive(Default)]
struct SeenTerms {
    last: Option<(Kept, Arc<KeyTerms>)>,
    all: HashMap<Kept, Arc<KeyTerms>>,
}

impl SeenTerms {
    fn terms(&mut self, row: &Row<'_>) -> rusqlite::Result<&Arc<KeyTerms>> {
        let mut stored: [&[u8]; 5] = [b""; 5];
        for (column, text) in (3..).zip(&mut stored) {
            *text = text_bytes(row, column)?;
        }
        let is_it = |(last, _): &(Kept, _)| last.iter().map(|text| text.as_bytes()).eq(stored);
        if !self.last.as_ref().is_some_and(is_it) {
            let mut texts: Stored<'_> = [""; 5];
            for (column, (text, bytes)) in (3..).zip(texts.iter_mut().zip(stored)) {
                *text = str::from_utf8(bytes).map_err(|_| meaningless(column))?;
            }
            let key: Kept = texts.into_iter().map(Box::from).collect();
            let terms = self.remembered(&key, texts)?;
            self.last = Some((key, terms));
        }
        match &self.last {
            Some((_, terms)) => Ok(terms),
            None => Err(meaningless(3)),
        }
    }

    fn remembered(
        &mut self,
        key: &[Box<str>],
        stored: Stored<'_>,
    ) -> rusqlite::Result<Arc<KeyTerms>> {
        if let Some(terms) = self.all.get(key) {
            return Ok(Arc::clone(terms));
        }
        let terms = Arc::new(parse(stored)?);
        if self.all.len() >= MOST_TERMS {
            self.all.clear();
        }
        self.all.insert(key.into(), Arc::clone(&terms));
        Ok(terms)
    }
}

fn parse([kind, environment, scopes, roles, cidrs]: Stored<'_>) -> rusqlite::Result<KeyTerms> {
    let cidrs = || Cidrs::parse(texts_from_json(cidrs)?.iter().map(String::as_str)).ok();
    Ok(KeyTerms {
        kind: KeyKind::parse(kind).ok_or_else(|| meaningless(3))?,
        environment: Environment::parse(environment).ok_or_else(|| meaningless(4))?,
        scopes: ScopeSet::parse(scopes).map_err(|_| meaningless(5))?,
        roles: texts_from_json(roles).ok_or_else(|| meaningless(6))?,
        allowed_cidrs: cidrs().ok_or_else(|| meaningless(7))?,
    })
}

fn text_bytes<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<&'r [u8]> {
    match row.get_ref(column)? {
        ValueRef::Text(bytes) => Ok(bytes),
        other => Err(wrong_type(column, other.data_type())),
    }
}

fn utf8<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<&'r str> {
    str::from_utf8(text_bytes(row, column)?).map_err(|_| meaningless(column))
}

fn maybe_moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(millis) => Ok(Some(Timestamp::from_millis(millis))),
        other => Err(wrong_type(column, other.data_type())),
    }
}

fn wrong_type(column: usize, found: Type) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(column, String::new(), found)
}

fn meaningless(column: usize) -> rusqlite::Error {
    // The value stays out: it may be what must not be printed.
    let what = "the column holds a value that has no meaning";
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what.into())
}

/// Says which key the operator has to look at.
fn named(row: &Row<'_>, error: &rusqlite::Error) -> StoreError {
    let id = utf8(row, 0).ok().and_then(|id| ApiKeyIdRef::parse(id).ok());
    match (translate(error), id) {
        (StoreError::Corrupt(what), Some(id)) => {
            StoreError::Corrupt(format!("the API key {}: {what}", id.as_str()))
        }
        (StoreError::Corrupt(what), None) => {
            StoreError::Corrupt(format!("{NO_IDENTIFIER}: {what}"))
        }
        (error, _) => error,
    }
}
