//! What a guarded service knows of the call that it answers.

use std::fmt;
use std::sync::Arc;

use doorward_core::Permit;
use doorward_core::decision::DecisionId;
use doorward_core::policy::Rule;
use doorward_core::verified::Principal;

/// Proof, in the extensions of a request, that the gate permitted this call.
///
/// It shows the permit and never gives it out, so that nothing else can be forwarded with it.
#[derive(Clone)]
pub struct Admitted(Arc<Permit>);

impl Admitted {
    pub(crate) fn new(permit: Permit) -> Self {
        Self(Arc::new(permit))
    }

    pub(crate) fn permit(&self) -> &Permit {
        &self.0
    }

    /// The decision's id, by which the operator finds its record.
    #[must_use]
    pub fn decision_id(&self) -> DecisionId {
        self.0.decision_id()
    }

    /// The rule that permitted the call.
    #[must_use]
    pub fn rule(&self) -> &Arc<Rule> {
        self.0.rule()
    }

    /// Who calls; nobody on a public route, whatever credential the caller sent.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.0.principal()
    }
}

impl fmt::Debug for Admitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitted")
            .field("decision_id", &self.decision_id())
            .field("rule", &self.rule().name)
            .finish_non_exhaustive()
    }
}
