//! Object-level and property-level rules: whose objects a call names, what its body sets.
//!
//! What is compared is what the most generous upstream would read: a second spelling of a name
//! (`userId` beside `user_id`) counts as a second value, never as something else.

use doorward_core::json::Value;
use doorward_core::policy::{BodyRule, Owner};
use doorward_core::rejection::{BodyFault, Denied, Rejection};
use doorward_core::request::RequestHead;
use doorward_core::scope::ScopeSet;

mod body;
mod name;
mod owner;
mod query;

/// Checks the places of the head that must hold the caller's subject.
///
/// # Errors
/// The first place that holds anything else.
pub(crate) fn check_head(owner: &Owner, subject: &str, head: &RequestHead) -> Result<(), Denied> {
    if let Some(place) = &owner.path {
        owner::check_path(place, subject, head.path())?;
    }
    if let Some(name) = &owner.query {
        owner::check_query(name, subject, head.query())?;
    }
    Ok(())
}

/// Who sends a body, as far as judging it needs to know.
pub(crate) struct Sender<'s> {
    /// The pointer to the member that must hold this subject.
    pub(crate) owns: Option<(&'s doorward_core::policy::Pointer, &'s str)>,
    /// Tells whether the sender has all of some scopes.
    pub(crate) holds: &'s dyn Fn(&ScopeSet) -> bool,
}

/// Judges a whole body; an empty one is the absence of one.
///
/// # Errors
/// What cannot be read in one way, what is not the sender's, what it may not send.
pub(crate) fn check_body(rule: &BodyRule, who: &Sender<'_>, body: &[u8]) -> Result<(), Rejection> {
    if body.is_empty() {
        return match who.owns {
            None => Ok(()),
            Some((pointer, _)) => Err(Rejection::Denied(owner::absent(pointer))),
        };
    }
    let document = Value::parse(body, rule.max_bytes)
        .map_err(|error| Rejection::Body(BodyFault::Json(error)))?;
    body::check(rule, who, &document).map_err(Rejection::Denied)
}

#[cfg(test)]
mod tests;
