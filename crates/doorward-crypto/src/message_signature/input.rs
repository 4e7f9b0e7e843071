//! `Signature-Input` and `Signature`: what is signed, and by whom (RFC 9421 section 4).

use http::{HeaderMap, HeaderName};
use thiserror::Error;

use super::component::{Component, ComponentError};
use super::structured_field::{BareItem, Dictionary, InnerList, Item, Member, Parameters, Twice};

/// The header that says what is signed.
pub const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
/// The header that holds the signatures.
pub const SIGNATURE: HeaderName = HeaderName::from_static("signature");

/// The most bytes of either header.
const MAX_BYTES: usize = 8 * 1024;
/// The most signatures of one request.
const MAX_LABELS: usize = 8;
/// The most components of one signature.
const MAX_COMPONENTS: usize = 64;
/// The longest text of a parameter.
const MAX_TEXT: usize = 256;

/// Why the signature headers are refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum InputError {
    /// One of the two headers is not a dictionary, or too long, or names a label twice.
    #[error("Signature-Input and Signature are not dictionaries, or name a label twice")]
    Dictionary,
    /// A label has no list of components.
    #[error("the label has no list of components")]
    NotAList,
    /// A label has no signature.
    #[error("the label has no signature")]
    NoSignature,
    /// There are too many signatures or components.
    #[error("there are too many signatures or components")]
    TooMany,
    /// A component is refused.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// A component is listed twice.
    #[error("a component is covered twice")]
    ComponentTwice,
    /// A parameter is unknown, of the wrong type or too long.
    #[error("a parameter of the signature is unknown, of the wrong type or too long")]
    Parameter,
}

/// The parameters of a signature (RFC 9421 section 2.3). Times are in seconds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SignatureParams {
    /// When it was made.
    pub created: Option<i64>,
    /// When it ends.
    pub expires: Option<i64>,
    /// What makes it unique.
    pub nonce: Option<String>,
    /// The algorithm that the signer names.
    pub alg: Option<String>,
    /// The key.
    pub keyid: Option<String>,
    /// The application that it is meant for.
    pub tag: Option<String>,
}

/// What one signature covers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Covered {
    components: Vec<Component>,
    params: SignatureParams,
    list: InnerList,
}

/// The signatures of a request, each with its label.
pub struct Signatures {
    inputs: Dictionary,
    signatures: Dictionary,
}

impl Signatures {
    /// Parses the headers of a request; `None` when it has neither.
    ///
    /// # Errors
    /// [`InputError::Dictionary`] or [`InputError::TooMany`].
    pub fn parse(headers: &HeaderMap) -> Result<Option<Self>, InputError> {
        if !headers.contains_key(SIGNATURE_INPUT) && !headers.contains_key(SIGNATURE) {
            return Ok(None);
        }
        let inputs = dictionary(headers, &SIGNATURE_INPUT)?;
        let signatures = dictionary(headers, &SIGNATURE)?;
        if inputs.iter().count().max(signatures.iter().count()) > MAX_LABELS {
            return Err(InputError::TooMany);
        }
        Ok(Some(Self { inputs, signatures }))
    }

    /// Every label and the `tag` of its signature.
    pub fn tags(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.inputs.iter().map(|(label, member)| {
            let tag = match member {
                Member::InnerList(list) => list.parameters.get("tag"),
                Member::Item(_) => None,
            };
            let tag = tag.and_then(|tag| match tag {
                BareItem::String(tag) => Some(tag.as_str()),
                _ => None,
            });
            (label, tag)
        })
    }

    /// What the signature of a label covers, and the signature.
    ///
    /// # Errors
    /// [`InputError`] when it is not one that can be verified.
    pub fn of(&self, label: &str) -> Result<(Covered, &[u8]), InputError> {
        let Some(Member::InnerList(list)) = self.inputs.get(label) else {
            return Err(InputError::NotAList);
        };
        let Some(Member::Item(Item {
            value: BareItem::Bytes(signature),
            ..
        })) = self.signatures.get(label)
        else {
            return Err(InputError::NoSignature);
        };
        Ok((Covered::from_list(list.clone())?, signature))
    }
}

fn dictionary(headers: &HeaderMap, name: &HeaderName) -> Result<Dictionary, InputError> {
    let mut joined: Vec<u8> = Vec::new();
    for value in headers.get_all(name) {
        if !joined.is_empty() {
            joined.extend_from_slice(b", ");
        }
        joined.extend_from_slice(value.as_bytes());
        if joined.len() > MAX_BYTES {
            return Err(InputError::TooMany);
        }
    }
    Dictionary::parse(&joined, Twice::Refused).map_err(|_| InputError::Dictionary)
}

impl Covered {
    /// Lists components and parameters, for signing.
    ///
    /// # Errors
    /// [`InputError`] when a component is listed twice or a text cannot be written.
    pub fn new(components: Vec<Component>, params: &SignatureParams) -> Result<Self, InputError> {
        let items = components.iter().map(|one| one.item().clone()).collect();
        let mut parameters = Parameters::default();
        for (name, time) in [("created", params.created), ("expires", params.expires)] {
            if let Some(time) = time {
                parameters = parameters.with(name, BareItem::Integer(time));
            }
        }
        for (name, text) in [
            ("nonce", &params.nonce),
            ("alg", &params.alg),
            ("keyid", &params.keyid),
            ("tag", &params.tag),
        ] {
            if let Some(text) = text {
                if !text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
                    return Err(InputError::Parameter);
                }
                parameters = parameters.with(name, BareItem::String(text.clone()));
            }
        }
        Self::from_list(InnerList { items, parameters })
    }

    fn from_list(list: InnerList) -> Result<Self, InputError> {
        if list.items.len() > MAX_COMPONENTS {
            return Err(InputError::TooMany);
        }
        let mut components: Vec<Component> = Vec::with_capacity(list.items.len());
        for item in &list.items {
            let component = Component::from_item(item.clone())?;
            if components.contains(&component) {
                return Err(InputError::ComponentTwice);
            }
            components.push(component);
        }
        let params = params(&list.parameters)?;
        Ok(Self {
            components,
            params,
            list,
        })
    }

    /// The components in their order.
    #[must_use]
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// The parameters.
    #[must_use]
    pub const fn params(&self) -> &SignatureParams {
        &self.params
    }

    /// The whole list, as it is signed.
    #[must_use]
    pub const fn list(&self) -> &InnerList {
        &self.list
    }

    /// Tells whether a component is covered, in whatever form that covers all of it.
    #[must_use]
    pub fn covers(&self, wanted: &Component) -> bool {
        self.components.iter().any(|one| one.covers(wanted))
    }

    /// Tells whether a component without parameters is covered.
    #[must_use]
    pub fn covers_name(&self, name: &str) -> bool {
        Component::parse(name).is_ok_and(|wanted| self.covers(&wanted))
    }
}

fn params(parameters: &Parameters) -> Result<SignatureParams, InputError> {
    let mut found = SignatureParams::default();
    for (name, value) in parameters.iter() {
        let text = match value {
            BareItem::String(text) if text.len() <= MAX_TEXT => Some(text.clone()),
            _ => None,
        };
        let number = match value {
            BareItem::Integer(number) => Some(*number),
            _ => None,
        };
        // SECURITY: a parameter that nobody knows might restrict the signature.
        let known = match name {
            "created" => replace(&mut found.created, number),
            "expires" => replace(&mut found.expires, number),
            "nonce" => replace(&mut found.nonce, text),
            "alg" => replace(&mut found.alg, text),
            "keyid" => replace(&mut found.keyid, text),
            "tag" => replace(&mut found.tag, text),
            _ => false,
        };
        if !known {
            return Err(InputError::Parameter);
        }
    }
    Ok(found)
}

fn replace<T>(into: &mut Option<T>, value: Option<T>) -> bool {
    *into = value;
    into.is_some()
}
