//! The value that lets a call through.

use std::sync::Arc;

use crate::decision::DecisionId;
use crate::policy::Rule;
use crate::verified::Principal;

/// Permission for one call. Only the gate makes one, and forwarding takes one by value.
pub struct Permit {
    id: DecisionId,
    rule: Arc<Rule>,
    principal: Option<Principal>,
}

impl Permit {
    pub(crate) const fn new(id: DecisionId, rule: Arc<Rule>, principal: Option<Principal>) -> Self {
        Self {
            id,
            rule,
            principal,
        }
    }

    /// The decision's id.
    #[must_use]
    pub const fn decision_id(&self) -> DecisionId {
        self.id
    }

    /// The rule that permitted the call.
    #[must_use]
    pub const fn rule(&self) -> &Arc<Rule> {
        &self.rule
    }

    /// Who calls; nobody on a public route.
    #[must_use]
    pub const fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }
}
