//! What binds a call to its caller: whose objects it names, and which members its body sets.

use super::pointer::Pointer;
use crate::scope::ScopeSet;

/// What a call may name and set beyond its path and method. The default binds nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Binding {
    /// Where the call names the owner of what it touches.
    pub owner: Option<Owner>,
    /// How the body is judged. Present when `owner` names a member of it: a body that no rule
    /// here asks for is never read.
    pub body: Option<BodyRule>,
}

/// The places that must hold the caller's own subject: every one that is named, exactly once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owner {
    /// A segment of the path.
    pub path: Option<PathPlace>,
    /// A parameter of the query.
    pub query: Option<Box<str>>,
    /// A member of the JSON body.
    pub body: Option<Pointer>,
    /// Callers who have all these scopes may name others; nobody when absent.
    pub unless: Option<ScopeSet>,
}

/// A parameter of a path template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathPlace {
    /// The parameter's name, for records.
    pub name: Box<str>,
    /// Which segment of the path it is, counted from zero.
    pub segment: usize,
}

/// How a JSON body is judged before it is passed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BodyRule {
    /// The largest body in bytes.
    pub max_bytes: usize,
    /// Accepted media types, in lower case, without parameters.
    pub types: Vec<Box<str>>,
    /// The only members that a body may have, each with all that is in it; any when absent.
    pub members: Option<Vec<Pointer>>,
    /// Members that only callers with these scopes may send.
    pub needs: Vec<(Pointer, ScopeSet)>,
}

impl BodyRule {
    /// The largest body that is judged when the rule does not say: 64 KiB.
    pub const MAX_BYTES: usize = 64 * 1024;
    /// The largest body that a rule may ask to be judged: 1 MiB.
    pub const MOST_BYTES: usize = 1024 * 1024;
    /// The media type that is accepted when the rule names none.
    pub const JSON: &'static str = "application/json";

    /// Every pointer of the rule.
    pub fn pointers(&self) -> impl Iterator<Item = &Pointer> {
        let members = self.members.iter().flatten();
        members.chain(self.needs.iter().map(|(pointer, _)| pointer))
    }
}

impl Default for BodyRule {
    fn default() -> Self {
        Self {
            max_bytes: Self::MAX_BYTES,
            types: vec![Self::JSON.into()],
            members: None,
            needs: Vec::new(),
        }
    }
}
