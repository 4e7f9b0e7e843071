//! What is known of a caller after checks two and three.

use std::sync::Arc;

use crate::body::BodyExpectation;
use crate::clock::Timestamp;
use crate::credential::{CredentialId, Method};
use crate::rejection::Expired;
use crate::scope::ScopeSet;

/// Who a genuine credential stands for. Cloning it copies pointers.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The method that proved it.
    pub method: Method,
    /// What names the credential in records: a key's id, a user's name, a token's `jti`.
    pub credential_id: CredentialId,
    /// Whom the credential stands for.
    pub subject: Arc<str>,
    /// What the credential was given.
    pub grants: Arc<Grants>,
}

/// What a credential was given by whoever issued it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Grants {
    /// The issuer's identifier, for credentials that have one.
    pub issuer: Option<Arc<str>>,
    /// Scopes.
    pub scopes: ScopeSet,
    /// Names of roles; the policy knows which scopes they grant.
    pub roles: Vec<Arc<str>>,
}

/// When a genuine credential may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Validity {
    /// Refused before this moment.
    pub not_before: Timestamp,
    /// Refused at this moment and after it.
    pub not_after: Timestamp,
    /// Refused at this moment and after it, because somebody said so.
    pub revoked_at: Timestamp,
}

impl Validity {
    /// Valid at any time.
    pub const ALWAYS: Self = Self {
        not_before: Timestamp::from_millis(i64::MIN),
        not_after: Timestamp::MAX,
        revoked_at: Timestamp::MAX,
    };
}

impl Validity {
    /// The time in which both hold: a token and the certificate that it is bound to.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        Self {
            not_before: self.not_before.max(other.not_before),
            not_after: self.not_after.min(other.not_after),
            revoked_at: self.revoked_at.min(other.revoked_at),
        }
    }

    /// Check three: neither too early, nor too late, nor revoked.
    ///
    /// # Errors
    /// The reason why nothing is live at `now`.
    pub fn check(self, now: Timestamp) -> Result<(), Expired> {
        if now >= self.revoked_at {
            Err(Expired::Revoked {
                at: self.revoked_at,
            })
        } else if now < self.not_before {
            Err(Expired::NotYetValid {
                from: self.not_before,
            })
        } else if now >= self.not_after {
            Err(Expired::Past {
                since: self.not_after,
            })
        } else {
            Ok(())
        }
    }
}

/// Proof of check two: a method found the credential genuine, meant for us, and bound to this
/// caller.
#[derive(Clone, Debug)]
pub struct Verified {
    identity: Identity,
    validity: Validity,
    body: BodyExpectation,
}

impl Verified {
    /// States that a credential is genuine. Only an authentication method may say so, after its
    /// whole verification.
    #[must_use]
    pub const fn assertion(identity: Identity, validity: Validity) -> Self {
        Self {
            identity,
            validity,
            body: BodyExpectation::Any,
        }
    }

    /// States that the credential covers the body as well.
    #[must_use]
    pub fn covering(self, body: BodyExpectation) -> Self {
        Self { body, ..self }
    }

    /// What the credential says of the body.
    #[must_use]
    pub const fn body(&self) -> &BodyExpectation {
        &self.body
    }

    /// Whom the credential stands for, if it is live.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// When the credential may be used.
    #[must_use]
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// Check three, for every method: neither too early, nor too late, nor revoked.
    ///
    /// # Errors
    /// The reason why the credential is not live at `now`.
    pub fn live_at(self, now: Timestamp) -> Result<Principal, Expired> {
        self.validity.check(now)?;
        Ok(Principal {
            identity: self.identity,
            not_after: self.validity.not_after,
            body: self.body,
        })
    }
}

/// Proof of checks two and three: an identity that is live now. Only [`Verified::live_at`]
/// makes one.
#[derive(Clone, Debug)]
pub struct Principal {
    identity: Identity,
    not_after: Timestamp,
    body: BodyExpectation,
}

impl Principal {
    /// Who it is.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// When the credential ends.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// What the credential says of the body.
    #[must_use]
    pub const fn body(&self) -> &BodyExpectation {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::{Grants, Identity, Validity, Verified};
    use crate::clock::Timestamp;
    use crate::credential::{CredentialId, Method};
    use crate::rejection::Expired;

    fn at(millis: i64, validity: Validity) -> Result<(), Expired> {
        let identity = Identity {
            method: Method::ApiKey,
            credential_id: CredentialId::new("key_1"),
            subject: "alice".into(),
            grants: Grants::default().into(),
        };
        let now = Timestamp::from_millis(millis);
        Verified::assertion(identity, validity)
            .live_at(now)
            .map(drop)
    }

    #[test]
    fn r007_the_edges_of_a_lifetime_are_exact() {
        let ts = Timestamp::from_millis;
        let v = Validity {
            not_before: ts(10),
            not_after: ts(20),
            ..Validity::ALWAYS
        };
        assert_eq!(at(9, v), Err(Expired::NotYetValid { from: ts(10) }));
        assert_eq!(at(10, v), Ok(()));
        assert_eq!(at(19, v), Ok(()));
        assert_eq!(at(20, v), Err(Expired::Past { since: ts(20) }));
        let revoked = Validity {
            revoked_at: ts(15),
            ..v
        };
        assert_eq!(at(14, revoked), Ok(()));
        assert_eq!(at(15, revoked), Err(Expired::Revoked { at: ts(15) }));
    }
}
