//! Components of a request that a signature covers (RFC 9421 section 2).

use std::fmt;

use http::HeaderName;
use thiserror::Error;

use super::structured_field::{BareItem, Item, Parameters, Twice};

/// Why a component identifier is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ComponentError {
    /// It is not a string.
    #[error("a component identifier is a string")]
    NotAString,
    /// It names neither a header field in lower case nor a derived component of a request.
    #[error("the component is neither a header field in lower case nor one of a request")]
    Unknown,
    /// It has a parameter that is unknown or does not belong to it.
    #[error("the component has a parameter that does not belong to it")]
    Parameter,
}

/// A component of a request. One that was parsed can be asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Component {
    pub(super) source: Source,
    item: Item,
}

/// Where the value of a component comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Source {
    Method,
    TargetUri,
    Authority,
    Scheme,
    RequestTarget,
    Path,
    Query,
    QueryParam(String),
    Field(HeaderName, Form),
}

/// How the value of a field is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Plain,
    /// `sf`: serialised strictly.
    Structured,
    /// `bs`: every line as bytes.
    Bytes,
    /// `key`: one member of a dictionary.
    Key(String),
}

impl Component {
    /// Takes an item of a `Signature-Input` field.
    ///
    /// # Errors
    /// [`ComponentError`] for what is unknown, and for what only responses have.
    pub fn from_item(item: Item) -> Result<Self, ComponentError> {
        let BareItem::String(name) = &item.value else {
            return Err(ComponentError::NotAString);
        };
        let source = match name.strip_prefix('@') {
            Some(derived) => derived_source(derived, &item.parameters)?,
            None => field_source(name, &item.parameters)?,
        };
        Ok(Self { source, item })
    }

    /// Parses the name of a component, or a whole identifier with quotes and parameters.
    ///
    /// # Errors
    /// [`ComponentError`] for what is not a component of a request.
    pub fn parse(text: &str) -> Result<Self, ComponentError> {
        let item = if text.starts_with('"') {
            Item::parse(text.as_bytes(), Twice::Refused).map_err(|_| ComponentError::Unknown)?
        } else {
            Item::string(text, Parameters::default())
        };
        Self::from_item(item)
    }

    /// The name, without parameters.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.item.value {
            BareItem::String(name) => name,
            _ => "",
        }
    }

    /// The identifier as `Signature-Input` spells it.
    #[must_use]
    pub const fn item(&self) -> &Item {
        &self.item
    }

    /// Tells whether whoever covers this component covers `wanted` as well: it is the same, or
    /// it is the same whole field in another form.
    #[must_use]
    pub fn covers(&self, wanted: &Self) -> bool {
        match (&self.source, &wanted.source) {
            (Source::Field(name, form), Source::Field(other, Form::Plain)) => {
                name == other && !matches!(form, Form::Key(_))
            }
            (source, other) => source == other,
        }
    }
}

fn derived_source(name: &str, parameters: &Parameters) -> Result<Source, ComponentError> {
    let source = match name {
        "method" => Source::Method,
        "target-uri" => Source::TargetUri,
        "authority" => Source::Authority,
        "scheme" => Source::Scheme,
        "request-target" => Source::RequestTarget,
        "path" => Source::Path,
        "query" => Source::Query,
        "query-param" => return query_param(parameters),
        _ => return Err(ComponentError::Unknown),
    };
    if parameters.is_empty() {
        Ok(source)
    } else {
        Err(ComponentError::Parameter)
    }
}

fn query_param(parameters: &Parameters) -> Result<Source, ComponentError> {
    let mut all = parameters.iter();
    match (all.next(), all.next()) {
        (Some(("name", BareItem::String(name))), None) => Ok(Source::QueryParam(name.clone())),
        _ => Err(ComponentError::Parameter),
    }
}

fn field_source(name: &str, parameters: &Parameters) -> Result<Source, ComponentError> {
    let lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
    let name = HeaderName::from_bytes(name.as_bytes())
        .ok()
        .filter(|_| lower)
        .ok_or(ComponentError::Unknown)?;
    let mut all = parameters.iter();
    // SECURITY: `req` and `tr` name parts of other messages, and two forms at once contradict
    // each other; all that is not listed is refused.
    let form = match (all.next(), all.next()) {
        (None, _) => Form::Plain,
        (Some(("sf", BareItem::Boolean(true))), None) => Form::Structured,
        (Some(("bs", BareItem::Boolean(true))), None) => Form::Bytes,
        (Some(("key", BareItem::String(key))), None) => Form::Key(key.clone()),
        _ => return Err(ComponentError::Parameter),
    };
    Ok(Source::Field(name, form))
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.item.fmt(f)
    }
}
