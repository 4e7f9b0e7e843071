//! Route table, scopes, roles and the decision.
