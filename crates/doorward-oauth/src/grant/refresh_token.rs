//! The refresh token grant (RFC 6749 section 6): rotation, a grace for lost answers, and the end
//! of the family when a token comes back that should not (RFC 9700 section 4.14.2).

use std::sync::Arc;

use async_trait::async_trait;
use doorward_core::{ScopeSet, Timestamp};
use doorward_store::refresh_family::{RefreshStep, step};
use doorward_store::{GrantType, RefreshFamilyRecord, RefreshRotation, StoreError};

use super::{Ask, Grant, Offer, Redeemed, Settled, Subject, Terms};
use crate::error::OAuthError;
use crate::token::refresh::{RefreshTokens, Shown};

/// Tells whether whom a family stands for may still be stood for.
pub trait Standing: Send + Sync {
    /// What the subject may grant now, and its roles; none when it is gone or shut out.
    fn of(&self, subject: &str) -> Option<(ScopeSet, Vec<String>)>;
}

/// Called when a family was found stolen, after it was revoked: the gate must hear of it.
#[async_trait]
pub trait Alarm: Send + Sync {
    /// Takes over what the store revoked.
    ///
    /// # Errors
    /// Why it could not be, for the operator.
    async fn stolen(&self, family: &RefreshFamilyRecord) -> Result<(), String>;
}

/// The grant.
pub struct RefreshToken {
    tokens: Arc<RefreshTokens>,
    standing: Arc<dyn Standing>,
    alarm: Arc<dyn Alarm>,
}

struct OfFamily<'a> {
    grant: &'a RefreshToken,
    shown: Shown,
    terms: Terms,
}

impl RefreshToken {
    /// The grant, with where families are, who subjects are, and who hears of stolen tokens.
    #[must_use]
    pub fn new(
        tokens: Arc<RefreshTokens>,
        standing: Arc<dyn Standing>,
        alarm: Arc<dyn Alarm>,
    ) -> Self {
        Self {
            tokens,
            standing,
            alarm,
        }
    }

    /// Uses the token up.
    async fn rotate(&self, shown: &Shown, now: Timestamp) -> Result<i64, OAuthError> {
        let usage = self.tokens.usage(shown, now);
        match self.tokens.families.rotate(usage).await {
            Ok(RefreshRotation::Rotated(family) | RefreshRotation::Replayed(family)) => {
                Ok(family.generation)
            }
            Ok(RefreshRotation::Reused(family)) => {
                let heard = self.alarm.stolen(&family).await;
                heard.map_err(OAuthError::unavailable)?;
                Err(ended().because("the token was used before: the whole family is revoked"))
            }
            Ok(RefreshRotation::Ended) => Err(ended()),
            Err(error) => Err(unavailable(&error)),
        }
    }
}

#[async_trait]
impl Grant for RefreshToken {
    fn grant_type(&self) -> GrantType {
        GrantType::RefreshToken
    }

    async fn offer<'a>(&'a self, ask: &Ask<'a>) -> Result<Box<dyn Offer + 'a>, OAuthError> {
        let text = ask
            .form
            .required("refresh_token", "The refresh_token is missing.")?;
        let shown = self.tokens.read(text).ok_or_else(ended)?;
        let found = self.tokens.families.lookup(&shown.family).await;
        let family = found.map_err(|error| unavailable(&error))?;
        // SECURITY: somebody else's token has no effect, and gets the answer of an unknown one.
        let family = family
            .filter(|family| family.client_id == ask.client.id().as_str())
            .ok_or_else(ended)?;
        if step(&family, &self.tokens.usage(&shown, ask.now)) == RefreshStep::Revoke {
            // SECURITY: a stolen token ends the family, whatever else is wrong with the request.
            self.rotate(&shown, ask.now).await?;
            return Err(ended());
        }
        if !family.is_live(ask.now) {
            return Err(ended());
        }
        // SECURITY: proofs of possession are not built here: a bound token must not come without.
        if family.dpop_jkt.is_some() {
            return Err(ended().because("the token is bound to a key"));
        }
        let standing = self.standing.of(&family.subject);
        let (scopes, roles) =
            standing.ok_or_else(|| ended().because("the subject is gone or shut out"))?;
        Ok(Box::new(OfFamily {
            grant: self,
            shown,
            terms: terms(family, &scopes, roles),
        }))
    }
}

#[async_trait]
impl Offer for OfFamily<'_> {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    async fn redeem(self: Box<Self>, settled: &Settled) -> Result<Redeemed, OAuthError> {
        let generation = self.grant.rotate(&self.shown, settled.now).await?;
        let next = self.grant.tokens.text(&self.shown.family, generation);
        Ok(Redeemed {
            refresh_token: Some(next),
            id_token: None,
        })
    }
}

/// The scope stays what it was when none is asked for, and is never more (RFC 6749 section 6).
fn terms(family: RefreshFamilyRecord, may: &ScopeSet, roles: Vec<String>) -> Terms {
    let scopes: ScopeSet = family
        .scopes
        .iter()
        .filter(|scope| may.contains(scope))
        .cloned()
        .collect();
    Terms {
        subject: Subject::User {
            sub: family.subject,
            roles,
            auth_time: family.auth_time,
            acr: family.acr,
        },
        default_scopes: scopes.clone(),
        scopes,
        is_strict: true,
        audiences: family.audiences,
        grant_id: Some(family.id),
        not_after: Some(family.expires_at),
    }
}

fn ended() -> OAuthError {
    OAuthError::invalid_grant("The refresh token is unknown, has ended, or is another client's.")
}

fn unavailable(error: &StoreError) -> OAuthError {
    OAuthError::unavailable(error.to_string())
}

#[cfg(test)]
mod tests;
