//! The canonical request: what is signed of a head, exactly as it was received.

use std::fmt::Write as _;

use doorward_core::RequestHead;
use http::header::HOST;
use http::{HeaderName, HeaderValue};
use thiserror::Error;

use super::query::{canonical_query, encode};
use super::{Payload, SignedHeaders, presigned};

/// How a path stands in the canonical request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathEncoding {
    /// Encoded once more than it was sent: every service but one.
    Double,
    /// As it was sent: S3, and what imitates it.
    Single,
}

/// Why a request has no canonical form.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CanonicalError {
    /// A signed header is not there.
    #[error("the signed header {0} is not there")]
    Absent(HeaderName),
    /// A signed header is there twice: its lines could be joined or taken singly.
    #[error("the signed header {0} comes twice")]
    Twice(HeaderName),
    /// A signed header has runs of spaces, which canonical form merges, or is not ASCII.
    #[error("the signed header {0} has two spaces in a row, or is not printable ASCII")]
    Value(HeaderName),
    /// The query is not spelled in the canonical way.
    #[error("the query is not in its canonical spelling, or repeats a name out of order")]
    Query,
}

impl PathEncoding {
    /// The encoding that clients use for a service.
    #[must_use]
    pub fn of_service(service: &str) -> Self {
        if service == "s3" {
            Self::Single
        } else {
            Self::Double
        }
    }
}

/// Builds the canonical request.
///
/// # Errors
/// [`CanonicalError`] when something of the request can be read in two ways.
pub fn canonical_request(
    head: &RequestHead,
    signed: &SignedHeaders,
    payload: &Payload,
    encoding: PathEncoding,
) -> Result<String, CanonicalError> {
    let target = head.sent_target();
    let query =
        canonical_query(target.query(), Some(presigned::SIGNATURE)).ok_or(CanonicalError::Query)?;
    let path = match target.path() {
        "" => "/".to_owned(),
        path if encoding == PathEncoding::Single => path.to_owned(),
        path => encode(path, Some(b'/')),
    };
    let mut text = format!("{}\n{path}\n{query}\n", head.method());
    for name in signed.names() {
        let value = value(head, name)?;
        // Writing to a text cannot fail.
        let _written = writeln!(text, "{name}:{value}");
    }
    let _written = write!(text, "\n{signed}\n{}", payload.to_field());
    Ok(text)
}

/// The one value of a header.
fn value<'h>(head: &'h RequestHead, name: &HeaderName) -> Result<&'h str, CanonicalError> {
    if *name == HOST {
        return Ok(head.host().as_str());
    }
    let mut values = head.headers().get_all(name).iter();
    let value = values.next();
    let value = value.ok_or_else(|| CanonicalError::Absent(name.clone()))?;
    if values.next().is_some() {
        return Err(CanonicalError::Twice(name.clone()));
    }
    let text = HeaderValue::to_str(value).map(|text| text.trim_matches([' ', '\t']));
    match text {
        Ok(text) if !text.contains("  ") && !text.contains('\t') => Ok(text),
        _ => Err(CanonicalError::Value(name.clone())),
    }
}
