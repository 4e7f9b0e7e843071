//! Whether a place holds the caller's own subject.

use doorward_core::json::{Number, Value};
use doorward_core::policy::{PathPlace, Pointer};
use doorward_core::rejection::{Denied, OwnerFault};

use super::query::{decoded, only};

/// Whole numbers up to here are the same to readers that keep every number as a float.
const EXACT: i128 = 1 << 53;

/// Checks a segment of a canonical path.
pub(super) fn check_path(place: &PathPlace, subject: &str, path: &str) -> Result<(), Denied> {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let found = match inner.split('/').nth(place.segment) {
        None | Some("") => Err(OwnerFault::Absent),
        Some(segment) => decoded(segment),
    };
    compare(found, subject).map_err(|fault| denied("path", &place.name, fault))
}

/// Checks a parameter of the query.
pub(super) fn check_query(name: &str, subject: &str, query: Option<&str>) -> Result<(), Denied> {
    compare(only(query, name), subject).map_err(|fault| denied("query", name, fault))
}

/// Checks one value of the body.
pub(super) fn check_value(pointer: &Pointer, subject: &str, value: &Value) -> Result<(), Denied> {
    let found = match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(Number::Integer(whole)) if whole.abs() < EXACT => Ok(whole.to_string()),
        Value::Null => Err(OwnerFault::Absent),
        _ => Err(OwnerFault::Unreadable),
    };
    compare(found, subject).map_err(|fault| denied("body", pointer.as_str(), fault))
}

/// The denial of a body that does not name its owner.
pub(super) fn absent(pointer: &Pointer) -> Denied {
    denied("body", pointer.as_str(), OwnerFault::Absent)
}

fn compare(found: Result<String, OwnerFault>, subject: &str) -> Result<(), OwnerFault> {
    let found = found?;
    // SECURITY: nobody is called nothing, and nobody owns what belongs to nobody.
    if !subject.is_empty() && found == subject {
        Ok(())
    } else {
        Err(OwnerFault::Other)
    }
}

fn denied(kind: &str, name: &str, found: OwnerFault) -> Denied {
    Denied::Owner {
        place: format!("{kind} {name}").into(),
        found,
    }
}
