//! The value that lets a call through.

use std::sync::Arc;

use bytes::Bytes;

use crate::body::BodyExpectation;
use crate::challenge::Challenge;
use crate::decision::DecisionId;
use crate::limit::Standing;
use crate::policy::Rule;
use crate::refusal::Refusal;
use crate::rejection::{BodyFault, Rejection};
use crate::verified::Principal;

/// Permission for one call. Only the gate makes one, and forwarding takes one by value.
pub struct Permit {
    id: DecisionId,
    rule: Arc<Rule>,
    principal: Option<Principal>,
    body: Option<Bytes>,
    standings: Vec<Standing>,
}

impl Permit {
    pub(crate) const fn new(id: DecisionId, rule: Arc<Rule>, principal: Option<Principal>) -> Self {
        Self {
            id,
            rule,
            principal,
            body: None,
            standings: Vec::new(),
        }
    }

    /// Permits a call with this body and no other.
    pub(crate) fn with_body(self, body: Bytes) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    /// Says what is left of the limits by which the call was counted.
    pub(crate) fn counted(self, standings: Vec<Standing>) -> Self {
        Self { standings, ..self }
    }

    /// What is left of the rule's limits; empty where it has none.
    #[must_use]
    pub fn standings(&self) -> &[Standing] {
        &self.standings
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

    /// The body that was judged. When it is present, exactly these bytes are passed on, and
    /// nothing else of the caller's body: no trailers, no other framing.
    #[must_use]
    pub const fn body(&self) -> Option<&Bytes> {
        self.body.as_ref()
    }

    /// What the body must be. Whoever passes the body on must check it while it passes.
    #[must_use]
    pub fn body_expectation(&self) -> &BodyExpectation {
        self.principal
            .as_ref()
            .map_or(&BodyExpectation::Any, Principal::body)
    }

    /// The answer to a permitted call whose body breaks the bound of its rule, or is not the one
    /// that its credential covers. The decision stays
    /// recorded as it was made.
    #[must_use]
    pub fn refuse_body(&self, fault: BodyFault) -> Refusal {
        let rule = Some(Arc::clone(&self.rule));
        let challenges = match fault {
            BodyFault::Altered => vec![Challenge::new("Signature", "doorward")],
            _ => Vec::new(),
        };
        Refusal::new(self.id, Rejection::Body(fault), rule, challenges)
    }

    /// Who calls; nobody on a public route.
    #[must_use]
    pub const fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }
}
