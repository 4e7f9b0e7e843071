//! The members of a JSON body.

use doorward_core::json::{Object, Value};
use doorward_core::policy::{BodyRule, Pointer, Step};
use doorward_core::rejection::Denied;
use doorward_core::scope::ScopeSet;

use super::name::same;
use super::{Sender, owner};

/// The longest name of a caller's that is recorded. Every key and token is longer.
const MAX_NAME: usize = 40;

/// Checks a document: its owner, the members that need scopes, the members that are allowed.
pub(super) fn check(rule: &BodyRule, who: &Sender<'_>, document: &Value) -> Result<(), Denied> {
    if let Some((pointer, subject)) = who.owns {
        let mut places = 0_usize;
        visit(document, pointer, pointer.steps(), &mut |value| {
            places = places.saturating_add(1);
            match value {
                Some(value) => owner::check_value(pointer, subject, value),
                None => Err(owner::absent(pointer)),
            }
        })?;
        // A list without elements names nobody.
        if places == 0 {
            return Err(owner::absent(pointer));
        }
    }
    for (pointer, scopes) in &rule.needs {
        if !(who.holds)(scopes) {
            visit(document, pointer, pointer.steps(), &mut |value| {
                value.map_or(Ok(()), |_| {
                    Err(Denied::Member {
                        member: pointer.as_str().into(),
                        needs: scopes.clone(),
                    })
                })
            })?;
        }
    }
    match &rule.members {
        None => Ok(()),
        Some(members) => {
            let known: Vec<&[Step]> = members.iter().map(Pointer::steps).collect();
            only(document, &known, "")
        }
    }
}

/// Shows every value that a pointer means, and every place on its way where there is none.
///
/// # Errors
/// What the visit says, and [`Denied::Shape`] where the document goes another way than the pointer.
fn visit(
    value: &Value,
    pointer: &Pointer,
    steps: &[Step],
    seen: &mut dyn FnMut(Option<&Value>) -> Result<(), Denied>,
) -> Result<(), Denied> {
    let shape = || Denied::Shape {
        member: pointer.as_str().into(),
    };
    let Some((step, rest)) = steps.split_first() else {
        return seen(Some(value));
    };
    match (step, value) {
        (Step::Member(name), Value::Object(object)) => {
            if has_other_spelling(object, name) {
                return Err(shape());
            }
            match object.get(name) {
                None => seen(None),
                Some(inner) => visit(inner, pointer, rest, seen),
            }
        }
        (Step::Each, Value::Array(elements)) => elements
            .iter()
            .try_for_each(|element| visit(element, pointer, rest, seen)),
        _ => Err(shape()),
    }
}

/// Tells whether an object has a member that some reader takes for the one with this name.
fn has_other_spelling(object: &Object, name: &str) -> bool {
    object
        .iter()
        .any(|(other, _)| other != name && same(other, name))
}

/// Checks that a value has nothing but what some of these pointers allow.
fn only(value: &Value, allowed: &[&[Step]], at: &str) -> Result<(), Denied> {
    if allowed.iter().any(|steps| steps.is_empty()) {
        return Ok(());
    }
    let within = |wanted: &dyn Fn(&Step) -> bool| -> Vec<&[Step]> {
        let split = allowed.iter().filter_map(|steps| steps.split_first());
        split
            .filter(|(step, _)| wanted(step))
            .map(|(_, rest)| rest)
            .collect()
    };
    let each = within(&|step| *step == Step::Each);
    match value {
        Value::Object(object) if each.is_empty() => {
            for (name, inner) in object.iter() {
                let here = format!("{at}/{}", shown(name));
                let inside =
                    within(&|step| matches!(step, Step::Member(known) if **known == *name));
                if inside.is_empty() {
                    return Err(Denied::Member {
                        member: here.into(),
                        needs: ScopeSet::EMPTY,
                    });
                }
                only(inner, &inside, &here)?;
            }
            Ok(())
        }
        Value::Array(elements) if !each.is_empty() && each.len() == allowed.len() => elements
            .iter()
            .try_for_each(|element| only(element, &each, &format!("{at}/*"))),
        _ => Err(Denied::Shape {
            member: if at.is_empty() { "/" } else { at }.into(),
        }),
    }
}

fn shown(name: &str) -> &str {
    if name.len() > MAX_NAME {
        "[long]"
    } else {
        name
    }
}
