//! The client acts for itself (RFC 6749 section 4.4): no user, no refresh token.

use async_trait::async_trait;
use doorward_store::GrantType;

use super::{Ask, Grant, Offer, Redeemed, Settled, Subject, Terms};
use crate::error::{ErrorCode, OAuthError};

/// The grant.
pub struct ClientCredentials;

struct OfItself(Terms);

#[async_trait]
impl Grant for ClientCredentials {
    fn grant_type(&self) -> GrantType {
        GrantType::ClientCredentials
    }

    async fn offer<'a>(&'a self, ask: &Ask<'a>) -> Result<Box<dyn Offer + 'a>, OAuthError> {
        // SECURITY: anybody could be a public client. The registration refuses it as well.
        if ask.client.is_public() {
            let sentence = "A public client may not use this grant.";
            return Err(OAuthError::new(ErrorCode::UnauthorizedClient, sentence));
        }
        let scopes = &ask.parts.scopes;
        let registered = scopes.closure(&ask.client.record().scopes);
        let scopes = scopes.filter(&registered, |declared| declared.by_client);
        Ok(Box::new(OfItself(Terms {
            subject: Subject::Client,
            default_scopes: scopes.clone(),
            scopes,
            is_strict: true,
            audiences: Vec::new(),
            grant_id: None,
            not_after: None,
        })))
    }
}

#[async_trait]
impl Offer for OfItself {
    fn terms(&self) -> &Terms {
        &self.0
    }

    async fn redeem(self: Box<Self>, _settled: &Settled) -> Result<Redeemed, OAuthError> {
        Ok(Redeemed::default())
    }
}
