//! Why a known caller may not do this.

use super::Reason;
use crate::scope::ScopeSet;

/// Why a known caller may not do this.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Denied {
    /// No rule covers the operation.
    NoRule,
    /// The rule needs scopes that the caller lacks.
    Scope {
        /// All the scopes that the rule needs.
        required: ScopeSet,
    },
    /// A browser's preflight from an origin, or for a method or header, that the route does not
    /// share with it.
    Preflight,
    /// The call names somebody else, or nobody, where it must name its caller.
    Owner {
        /// Which place: `path user`, `query user`, `body /user_id`.
        place: Box<str>,
        /// What is there. Never the value itself.
        found: OwnerFault,
    },
    /// The body has a member that this caller may not send.
    Member {
        /// The member, as the rule names it, or as the caller did where no rule does.
        member: Box<str>,
        /// The scopes that would allow it; none where nobody may send it.
        needs: ScopeSet,
    },
    /// The body has another shape than the rule's pointers expect, so that an upstream that
    /// reads it generously could find a member where the rule did not look.
    Shape {
        /// Where.
        member: Box<str>,
    },
}

/// What stands where the caller's subject must stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OwnerFault {
    /// Nothing.
    Absent,
    /// More than one value, or one more in a spelling that some servers take for the same.
    Doubled,
    /// Something that is not a text, or a text that servers read differently.
    Unreadable,
    /// Somebody else.
    Other,
}

impl OwnerFault {
    /// The words in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "is absent",
            Self::Doubled => "is there more than once",
            Self::Unreadable => "cannot be read in one way",
            Self::Other => "is not the caller",
        }
    }
}

impl Denied {
    /// The explanation for the operator.
    #[must_use]
    pub const fn reason(&self) -> &'static Reason {
        match self {
            Self::NoRule => &NO_RULE,
            Self::Scope { .. } => &SCOPE,
            Self::Preflight => &PREFLIGHT,
            Self::Owner { .. } => &OWNER,
            Self::Member { .. } => &MEMBER,
            Self::Shape { .. } => &SHAPE,
        }
    }

    /// What was found, for the operator.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::NoRule | Self::Preflight => None,
            Self::Scope { required } => Some(format!("needs {required}")),
            Self::Owner { place, found } => Some(format!("{place} {}", found.as_str())),
            Self::Member { member, needs } if needs.is_empty() => {
                Some(format!("{member} is not among the members of the rule"))
            }
            Self::Member { member, needs } => Some(format!("{member} needs {needs}")),
            Self::Shape { member } => Some(member.to_string()),
        }
    }
}

pub(super) const NO_RULE: Reason = Reason {
    code: "no_rule",
    meaning: "No rule covers this host, path and method, so nobody may call it.",
    fix: "Add a [[route]] for it, or correct the address.",
};
pub(super) const SCOPE: Reason = Reason {
    code: "insufficient_scope",
    meaning: "The caller is known and lacks a scope that the rule needs.",
    fix: "Give the credential or one of its roles the missing scope, if the caller may have it.",
};
pub(super) const PREFLIGHT: Reason = Reason {
    code: "preflight_refused",
    meaning: "A browser asked whether a page of another origin may call this, and it may not.",
    fix: "Name the origin, method and headers in the route's `cors`, if the page may call it.",
};
pub(super) const OWNER: Reason = Reason {
    code: "owner_mismatch",
    meaning: "The rule lets callers touch only what is their own, and the call names somebody \
              else, nobody, or more than one.",
    fix: "Name the caller's own subject, once, in every place of the route's `owner`; or give \
          staff the scope of `owner.unless_scope`.",
};
pub(super) const MEMBER: Reason = Reason {
    code: "body_field_denied",
    meaning: "The body has a member that this caller may not send.",
    fix: "Leave the member out; or name it in `body.members`, or give the caller the scope that \
          `body.needs` asks for.",
};
pub(super) const SHAPE: Reason = Reason {
    code: "body_shape",
    meaning: "The body has a list or a value where the rule's pointers expect an object, or the \
              other way round, or a member whose name differs from a guarded one only in spelling.",
    fix: "Send the shape that the pointers of `owner.body` and `body` describe.",
};
